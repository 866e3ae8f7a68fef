/**
 * log(1 + x) for columns that are non-negative and wide: those whose federated minimum is >= 0 and whose maximum lies
 * above a threshold (all sites decide alike, from the measured statistics), or those named.
 */
import { z } from "zod";
import { log1p as ln1p } from "../../core/math.js";
import { chosen } from "../frame.js";
import { extentKey } from "../statistic.js";
import { columnsSchema, feature } from "./feature.js";

export const log1p = feature({
  name: "log1p",
  schema: z.strictObject({
    use: z.literal("log1p"),
    columns: columnsSchema,
    /** Columns whose maximum is above this. Default 50. */
    above: z.number().optional(),
  }),
  apply(frame, spec, { scaler, logAll, where }) {
    const above = spec.above ?? 50;
    for (const { name, values } of chosen(frame, spec.columns, `${where}.columns`, "rows")) {
      const extent = scaler?.columns[extentKey(name)];
      const wide = logAll ?? (extent !== undefined && extent.min >= 0 && extent.max > above);
      if (!wide) continue;
      frame.logged.push(name);
      // Below zero only where new data leaves the range seen in training (or while measuring a column that will not be used).
      for (let i = 0; i < values.length; i++) values[i] = Number.isNaN(values[i]) ? values[i] : ln1p(Math.max(values[i], 0));
    }
  },
});
