/** SKAB's scoring: the rule as its notebooks spell it, and what trivial detectors reach on the real labels. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type FlagRule,
  flagConfusion,
  limitFromNormal,
  quantile,
  reconstructionScores,
  sampleFlags,
  trivialDetectors,
} from "../../src/evaluation/anomaly.js";
import { confusionFigures } from "../../src/evaluation/counts.js";
import { dataFolder } from "../support/data.js";

/** The loop of the notebooks, literally. */
function asInTheNotebook(anomalies: boolean[], steps: number, rows: number): number[] {
  const flags = new Array<number>(rows).fill(0);
  for (let i = steps - 1; i < anomalies.length - steps + 1; i++) {
    if (anomalies.slice(i - steps + 1, i).every(Boolean)) flags[i] = 1;
  }
  return flags;
}

describe("flags", () => {
  it("follow the notebooks' loop", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 80 }), fc.integer({ min: 1, max: 8 }), (over, window) => {
        const rows = over.length + window - 1;
        const scores = over.map((o) => (o ? 2 : 1));
        const rule: FlagRule = { use: "all-windows", window };
        expect([...sampleFlags(scores, 1.5, rule, rows)]).toEqual(asInTheNotebook(over, window, rows));
      }),
    );
  });

  it("online, look at the window that ends at the sample", () => {
    expect([...sampleFlags([1, 3, 2], 1.5, { use: "online", window: 3 }, 5)]).toEqual([0, 0, 0, 1, 1]);
    expect([...sampleFlags([], 1, { use: "online", window: 3 }, 2)]).toEqual([0, 0]);
  });

  it("refuse scores that do not belong to the rows", () => {
    expect(() => sampleFlags([1, 2], 1, { use: "online", window: 3 }, 5)).toThrow(/SHAPE_MISMATCH/);
    expect(() => sampleFlags([1], Number.NaN, { use: "online", window: 3 }, 3)).toThrow(/NOT_FINITE/);
    expect(() => flagConfusion([1], [1, 0])).toThrow(/SHAPE_MISMATCH/);
    expect(() => flagConfusion([1], [0.5])).toThrow(/DATA_INVALID/);
  });
});

describe("scores of windows", () => {
  it("are the sum over columns of the mean absolute error, on overlapping windows", () => {
    const data = { rows: Float32Array.of(1, 10, 2, 20, 3, 30), width: 2, starts: Int32Array.of(0, 1), length: 2 };
    const outputs = Float32Array.of(0, 10, 2, 24, 2, 20, 3, 30.5);
    expect([...reconstructionScores(data, outputs)]).toEqual([(1 + 4) / 2, 0.25]);
    expect(() => reconstructionScores(data, outputs.subarray(1))).toThrow(/SHAPE_MISMATCH/);
    expect(() => reconstructionScores(data, Float32Array.of(Number.NaN, 0, 0, 0, 0, 0, 0, 0))).toThrow(/window 0/);
  });

  it("give a limit by numpy's quantile", () => {
    expect(quantile([3, 1, 2, 4], 0.5)).toBe(2.5);
    expect(quantile([5], 0.99)).toBe(5);
    expect(limitFromNormal([0, 10], { quantile: 0.9, factor: 2 })).toBe(18);
    expect(() => quantile([], 0.5)).toThrow(/DATA_EMPTY/);
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow(/NOT_FINITE/);
  });
});

describe.skipIf(!dataFolder("skab"))("SKAB's labels (needs MILLWRIGHT_DATA: millwright data fetch skab)", () => {
  it("let trivial detectors reach 0.698 and 0.805", () => {
    const recordings: number[][] = [];
    for (const group of ["valve1", "valve2", "other"]) {
      const folder = join(dataFolder("skab") as string, group);
      for (const file of readdirSync(folder).filter((f) => f.endsWith(".csv"))) {
        const lines = readFileSync(join(folder, file), "utf8").trim().split("\n");
        const at = lines[0].trim().split(";").indexOf("anomaly");
        recordings.push(lines.slice(401).map((line) => Number(line.split(";")[at])));
      }
    }
    expect(recordings.length).toBe(34);
    const [everything, reachable] = trivialDetectors(recordings, { use: "all-windows", window: 60 });
    expect(everything.metrics.f1).toBeCloseTo(0.698, 3);
    expect(reachable.metrics.f1).toBeCloseTo(0.805, 3);
    expect(reachable.metrics.far).toBeCloseTo(0.497, 3);
    expect(reachable.metrics.mar).toBeCloseTo(0.037, 3);
    const nothing = confusionFigures(flagConfusion([0, 0], [0, 1]));
    expect(nothing.f1).toBe(0);
    expect(nothing.precision).toBeUndefined();
  });
});
