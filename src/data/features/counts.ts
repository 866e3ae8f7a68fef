/** Sum of count columns over each window: how many errors of a kind the machine reported. */
import { z } from "zod";
import { chosen, needsOrder } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

export const counts = feature({
  name: "counts",
  schema: z.strictObject({ use: z.literal("counts"), columns: columnsSchema.unwrap() }),
  apply(frame, spec, { where }) {
    if (frame.length > 1) needsOrder(frame, "counts");
    for (const { name, values } of chosen(frame, spec.columns, `${where}.columns`, "rows")) {
      const sums = new Float64Array(frame.lasts.length);
      for (let i = 0; i < sums.length; i++) {
        const last = frame.lasts[i];
        const first = frame.runStart[last];
        let sum = 0;
        for (let t = last - frame.length + 1; t <= last; t++) sum += values[Math.max(first, t)];
        sums[i] = sum;
      }
      frame.columns.push({ name: `${name}:count`, values: sums });
    }
  },
});
