/** Learning rates over the rounds of a federation. */
import { fail } from "../core/errors.js";
import { cos, pow } from "../core/math.js";
import type { ScheduleSpec } from "./spec.js";

/**
 * Learning rate of round `round` = 0..rounds-1. constant: base. step: base * factor^floor(round / every).
 * cosine: base * (floor + (1 - floor) * (1 + cos(pi * round / rounds)) / 2), after Loshchilov and Hutter (2017) without restarts.
 * Errors: INTERNAL where `round` is not one of the rounds.
 *
 * @example
 * ```ts
 * import { learningRateAt } from "millwright/model";
 *
 * learningRateAt({ use: "step", every: 10, factor: 0.5 }, 0.1, 10, 20); // => 0.05
 * ```
 */
export function learningRateAt(schedule: ScheduleSpec, base: number, round: number, rounds: number): number {
  if (!Number.isInteger(round) || !Number.isInteger(rounds) || round < 0 || round >= rounds) {
    fail("INTERNAL", { where: "learning rate schedule", expected: `a round in 0..${rounds - 1}`, got: String(round) });
  }
  switch (schedule.use) {
    case "constant":
      return base;
    case "step":
      return base * pow(schedule.factor, Math.floor(round / schedule.every));
    case "cosine": {
      const floor = schedule.floor ?? 0;
      return base * (floor + ((1 - floor) * (1 + cos((Math.PI * round) / rounds))) / 2);
    }
  }
}
