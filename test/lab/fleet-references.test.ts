import { describe, expect, it } from "vitest";
import { type FleetDataset, fleetStart, generateFleet } from "../../src/data/fleet/generate.js";
import { failurePosterior } from "../../src/data/fleet/posterior.js";
import { bestThreshold, fleetReferences, fleetRows, type TestExamples } from "../../src/lab/fleet-references.js";

const hour = 3_600_000;

/** Test windows of the last third: window 24 h, horizon 24 h, every 6 h. */
function windows(fleet: FleetDataset): TestExamples {
  const hours = fleet.fleet.spec.days * 24;
  const events = fleet.events?.columns ?? [];
  const [machine, time] = events;
  if (machine?.kind !== "category" || time?.kind !== "time") throw new Error("no events");
  const failures = fleet.fleet.machines.map(() => new Set<number>());
  machine.codes.forEach((m, i) => {
    failures[m].add((time.values[i] - fleetStart) / hour);
  });
  const machines: number[] = [];
  const times: number[] = [];
  const targets: number[] = [];
  for (let m = 0; m < failures.length; m++) {
    for (let end = Math.floor(hours / 36) * 24; end + 24 <= hours; end += 6) {
      machines.push(m);
      times.push(fleetStart + (end - 1) * hour);
      targets.push(Array.from({ length: 24 }, (_, h) => end + h).some((h) => failures[m].has(h)) ? 1 : 0);
    }
  }
  return {
    count: machines.length,
    machines: Int32Array.from(machines),
    times: Float64Array.from(times),
    targets: Float32Array.from(targets),
  };
}

const task = { window: 24, horizon: 24 };

describe("fleet references", () => {
  it("put the ceiling below 1 and above the hand rule", () => {
    const fleet = generateFleet({ days: 120 });
    const [rule, ceiling, ...more] = fleetReferences(fleet, task, [windows(fleet)]);
    expect(more).toEqual([]);
    expect(rule.metrics.f1).toBeGreaterThan(0.85);
    expect(ceiling.metrics.f1).toBeGreaterThan(rule.metrics.f1);
    expect(ceiling.metrics.prAuc).toBeGreaterThan(rule.metrics.prAuc);
    expect(ceiling.metrics.f1).toBeGreaterThan(0.95);
    expect(ceiling.metrics.f1).toBeLessThan(1);
    // Failures without announcing errors cannot be told from patterns without failure.
    expect(ceiling.metrics.recall).toBeLessThan(1);
  });

  it("show on the preset hard that one model for all sites cannot be right", () => {
    const fleet = generateFleet({ days: 45, preset: "hard" });
    const [rule, ceiling, shared] = fleetReferences(fleet, task, [windows(fleet)]);
    expect(ceiling.metrics.f1).toBeGreaterThan(0.95);
    expect(shared.metrics.f1).toBeLessThan(0.8);
    expect(rule.metrics.f1).toBeLessThan(0.75);
  });

  it("do not depend on how the tests are divided among sites", () => {
    const fleet = generateFleet({ days: 30, machines: 20, sites: 2 });
    const all = windows(fleet);
    const half = all.count / 2;
    const part = (from: number, to: number): TestExamples => ({
      count: to - from,
      machines: all.machines.slice(from, to),
      times: all.times.slice(from, to),
      targets: all.targets.slice(from, to),
    });
    expect(fleetReferences(fleet, task, [part(0, half), part(half, all.count)])).toEqual(fleetReferences(fleet, task, [all]));
  });

  it("are calibrated: the probabilities of the ceiling add up to the failures", () => {
    for (const preset of ["standard", "hard"] as const) {
      const fleet = generateFleet({ days: 60, preset, seed: 5 });
      const test = windows(fleet);
      const rows = fleetRows(fleet);
      let expected = 0;
      let failures = 0;
      for (let i = 0; i < test.count; i++) {
        const end = (test.times[i] - fleetStart) / hour + 1;
        const machine = test.machines[i];
        expected += failurePosterior(rows, fleet.fleet.machines[machine], { machine, end, ...task }, preset);
        failures += test.targets[i];
      }
      expect(expected / failures).toBeGreaterThan(0.93);
      expect(expected / failures).toBeLessThan(1.07);
    }
  });

  it("choose the threshold from the probabilities alone", () => {
    expect(bestThreshold([0.99, 0.01, 0.98])).toBe(0.98);
    expect(bestThreshold([0.3, 0.3, 0.3])).toBe(0.3);
  });

  it("refuse windows outside the log, and no windows", () => {
    const fleet = generateFleet({ days: 10, machines: 4, sites: 2 });
    const early = { count: 1, machines: Int32Array.of(0), times: Float64Array.of(fleetStart), targets: Float32Array.of(0) };
    expect(() => fleetReferences(fleet, task, [early])).toThrow(/DATA_INVALID.*hour 1/);
    expect(() => fleetReferences(fleet, task, [])).toThrow(/DATA_EMPTY/);
  });
});
