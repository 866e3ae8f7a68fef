/**
 * Products of every left with every right column: min(left, cap) * right. With window columns they are made per
 * window ("*:count" times "*:mean"), in a tabular task per row.
 */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { type Channel, select } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

export const products = feature({
  name: "products",
  schema: z.strictObject({
    use: z.literal("products"),
    left: columnsSchema.unwrap(),
    right: columnsSchema.unwrap(),
    /** Largest left value that counts: 1 turns a count into "happened or not". */
    cap: z.number().optional(),
  }),
  apply(frame, spec, { where }) {
    const windowed = frame.columns.length > 0;
    if (!windowed && !frame.tabular) {
      fail("FILE_INVALID", { where, expected: "window features (statistics, counts or lags) earlier in the list", got: "none" });
    }
    const pool = windowed ? frame.columns : frame.channels;
    const made: Channel[] = [];
    for (const left of select(pool, spec.left, `${where}.left`)) {
      for (const right of select(pool, spec.right, `${where}.right`)) {
        const values = new Float64Array(left.values.length);
        const cap = spec.cap ?? Number.POSITIVE_INFINITY;
        for (let i = 0; i < values.length; i++) values[i] = Math.min(left.values[i], cap) * right.values[i];
        made.push({ name: `${left.name}*${right.name}`, values });
      }
    }
    pool.push(...made);
  },
});
