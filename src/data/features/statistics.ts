/**
 * Statistics of each window and channel, as vectors for the model's "statistics" input (recipe of Millwright for
 * C-MAPSS; the slope is 3 * mean(x * u), u the row number in the window standardised with n-1). sd is with n-1.
 */
import { z } from "zod";
import { type Channel, chosen, type Frame, needsOrder } from "../frame.js";
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
    for (const channel of chosen(frame, spec.columns, `${where}.columns`, "rows")) {
      for (const kind of list) {
        const of = kind === "tail" ? `mean${tail}` : kind;
        const name = `${channel.name}:${of}${spec.rows === undefined ? "" : `@${spec.rows}`}`;
        frame.columns.push({ name, values: measure(frame, channel, kind, length, tail) });
      }
    }
  },
});

function measure(frame: Frame, { values }: Channel, kind: Kind, length: number, tail: number): Float64Array {
  const { lasts, runStart } = frame;
  const out = new Float64Array(lasts.length);
  const ramp = kind === "slope" ? standardRamp(length) : undefined;
  for (let i = 0; i < lasts.length; i++) {
    const last = lasts[i];
    // A window longer than the machine's history repeats the first row in front.
    const first = runStart[last];
    const from = last - length + 1;
    if (kind === "last") out[i] = values[last];
    else if (kind === "mean") out[i] = mean(values, from, last, first);
    else if (kind === "tail") out[i] = mean(values, last - tail + 1, last, first);
    else if (ramp !== undefined) {
      let sum = 0;
      for (let t = 0; t < length; t++) sum += values[Math.max(first, from + t)] * ramp[t];
      out[i] = (3 * sum) / length;
    } else if (kind === "std") {
      const middle = mean(values, from, last, first);
      let sum = 0;
      for (let t = from; t <= last; t++) {
        const d = values[Math.max(first, t)] - middle;
        sum += d * d;
      }
      out[i] = length > 1 ? Math.sqrt(sum / (length - 1)) : 0;
    } else {
      let best = values[Math.max(first, from)];
      for (let t = from + 1; t <= last; t++) {
        const value = values[Math.max(first, t)];
        // NaN must win, so that a missing value is seen later on.
        if (Number.isNaN(value) || (kind === "min" ? value < best : value > best)) best = value;
      }
      out[i] = best;
    }
  }
  return out;
}

function mean(values: Float64Array, from: number, to: number, first: number): number {
  let sum = 0;
  for (let t = from; t <= to; t++) sum += values[Math.max(first, t)];
  return sum / (to - from + 1);
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
