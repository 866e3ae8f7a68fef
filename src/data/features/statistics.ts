/**
 * Statistics of each window and channel, as vectors for the model's "statistics" input (recipe of Millwright for
 * C-MAPSS; the slope is 3 * mean(x * u), u the row number in the window standardised with n-1). sd is with n-1.
 */
import { z } from "zod";
import { chosen, type Frame, needsOrder } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

const kinds = ["mean", "tail", "slope", "std", "min", "max", "last"] as const;
type Kind = (typeof kinds)[number];

export const statistics = feature({
  name: "statistics",
  schema: z.strictObject({
    use: z.literal("statistics"),
    columns: columnsSchema,
    list: z.array(z.enum(kinds)).min(1).optional(),
    /** Rows of the "tail" mean at the end of the window. */
    tail: z.int().positive().max(100_000).optional(),
    /** Rows to look at instead of the task's window: longer, shorter, or some where the task has none. */
    rows: z.int().positive().max(1_000_000).optional(),
  }),
  reach: (spec) => ({ window: (spec.rows ?? 1) - 1 }),
  apply(frame, spec, { where }) {
    const length = spec.rows ?? frame.length;
    if (length > 1) needsOrder(frame, "statistics");
    const list = spec.list ?? ["mean", "tail", "slope", "std"];
    const tail = Math.min(spec.tail ?? 5, length);
    for (const { name, values } of chosen(frame, spec.columns, `${where}.columns`, "rows")) {
      const measured = measure(frame, values, list, length, tail);
      list.forEach((kind, k) => {
        const of = kind === "tail" ? `mean${tail}` : kind;
        frame.columns.push({ name: `${name}:${of}${spec.rows === undefined ? "" : `@${spec.rows}`}`, values: measured[k] });
      });
    }
  },
});

/** Each statistic of each window of one channel. A window longer than the history repeats the first row in front. */
function measure(frame: Frame, values: Float64Array, list: readonly Kind[], length: number, tail: number): Float64Array[] {
  const { lasts, runStart } = frame;
  const out = list.map(() => new Float64Array(lasts.length));
  const window = new Float64Array(length);
  const ramp = standardRamp(length);
  for (let i = 0; i < lasts.length; i++) {
    const last = lasts[i];
    const first = runStart[last];
    const from = last - length + 1;
    for (let t = 0; t < length; t++) window[t] = values[Math.max(from + t, first)];
    for (let k = 0; k < list.length; k++) out[k][i] = statistic(list[k], window, tail, ramp);
  }
  return out;
}

function statistic(kind: Kind, window: Float64Array, tail: number, ramp: Float64Array): number {
  const { length } = window;
  if (kind === "last") return window[length - 1];
  if (kind === "mean") return mean(window, 0);
  if (kind === "tail") return mean(window, length - tail);
  if (kind === "slope") {
    let sum = 0;
    for (let t = 0; t < length; t++) sum += window[t] * ramp[t];
    return (3 * sum) / length;
  }
  if (kind === "std") {
    if (length < 2) return window[0] * 0;
    const middle = mean(window, 0);
    let sum = 0;
    for (let t = 0; t < length; t++) sum += (window[t] - middle) * (window[t] - middle);
    return Math.sqrt(sum / (length - 1));
  }
  // Math.min and Math.max give NaN where any value is missing, so that it is seen later on.
  let best = window[0];
  for (let t = 1; t < length; t++) best = kind === "min" ? Math.min(best, window[t]) : Math.max(best, window[t]);
  return best;
}

function mean(window: Float64Array, from: number): number {
  let sum = 0;
  for (let t = from; t < window.length; t++) sum += window[t];
  return sum / (window.length - from);
}

/** 0..length-1 with mean 0 and sample sd 1. */
function standardRamp(length: number): Float64Array {
  const ramp = new Float64Array(length);
  if (length < 2) return ramp;
  const middle = (length - 1) / 2;
  let squares = 0;
  for (let t = 0; t < length; t++) squares += (t - middle) * (t - middle);
  const sd = Math.sqrt(squares / (length - 1));
  for (let t = 0; t < length; t++) ramp[t] = (t - middle) / sd;
  return ramp;
}
