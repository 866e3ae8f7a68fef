/** One shape for a single run and for several seeds, so that tables and charts need not know which they draw. */
import { MillwrightError } from "../../core/errors.js";
import type { ScenarioName, ScenarioResult, SeedsResult, SimulationResult, Spread } from "../../lab/result.js";

export const scenarioOrder: readonly ScenarioName[] = ["centralised", "local", "federated"];

export const scenarioLabels: Readonly<Record<ScenarioName, string>> = {
  centralised: "centralised",
  local: "local only",
  federated: "federated",
};

export const scenarioMeaning: Readonly<Record<ScenarioName, string>> = {
  centralised: "all rows pooled in one place, which the plants would have to allow",
  local: "every site trains alone on its own rows",
  federated: "one model trained together, rows stay at their site",
};

export interface ScenarioView {
  readonly name: ScenarioName;
  readonly metrics: Readonly<Record<string, Spread>>;
  readonly seconds: Spread;
  /** The run of the first seed, for pictures of one run. */
  readonly first: ScenarioResult;
}

export interface ResultView {
  readonly seeds: readonly number[];
  readonly scenarios: readonly ScenarioView[];
  readonly headline: SimulationResult["headline"];
  /** The first run: rounds, partition, file, environment. */
  readonly first: SimulationResult;
  readonly runs: readonly SimulationResult[];
}

export type AnyResult = SimulationResult | SeedsResult;

/** Mean and sample standard deviation; the sd of one value is zero. */
export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) * (v - mean), 0);
  return { mean, sd: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)), values };
}

/** The runs of several seeds as one result. Errors: DATA_INVALID when there is none. */
export function mergeSeeds(runs: readonly SimulationResult[]): SeedsResult {
  const first = runs[0];
  if (first === undefined) {
    throw new MillwrightError("DATA_INVALID", { where: "runs", expected: "the result of at least one seed", got: "none" });
  }
  const scenarios: Partial<Record<ScenarioName, { metrics: Record<string, Spread>; seconds: Spread }>> = {};
  for (const name of scenarioOrder) {
    const found = runs.flatMap((run) => run.scenarios[name] ?? []);
    if (found.length === 0) continue;
    const metrics: Record<string, Spread> = {};
    for (const metric of Object.keys(found[0].metrics)) {
      const values = found.flatMap((s) => s.metrics[metric] ?? []);
      if (values.length === found.length) metrics[metric] = spread(values);
    }
    scenarios[name] = { metrics, seconds: spread(found.map((s) => s.seconds)) };
  }
  return { format: "millwright-seeds/1", federation: first.federation, headline: first.headline, scenarios, runs };
}

export function viewOf(result: AnyResult): ResultView {
  const merged = result.format === "millwright-seeds/1" ? result : mergeSeeds([result]);
  const first = merged.runs[0];
  const scenarios = scenarioOrder.flatMap((name): ScenarioView[] => {
    const summary = merged.scenarios[name];
    const one = first.scenarios[name];
    return summary === undefined || one === undefined ? [] : [{ name, metrics: summary.metrics, seconds: summary.seconds, first: one }];
  });
  return { seeds: merged.runs.map((r) => r.seed), scenarios, headline: merged.headline, first, runs: merged.runs };
}

/** The mean of each metric, for choosing which to show. */
export const means = (view: ScenarioView): Record<string, number> =>
  Object.fromEntries(Object.entries(view.metrics).map(([name, s]) => [name, s.mean]));
