import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { inUnits, outputsOf, siteExamples, type TaskSpec, taskSchema } from "../../src/data/pipeline.js";
import { hour, items, labels, numbers, plant, run, table, valuesOf } from "./support.js";

const one = { use: "iid", count: 1 } as const;

describe("failure", () => {
  const task: TaskSpec = { kind: "failure", window: "6h", horizon: "12h", stride: "2h" };
  const dataset = plant(2, 120, [
    [0, 50],
    [1, 50.5],
  ]);
  const { sites } = run(dataset, { task, split: { by: "time", test: 0.3 }, sites: one });

  it("is positive exactly where an event falls in [t, t + horizon)", () => {
    for (const part of [sites[0].train, sites[0].test]) {
      for (let i = 0; i < part.count; i++) {
        const t = part.times[i] / hour + 1;
        const event = part.machines[i] === 0 ? 50 : 50.5;
        expect(part.targets[i]).toBe(event >= t && event < t + 12 ? 1 : 0);
      }
    }
    expect(sites[0].train.targets.reduce((a, b) => a + b, 0)).toBe(12);
  });

  it("gives the asked parts of the split alone, unchanged", () => {
    const plan = { task, split: { by: "time", test: 0.3 }, sites: one } as const;
    const { parts, scaler } = run(dataset, plan);
    const only = siteExamples(parts[0], scaler, plan, ["test"]);
    expect([only.train.count, only.test.count]).toEqual([0, sites[0].test.count]);
    for (let i = 0; i < only.test.count; i++) expect(valuesOf(only.test, "sequence", i)).toEqual(valuesOf(sites[0].test, "sequence", i));
    const none = siteExamples(parts[0], scaler, plan, ["validation"]).validation;
    expect([none.count, none.inputs.sequence.shape]).toEqual([0, [6, 3]]);
    expect(only.test.targets).toEqual(sites[0].test.targets);
    expect(only.test.unitIds).toEqual(sites[0].test.unitIds);
  });

  it("leaves out windows whose horizon was not observed to its end", () => {
    expect(Math.max(...sites[0].test.times) / hour + 1 + 12).toBeLessThanOrEqual(120);
  });

  it("shares rows between overlapping windows", () => {
    const { rows, width, starts, length } = sites[0].train.inputs.sequence;
    expect(rows.length / width).toBeLessThan(starts.length * length);
    expect(rows.length / width).toBeLessThanOrEqual(dataset.readings.rows);
  });

  it("takes a flag column for events where there is no table of them", () => {
    const { events: _, ...rest } = dataset;
    const column = numbers(
      "broken",
      Array.from({ length: 240 }, (_, i) => (i === 50 || i === 120 + 51 ? 1 : 0)),
    );
    const flagged: Dataset = { ...rest, readings: { rows: 240, columns: [...dataset.readings.columns, column] } };
    const part = run(flagged, { task: { ...task, target: "broken" }, split: { by: "time", test: 0.3 }, sites: one }).sites[0].train;
    for (let i = 0; i < part.count; i++) {
      const t = part.times[i] / hour + 1;
      const event = part.machines[i] === 0 ? 50 : 51;
      expect(part.targets[i]).toBe(event >= t && event < t + 12 ? 1 : 0);
    }
  });

  it("refuses data without events, unknown kinds and inputs that hold the answer", () => {
    const { events: _, ...rest } = dataset;
    expect(() => run(rest, { task, sites: one })).toThrow(/FILE_INVALID.*task.target/);
    expect(() => run(dataset, { task: { ...task, events: ["melted"] }, sites: one })).toThrow(/kinds of events that occur \(broken\)/);
    expect(() => run({ ...items(), target: "failed", inputs: ["x", "failed"] }, { task: { kind: "failure" }, sites: one })).toThrow(
      /inputs without the answer/,
    );
  });
});

describe("remaining useful life", () => {
  const cycles = (lengths: readonly number[], split: readonly string[]): Dataset => {
    const names = lengths.flatMap((n, e) => Array<string>(n).fill(`e${e}`));
    return {
      name: "engines",
      description: "made for a test",
      readings: table([
        labels("engine", names),
        numbers(
          "cycle",
          lengths.flatMap((n) => Array.from({ length: n }, (_, i) => i + 1)),
        ),
        numbers(
          "s",
          lengths.flatMap((n) => Array.from({ length: n }, (_, i) => i)),
        ),
        labels(
          "split",
          lengths.flatMap((n, e) => Array<string>(n).fill(split[e])),
        ),
      ]),
      machine: "engine",
      time: "cycle",
      inputs: ["s"],
      split: "split",
      // Engine 1 and 2 fail 10 and 40 cycles after their last reading.
      events: table([
        labels("machine", ["e0", "e1", "e2"]),
        numbers("time", [lengths[0], lengths[1] + 10, lengths[2] + 40]),
        labels("kind", ["f", "f", "f"]),
      ]),
    };
  };
  const dataset = cycles([50, 20, 3], ["train", "test", "test"]);
  const task: TaskSpec = { kind: "rul", window: 5, cap: 25 };
  const { sites } = run(dataset, { task, features: [{ use: "statistics", list: ["mean", "last"] }], sites: one });

  it("counts down to the event, capped and scaled, with the uncapped answer beside it", () => {
    const { train } = sites[0];
    expect(train.count).toBe(46);
    for (let i = 0; i < train.count; i++) {
      const left = 50 - train.times[i];
      expect(train.answers?.values[i]).toBe(left);
      expect(train.targets[i]).toBe(Math.fround(Math.min(left, 25) / 25));
    }
    expect([...inUnits(train, train.targets)].slice(-3)).toEqual([Math.fround(2 / 25) * 25, Math.fround(1 / 25) * 25, 0]);
  });

  it("tests the last window of each engine, the first row repeated in front of a short one", () => {
    const { test } = sites[0];
    expect([...test.times]).toEqual([20, 3]);
    expect([...(test.answers?.values ?? [])]).toEqual([10, 40]);
    expect([...valuesOf(test, "sequence", 0)]).toEqual([15, 16, 17, 18, 19]);
    expect([...valuesOf(test, "sequence", 1)]).toEqual([0, 0, 0, 1, 2]);
    expect([...valuesOf(test, "statistics", 1)]).toEqual([Math.fround(3 / 5), 2]);
  });

  it("tests every window on request", () => {
    const all = run(dataset, { task: { ...task, evaluate: "all" }, sites: one }).sites[0].test;
    expect(all.count).toBe(16);
  });

  it("without a cap divides by the longest life seen in training", () => {
    const part = run(dataset, { task: { kind: "rul", window: 5 }, sites: one }).sites[0].train;
    expect(part.answers?.scale).toBe(45);
    expect(Math.max(...part.targets)).toBe(1);
  });

  it("leaves out rows with no event to come", () => {
    const ended = { ...dataset, events: table([labels("machine", ["e0", "e1"]), numbers("time", [30, 30]), labels("kind", ["f", "f"])]) };
    const { train, test } = run(ended, { task, sites: one }).sites[0];
    expect(Math.max(...train.times)).toBe(30);
    expect(test.count).toBe(1);
  });
});

describe("value", () => {
  const dataset: Dataset = { ...plant(1, 100), target: "b" };
  const b = dataset.readings.columns.find((c) => c.name === "b");
  const raw = b?.kind === "number" ? b.values : new Float64Array(0);

  it("is the target so many rows ahead, scaled by the federation's mean and sd", () => {
    const task: TaskSpec = { kind: "value", window: 4, horizon: "3h" };
    const { train } = run(dataset, { task, split: { by: "time", test: 0.2 }, sites: one }).sites[0];
    const values = train.answers?.values as Float64Array;
    for (let i = 0; i < train.count; i++) expect(values[i]).toBe(raw[train.times[i] / hour + 3]);
    const restored = inUnits(train, train.targets);
    for (let i = 0; i < train.count; i++) expect(restored[i]).toBeCloseTo(values[i], 5);
  });

  it("as a residual is the difference to the last known value", () => {
    const task: TaskSpec = { kind: "value", window: 4, horizon: 1, residual: true };
    const { train, test } = run(dataset, { task, split: { by: "time", test: 0.2 }, sites: one }).sites[0];
    for (const part of [train, test]) {
      const restored = inUnits(part, part.targets);
      for (let i = 0; i < part.count; i++) {
        expect(part.answers?.bases?.[i]).toBe(raw[part.times[i] / hour]);
        expect(restored[i]).toBeCloseTo(raw[part.times[i] / hour + 1], 5);
      }
    }
  });

  it("at horizon 0 is the row's own, and may not be an input then", () => {
    const rows: Dataset = { ...items(), target: "y", inputs: ["x"] };
    const { train, test } = run(rows, { task: { kind: "value" }, split: { by: "rows", test: 0.25 }, sites: one }).sites[0];
    expect(train.count + test.count).toBe(200);
    expect(() => run({ ...rows, inputs: ["x", "y"] }, { task: { kind: "value" }, sites: one })).toThrow(/inputs without the answer/);
    expect(() => run(rows, { task: { kind: "value", residual: true }, sites: one })).toThrow(/task.residual/);
  });
});

describe("class and anomaly", () => {
  it("numbers classes by label", () => {
    const dataset = items();
    const { train } = run(dataset, { task: { kind: "class" }, split: { by: "rows", test: 0.2 }, sites: one }).sites[0];
    const { labels: names } = outputsOf({ kind: "class" }, dataset);
    expect(names?.length).toBe(3);
    expect(new Set(train.targets)).toEqual(new Set([0, 1, 2]));
  });

  it("takes numbers for classes in ascending order", () => {
    const dataset = { ...items(), target: "failed" };
    expect(outputsOf({ kind: "class" }, dataset)).toEqual({ kind: "classes", width: 2, labels: ["0", "1"] });
  });

  it("keeps the flag of every row for scoring, and cuts windows inside one part of the split only", () => {
    const flag = Array.from({ length: 60 }, (_, i) => (i >= 40 && i < 50 ? 1 : 0));
    const dataset: Dataset = {
      name: "rig",
      description: "made for a test",
      readings: table([
        labels("file", Array<string>(60).fill("f")),
        numbers(
          "second",
          flag.map((_, i) => i),
        ),
        numbers(
          "s",
          flag.map((_, i) => i % 7),
        ),
        numbers("anomaly", flag),
        labels(
          "split",
          flag.map((_, i) => (i < 20 ? "train" : "test")),
        ),
      ]),
      machine: "file",
      time: "second",
      inputs: ["s"],
      target: "anomaly",
      split: "split",
    };
    const features = [{ use: "scale", own: { rows: 20 } } as const];
    const { train, test } = run(dataset, { task: { kind: "anomaly", window: 5 }, features, sites: one }).sites[0];
    expect(train.count).toBe(16);
    expect(test.count).toBe(36);
    expect(Math.min(...test.times)).toBe(24);
    const { starts } = test.inputs.sequence;
    for (let i = 0; i < test.count; i++) {
      const rows = test.flags?.subarray(starts[i], starts[i] + 5);
      expect([...(rows ?? [])]).toEqual(flag.slice(test.times[i] - 4, test.times[i] + 1));
      expect(test.targets[i]).toBe(flag[test.times[i]]);
    }
  });
});

describe("the task in a file", () => {
  it("is refused with its place", () => {
    expect(taskSchema.safeParse({ kind: "failure", window: "24 hours" }).error?.issues[0].path).toEqual(["window"]);
    expect(taskSchema.safeParse({ kind: "failure", hroizon: "24h" }).success).toBe(false);
    expect(taskSchema.safeParse({ kind: "rul", window: 2.5 }).success).toBe(false);
  });

  it("asks for a window, a clock, a multiple of the step", () => {
    expect(() => run(plant(), { task: { kind: "rul" }, sites: one })).toThrow(/task.window: expected a window/);
    expect(() => run(plant(), { task: { kind: "failure", window: "90min", horizon: "1h" }, sites: one })).toThrow(
      /multiple of the time between rows/,
    );
    expect(() => run(items(), { task: { kind: "value", target: "x", horizon: 2 }, sites: one })).toThrow(/task.horizon/);
    const { step: _, ...irregular } = plant();
    expect(() => run(irregular, { task: { kind: "failure", window: "6h", horizon: "6h" }, sites: one })).toThrow(/set resample/);
  });
});
