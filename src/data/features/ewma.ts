/**
 * Bias-corrected exponentially weighted mean over the past of a machine: sum of (1-alpha)^k * x[t-k] over the same sum
 * of weights. The memory is finite and declared: terms whose weight is below 2^-24 (half a unit in the last place of
 * the f32 the model sees) are left out. So a value depends on exactly `ewmaMemory(alpha)` rows, an edge device needs no
 * more than those, and the privacy units a window reads can be counted without approximation.
 */
import { z } from "zod";
import { chosen, needsOrder } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

/** 2^-24. */
const smallest = 1 / 16_777_216;

/** Rows an average looks at: the smallest K with (1-alpha)^K < 2^-24, found by multiplication alone. */
export function ewmaMemory(alpha: number): number {
  let weight = 1;
  let rows = 0;
  while (weight >= smallest) {
    weight *= 1 - alpha;
    rows++;
  }
  return rows;
}

export const ewma = feature({
  name: "ewma",
  schema: z.strictObject({ use: z.literal("ewma"), alpha: z.number().min(0.005).max(1), columns: columnsSchema }),
  reach: (spec) => ({ rows: ewmaMemory(spec.alpha) - 1 }),
  apply(frame, spec, { where }) {
    needsOrder(frame, "ewma");
    const memory = ewmaMemory(spec.alpha);
    const weights = new Float64Array(memory);
    const totals = new Float64Array(memory);
    let weight = 1;
    let total = 0;
    for (let k = 0; k < memory; k++) {
      weights[k] = weight;
      total += weight;
      totals[k] = total;
      weight *= 1 - spec.alpha;
    }
    for (const { values } of chosen(frame, spec.columns, `${where}.columns`, "rows")) smooth(values, frame.runStart, weights, totals);
  },
});

/** Smooths in place, from the last row back, so that every sum still sees the raw past. */
function smooth(values: Float64Array, runStart: Int32Array, weights: Float64Array, totals: Float64Array): void {
  const memory = weights.length;
  for (let t = values.length - 1; t >= 0; t--) {
    const first = Math.max(runStart[t], t - memory + 1);
    let sum = 0;
    for (let row = t, k = 0; row >= first; row--, k++) sum += weights[k] * values[row];
    values[t] = sum / totals[t - first];
  }
}
