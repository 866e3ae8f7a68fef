/** Small data sets built in memory for the tests of this room. */
import { seeded } from "../../src/core/random.js";
import type { Dataset } from "../../src/data/dataset.js";
import {
  addStatistics,
  type DataPlan,
  fitScaler,
  partitionSites,
  type Scaler,
  type SiteExamples,
  type SitePart,
  siteExamples,
  siteStatistic,
} from "../../src/data/pipeline.js";
import type { Column, Table } from "../../src/data/table.js";

export const hour = 3_600_000;
export const day = 24 * hour;

export const numbers = (name: string, values: ArrayLike<number>, unit?: string): Column => ({
  name,
  kind: "number",
  values: Float64Array.from(values),
  ...(unit === undefined ? {} : { unit }),
});
export const times = (name: string, values: ArrayLike<number>): Column => ({ name, kind: "time", values: Float64Array.from(values) });
export const labels = (name: string, values: readonly string[]): Column => {
  const known = [...new Set(values)].filter((value) => value !== "");
  return { name, kind: "category", labels: known, codes: Int32Array.from(values, (value) => known.indexOf(value)) };
};
export const table = (columns: readonly Column[]): Table => {
  const first = columns[0];
  const rows = first.kind === "category" ? first.codes.length : first.kind === "tensor" ? 0 : first.values.length;
  return { rows, columns };
};

/** Machines with an hourly clock, two noisy sensors, an error count, a regime, and failures at given hours. */
export function plant(machines = 4, hours = 240, failures: readonly (readonly [number, number])[] = [[0, 100]], seed = 1): Dataset {
  const random = seeded(seed, "plant");
  const names: string[] = [];
  const clock: number[] = [];
  const a: number[] = [];
  const b: number[] = [];
  const errors: number[] = [];
  const regime: string[] = [];
  const type: string[] = [];
  for (let m = 0; m < machines; m++) {
    for (let h = 0; h < hours; h++) {
      names.push(`m${m}`);
      clock.push(h * hour);
      a.push(100 + 10 * random.normal() + m);
      b.push(5 + random.normal());
      errors.push(random.float() < 0.1 ? 1 : 0);
      regime.push(random.float() < 0.5 ? "slow" : "fast");
      type.push(m % 2 === 0 ? "even" : "odd");
    }
  }
  return {
    name: "plant",
    description: "made for a test",
    readings: table([
      labels("machine", names),
      times("time", clock),
      numbers("a", a, "bar"),
      numbers("b", b),
      numbers("errors", errors),
      labels("regime", regime),
      labels("type", type),
    ]),
    machine: "machine",
    time: "time",
    step: hour as NonNullable<Dataset["step"]>,
    inputs: ["a", "b", "errors"],
    events: table([
      labels(
        "machine",
        failures.map(([m]) => `m${m}`),
      ),
      times(
        "time",
        failures.map(([, h]) => h * hour),
      ),
      labels(
        "kind",
        failures.map(() => "broken"),
      ),
    ]),
  };
}

/** Rows that stand alone: two numbers, a category and a class. */
export function items(rows = 200, seed = 1): Dataset {
  const random = seeded(seed, "items");
  const x = Array.from({ length: rows }, () => random.normal());
  const y = Array.from({ length: rows }, () => 1000 * random.float());
  return {
    name: "items",
    description: "made for a test",
    readings: table([
      numbers("x", x),
      numbers("y", y),
      labels(
        "type",
        x.map((_, i) => ["L", "M", "H"][i % 3]),
      ),
      labels(
        "quality",
        x.map((v) => (v > 1 ? "bad" : v > 0 ? "fair" : "good")),
      ),
      numbers(
        "failed",
        x.map((v) => (v > 1.2 ? 1 : 0)),
      ),
    ]),
    inputs: ["x", "y", "type"],
    target: "quality",
  };
}

export interface Ran {
  readonly parts: readonly SitePart[];
  readonly scaler: Scaler;
  readonly sites: readonly SiteExamples[];
}

/** The whole way: sites, statistics, scaler, examples. */
export function run(dataset: Dataset, plan: DataPlan, seed = 0): Ran {
  const parts = partitionSites(dataset, plan, seed);
  const scaler = fitScaler(parts.map((part) => siteStatistic(part, plan)).reduce(addStatistics));
  return { parts, scaler, sites: parts.map((part) => siteExamples(part, scaler, plan)) };
}

/** Values of one example of one input. */
export function valuesOf(examples: SiteExamples["train"], input: string, i: number): Float32Array {
  const { rows, width, starts, length } = examples.inputs[input];
  return rows.slice(starts[i] * width, (starts[i] + length) * width);
}
