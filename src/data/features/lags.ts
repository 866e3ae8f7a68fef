/**
 * Earlier values of a column, counted in rows back from the predicted row: for a value task with horizon h the
 * predicted row lies h rows after the last known one, so that lag h is the newest value there is. For other tasks
 * the predicted row is the last row of the window.
 */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { chosen, needsOrder } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

export const lags = feature({
  name: "lags",
  schema: z.strictObject({
    use: z.literal("lags"),
    columns: columnsSchema.unwrap(),
    at: z.array(z.int().nonnegative().max(1_000_000)).min(1).max(4096),
  }),
  reach: (spec, ahead) => ({ window: Math.max(...spec.at) - ahead }),
  apply(frame, spec, { where }) {
    needsOrder(frame, "lags");
    for (const lag of spec.at) {
      if (lag < frame.ahead) {
        fail("FILE_INVALID", { where: `${where}.at`, expected: `lags of at least the horizon (${frame.ahead} rows)`, got: String(lag) });
      }
    }
    for (const { name, values } of chosen(frame, spec.columns, `${where}.columns`, "rows")) {
      for (const lag of spec.at) {
        const column = new Float64Array(frame.lasts.length);
        for (let i = 0; i < column.length; i++) {
          // Windows without this much history are not placed, except padded ones, which repeat the first row.
          column[i] = values[Math.max(frame.runStart[frame.lasts[i]], frame.lasts[i] + frame.ahead - lag)];
        }
        frame.columns.push({ name: `${name}:lag${lag}`, values: column });
      }
    }
  },
});
