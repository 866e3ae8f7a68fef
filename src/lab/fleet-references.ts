/** What a hand rule and the best possible predictor reach on the fleet, on the very windows the models are tested on. */
import { fail } from "../core/errors.js";
import type { Dataset, Examples } from "../data/dataset.js";
import { errorTypes, sensors } from "../data/fleet/constants.js";
import { type FleetDataset, fleetStart } from "../data/fleet/generate.js";
import { failureSign } from "../data/fleet/history.js";
import { failurePosterior, sharedPosterior } from "../data/fleet/posterior.js";
import { type FleetRows, ruleScore, ruleThreshold } from "../data/fleet/rule.js";
import { binaryMetrics } from "../evaluation/binary.js";
import type { Reference } from "./result.js";

/** Window and horizon of a failure task in rows (hours). */
export interface FleetTask {
  readonly window: number;
  readonly horizon: number;
}

/** The test examples of one site. */
export type TestExamples = Pick<Examples, "count" | "machines" | "times" | "targets">;

export function isFleet(dataset: Dataset): dataset is FleetDataset {
  return "fleet" in dataset;
}

/**
 * References for a failure task on the fleet: the hand rule, and the ceiling of the generator; on the preset `hard` also the ceiling of
 * one model for all sites. `tests` are the test examples of every site. Errors: DATA_INVALID where a window leaves the log; DATA_EMPTY.
 */
export function fleetReferences(dataset: FleetDataset, task: FleetTask, tests: readonly TestExamples[]): Reference[] {
  const { machines, spec } = dataset.fleet;
  const rows = fleetRows(dataset);
  const opposite = machines.filter((m) => failureSign(spec.preset, m.site) < 0).length / machines.length;
  const labels: number[] = [];
  const rule: number[] = [];
  const ceiling: number[] = [];
  const shared: number[] = [];
  for (const test of tests) {
    for (let i = 0; i < test.count; i++) {
      const machine = test.machines[i];
      const end = Math.round((test.times[i] - fleetStart) / 3_600_000) + 1;
      if (!(machine >= 0 && machine < machines.length && end >= task.window && end <= rows.hours)) {
        fail("DATA_INVALID", {
          where: `test example ${i}`,
          expected: "a window inside the fleet's log",
          got: `machine ${machine}, hour ${end}`,
        });
      }
      labels.push(test.targets[i]);
      rule.push(ruleScore(rows, machine, end, task.window));
      const at = { machine, end, window: task.window, horizon: task.horizon };
      ceiling.push(failurePosterior(rows, machines[machine], at, spec.preset));
      if (opposite > 0) shared.push(sharedPosterior(rows, machines[machine], at, spec.preset, opposite));
    }
  }
  if (labels.length === 0) fail("DATA_EMPTY", { where: "fleet references", expected: "test examples", got: "none" });
  const references: Reference[] = [
    {
      name: "hand rule",
      explanation: "announcing error records in the window and the matching sensor moved by half its usual shift",
      metrics: binaryMetrics(rule, labels, ruleThreshold),
    },
    {
      name: "ceiling of the generator",
      explanation:
        "Bayes' rule with the generator's own constants on the same windows: what the best predictor that sees only the window (and knows the machine) can expect",
      metrics: binaryMetrics(ceiling, labels, bestThreshold(ceiling)),
    },
  ];
  if (shared.length > 0) {
    references.push({
      name: "ceiling of one model for all sites",
      explanation: "the same without knowing the site, whose sensors move in either direction before a failure",
      metrics: binaryMetrics(shared, labels, bestThreshold(shared)),
    });
  }
  return references;
}

/**
 * The threshold with the largest F1 to be expected from the probabilities themselves, 2 * sum of the chosen / (number chosen + sum of
 * all): labels play no part.
 */
export function bestThreshold(probabilities: readonly number[]): number {
  const sorted = Float64Array.from(probabilities).sort().reverse();
  const expected = sorted.reduce((a, b) => a + b, 0);
  let chosen = 0;
  let best = -1;
  let threshold = 1;
  for (let n = 1; n <= sorted.length; n++) {
    chosen += sorted[n - 1];
    const f1 = (2 * chosen) / (n + expected);
    if (f1 > best) {
      best = f1;
      threshold = sorted[n - 1];
    }
  }
  return threshold;
}

/** The readings of a fleet as the rule and the posterior read them. */
export function fleetRows(dataset: FleetDataset): FleetRows {
  const values = (name: string): Float64Array => {
    const column = dataset.readings.columns.find((c) => c.name === name);
    if (column?.kind !== "number")
      fail("DATA_MISSING", { where: name, expected: "a number column of the fleet", got: column?.kind ?? "none" });
    return column.values;
  };
  return { hours: dataset.fleet.spec.days * 24, sensors: sensors.map(values), errors: errorTypes.map(values) };
}
