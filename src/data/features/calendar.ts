/**
 * The calendar of the predicted moment: sine and cosine of cycles per day and per week, weekday and slot of the hour
 * as one-hot. Timestamps are taken as they are written in the data (no time zone is applied). The predicted moment
 * is the last row plus the horizon of a value task; with `rows` every row of the sequence gets its own instead.
 */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { cos, sin } from "../../core/math.js";
import type { Channel } from "../frame.js";
import { feature } from "./feature.js";

const day = 86_400_000;
const hour = 3_600_000;

export const calendar = feature({
  name: "calendar",
  schema: z.strictObject({
    use: z.literal("calendar"),
    /** Cycles per day: [1, 2] gives sin and cos of one and of two turns a day. Default [1]. */
    cycles: z.array(z.int().positive().max(96)).optional(),
    /** sin and cos of one turn a week. */
    week: z.boolean().optional(),
    /** One-hot day of the week, Monday first. */
    weekday: z.boolean().optional(),
    /** One-hot part of the hour: 4 gives quarters. */
    slots: z.int().min(2).max(60).optional(),
    rows: z.boolean().optional(),
  }),
  apply(frame, spec, { where }) {
    if (frame.clock !== "time") fail("FILE_INVALID", { where, expected: "data with a clock (a time column)", got: "none" });
    const perRow = spec.rows === true;
    const moments = perRow ? frame.time : Float64Array.from(frame.lasts, (last) => frame.time[last] + frame.ahead * frame.tick);
    const into = perRow ? frame.channels : frame.columns;
    const add = (name: string, value: (time: number) => number): void => {
      into.push({ name: `calendar:${name}`, values: Float64Array.from(moments, value) } satisfies Channel);
    };
    for (const n of spec.cycles ?? [1]) {
      add(`day-sin${n}`, (time) => sin(2 * Math.PI * n * (modulo(time, day) / day)));
      add(`day-cos${n}`, (time) => cos(2 * Math.PI * n * (modulo(time, day) / day)));
    }
    if (spec.week === true) {
      add("week-sin", (time) => sin(2 * Math.PI * (modulo(time - 4 * day, 7 * day) / (7 * day))));
      add("week-cos", (time) => cos(2 * Math.PI * (modulo(time - 4 * day, 7 * day) / (7 * day))));
    }
    // 1 January 1970 was a Thursday: day 4 after it a Monday.
    if (spec.weekday === true)
      for (let d = 0; d < 7; d++) add(`weekday${d}`, (time) => (modulo(Math.floor(time / day) - 4, 7) === d ? 1 : 0));
    const slots = spec.slots ?? 0;
    for (let s = 0; s < slots; s++) add(`slot${s}`, (time) => (Math.floor((modulo(time, hour) * slots) / hour) === s ? 1 : 0));
  },
});

function modulo(a: number, b: number): number {
  return a - b * Math.floor(a / b);
}
