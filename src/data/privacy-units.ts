/**
 * Which privacy units each example read. The unit is a machine-day where readings have a clock; the whole machine where
 * time is a count (an engine's life in cycles); the row where rows stand alone. An example reads every day from its
 * earliest row (window, lags, smoothing memory, the reach of gap filling, the rows of `own` scaling) to the end of the
 * interval its answer is made from, all days between included. What the federated scaling reveals is not counted here:
 * its sums are a release of their own.
 */
import { fail } from "../core/errors.js";
import type { Frame } from "./frame.js";
import { clockOf } from "./frame.js";
import type { PreparedDataset } from "./prepare.js";

const day = 86_400_000;

export interface UnitPlan {
  readonly firstDay: number;
  readonly days: number;
}

/** Numbers machine-days so that the ids of a data set are the same at every site. Errors: LIMIT_EXCEEDED. */
export function planUnits(dataset: PreparedDataset, machines: number, horizon: number): UnitPlan {
  const { clock, values } = clockOf(dataset);
  if (clock !== "time" || values === undefined) return { firstDay: 0, days: 1 };
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const t of values) {
    if (t < low) low = t;
    if (t > high) high = t;
  }
  for (const column of dataset.events?.columns ?? []) {
    if (column.name === "time" && column.kind !== "category" && column.kind !== "tensor")
      for (const t of column.values) if (t > high) high = t;
  }
  const firstDay = Math.floor((low - (dataset.fillSpan ?? 0)) / day);
  const days = Math.floor((high + horizon) / day) - firstDay + 2;
  if (days * machines > 2_147_483_647) {
    fail("LIMIT_EXCEEDED", { where: "privacy units", expected: "at most 2^31 machine-days", got: `${machines} machines x ${days} days` });
  }
  return { firstDay, days };
}

/** Units of one example whose answer is made from clock times before `labelTo`. `own`: rows of local scaling. */
export function unitsOf(
  frame: Frame,
  last: number,
  read: number,
  labelTo: number,
  plan: UnitPlan,
  fillSpan: number,
  own: number,
  into: number[],
): void {
  if (frame.clock === "none") {
    into.push(frame.source[last]);
    return;
  }
  const base = frame.machine * plan.days;
  if (frame.clock === "count") {
    into.push(base);
    return;
  }
  const first = Math.max(frame.runStart[last], last - read);
  const from = Math.floor((frame.time[first] - fillSpan) / day);
  const to = Math.floor((Math.max(labelTo, frame.time[last] + frame.tick) - 1) / day);
  if (own > 0) {
    const ownTo = Math.floor(frame.time[Math.min(own, frame.rows) - 1] / day);
    // Windows among those rows are scaled by later ones too.
    for (let d = Math.floor(frame.time[0] / day); d <= ownTo; d++) if (d < from || d > to) into.push(base + d - plan.firstDay);
  }
  for (let d = from; d <= to; d++) into.push(base + d - plan.firstDay);
}
