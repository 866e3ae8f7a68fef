/** Normalises the values of a tensor column (images) by one federated mean and sd. Done while the tensor is copied. */
import { z } from "zod";
import { feature } from "./feature.js";

export const image = feature({
  name: "image",
  schema: z.strictObject({ use: z.literal("image") }),
  // Tensors are no channels of a frame: src/data/tensor.ts applies this where it finds the feature in the list.
  apply() {},
});
