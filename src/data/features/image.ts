/**
 * Normalises the values of a tensor column (images, or a sequence per row) by a federated mean and sd: one pair for all
 * values, or one per channel (the last axis), as sequences of several sensors need. Done while the tensor is copied.
 */
import { z } from "zod";
import { feature } from "./feature.js";

export const image = feature({
  name: "image",
  schema: z.strictObject({ use: z.literal("image"), per: z.literal("channel").optional() }),
  // Tensors are no channels of a frame: src/data/tensor.ts applies this where it finds the feature in the list.
  apply() {},
});
