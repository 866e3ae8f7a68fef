import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../src/core/random.js";
import { announcing, components, models, patternHours } from "../../src/data/fleet/constants.js";
import { fleetStart, generateFleet } from "../../src/data/fleet/generate.js";
import { liveThrough } from "../../src/data/fleet/history.js";
import { apportion, buildPlant } from "../../src/data/fleet/plant.js";
import { fleetSchema } from "../../src/data/fleet/spec.js";
import type { Column } from "../../src/data/table.js";

const small = { machines: 20, days: 30, sites: 4, seed: 3 };

function columnOf<K extends Column["kind"]>(columns: readonly Column[], name: string, kind: K): Extract<Column, { kind: K }> {
  const found = columns.find((c) => c.name === name && c.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} column ${name}`);
  return found as Extract<Column, { kind: K }>;
}

function hash(columns: readonly Column[]): string {
  const sum = createHash("sha256");
  for (const c of columns) sum.update("codes" in c ? new Uint8Array(c.codes.buffer) : new Uint8Array(c.values.buffer));
  return sum.digest("hex");
}

describe("fleet", () => {
  it("has the columns, the order and the clock it promises", () => {
    const d = generateFleet(small);
    expect(d.readings.rows).toBe(20 * 30 * 24);
    expect(d.inputs).toEqual(["volt", "rotate", "pressure", "vibration", "error1", "error2", "error3", "error4", "error5"]);
    const machine = columnOf(d.readings.columns, "machine", "category");
    const time = columnOf(d.readings.columns, "time", "time");
    for (let i = 1; i < d.readings.rows; i++) {
      const same = machine.codes[i] === machine.codes[i - 1];
      if (same ? time.values[i] - time.values[i - 1] !== d.step : machine.codes[i] !== machine.codes[i - 1] + 1)
        throw new Error(`row ${i}`);
    }
    expect(new Date(fleetStart).toISOString()).toBe("2024-01-01T06:00:00.000Z");
    for (const c of d.readings.columns) expect("codes" in c ? c.codes.length : c.values.length).toBe(d.readings.rows);
    for (const name of d.inputs) expect(columnOf(d.readings.columns, name, "number").values.every(Number.isFinite)).toBe(true);
    expect(d.description).toMatch(/SIMULATED/);
  });

  it("is determined by its options: the same bytes again, others with another seed", () => {
    const bytes = (seed: number): string => hash(generateFleet({ ...small, seed }).readings.columns);
    expect(bytes(3)).toBe(bytes(3));
    expect(bytes(3)).not.toBe(bytes(4));
    // Known answer: a change of the generator is a change of every published figure and must be seen.
    expect(bytes(3)).toBe("fec02f73f6136cf534244f9414542d5667d7d35e66e839ea7f63dbf9ff857ada");
  });

  it("begins a longer log like a shorter one", () => {
    const [short, long] = [generateFleet({ ...small, days: 10 }), generateFleet(small)];
    for (const name of [...short.inputs, "maintenance"]) {
      const a = columnOf(short.readings.columns, name, "number").values;
      const b = columnOf(long.readings.columns, name, "number").values;
      for (let m = 0; m < 20; m++) expect(b.subarray(m * 720, m * 720 + 240)).toEqual(a.subarray(m * 240, (m + 1) * 240));
    }
  });

  it("keeps to the rules of the data: comp3 on two models, comp4 on old machines, at 06:00, two at most", () => {
    const d = generateFleet({ machines: 60, days: 120, sites: 6, seed: 11 });
    const events = d.events?.columns ?? [];
    const kind = columnOf(events, "kind", "category");
    const machine = columnOf(events, "machine", "category");
    const time = columnOf(events, "time", "time");
    expect(kind.codes.length).toBeGreaterThan(60);
    const at = new Map<string, number>();
    kind.codes.forEach((k, i) => {
      const m = d.fleet.machines[machine.codes[i]];
      if (components[k] === "comp3") expect(["model1", "model2"]).toContain(models[m.model]);
      if (components[k] === "comp4") expect(m.age).toBeGreaterThanOrEqual(14);
      expect(new Date(time.values[i]).getUTCHours()).toBe(6);
      const key = `${machine.codes[i]} ${time.values[i]}`;
      at.set(key, (at.get(key) ?? 0) + 1);
    });
    expect(Math.max(...at.values())).toBeLessThanOrEqual(2);
  });

  it("shows every failure for 48 h in its sensor, and announces nearly all by error records a day before", () => {
    const machine = { model: 0, age: 18, site: 0 };
    let announced = 0;
    let all = 0;
    for (let i = 0; i < 60; i++) {
      const h = liveThrough(machine, 24 * 200, "standard", seeded("history", i));
      for (const f of h.failures) {
        expect(h.patterns.some((p) => p.sensor === f.component && p.to === f.hour && p.from === f.hour - patternHours)).toBe(true);
        all++;
        if (announcing[f.component].every((type) => h.errors.some((e) => e.type === type && e.hour === f.hour - 24))) announced++;
      }
    }
    expect(all).toBeGreaterThan(300);
    expect(announced / all).toBeGreaterThan(0.95);
    expect(announced).toBeLessThan(all);
  });

  it("turns the signs at every second site in the preset hard, and repeats them as harmless ones", () => {
    for (const site of [0, 1]) {
      const h = liveThrough({ model: 0, age: 18, site }, 24 * 100, "hard", seeded("hard", site));
      const sign = site === 0 ? 1 : -1;
      expect(h.failures.length).toBeGreaterThan(10);
      for (const f of h.failures) {
        expect(h.patterns.some((p) => p.sensor === f.component && p.to === f.hour && p.sign === sign)).toBe(true);
        expect(h.patterns.some((p) => p.sensor === f.component && p.to === f.hour + 72 && p.sign === -sign)).toBe(true);
      }
    }
  });

  it("spreads models unevenly over sites of equal size", () => {
    const plant = buildPlant(100, 10, seeded("plant"));
    const sites = Array.from({ length: 10 }, (_, s) => plant.filter((m) => m.site === s));
    for (const s of sites) expect(s).toHaveLength(10);
    expect(models.map((_, m) => plant.filter((p) => p.model === m).length)).toEqual([16, 17, 35, 32]);
    const without3 = sites.filter((s) => s.every((m) => m.model > 1)).length;
    expect(without3).toBeGreaterThanOrEqual(4);
    expect(without3).toBeLessThan(10);
  });

  it("apportions whole numbers that add up", () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 8 }), (total, shares) => {
        const parts = apportion(total, shares);
        const sum = shares.reduce((a, b) => a + b, 0);
        expect(parts.reduce((a, b) => a + b, 0)).toBe(total);
        parts.forEach((p, i) => {
          expect(Math.abs(p - (total * shares[i]) / sum)).toBeLessThan(1);
        });
      }),
    );
  });

  it("refuses what it cannot make", () => {
    expect(() => generateFleet({ machines: 2000, days: 1000 })).toThrow(/LIMIT_EXCEEDED.*5000000/);
    expect(() => generateFleet({ machines: 5, days: 10, sites: 6 })).toThrow(/FILE_INVALID.*one site per machine/);
    expect(fleetSchema.safeParse({ use: "fleet", machine: 3 }).success).toBe(false);
    expect(fleetSchema.safeParse({ use: "fleet", days: 0 }).success).toBe(false);
    expect(fleetSchema.parse({ use: "fleet" })).toMatchObject({ preset: "standard", machines: 100, sites: 10 });
  });
});
