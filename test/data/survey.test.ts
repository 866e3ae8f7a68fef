import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flagGroups } from "../../src/data/flag-groups.js";
import { inferSchema } from "../../src/data/infer.js";
import { type SurveyOptions, surveyor } from "../../src/data/survey.js";

const columns = ["unit", "t", "x", "yes", "word"];
type Row = readonly string[];
const row = (unit: string, t: number, x: string, yes: string, word: string): Row => [unit, String(t), x, yes, word];

function survey(first: readonly Row[], rest: readonly Row[], options: Partial<SurveyOptions> = {}) {
  const sampled = inferSchema({ columns, rows: first });
  const look = surveyor(sampled, { decimal: ".", machine: "unit", time: "t", ...options });
  for (const cells of [...first, ...rest]) look.add(cells);
  const found = look.finish();
  const column = (name: string) => found.schema.columns.find((c) => c.name === name);
  return { ...found, column };
}
const first = Array.from({ length: 30 }, (_, t) => row("a", t, String(t / 4), String(t % 2), "p"));

describe("a survey", () => {
  it("over the sample alone says what inference said (property)", () => {
    const cell = fc.oneof(fc.integer({ min: -9, max: 9 }).map(String), fc.constantFrom("", "NA", "0", "1", "yes", "p q", "1e3"));
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell, cell, cell), { minLength: 1, maxLength: 40 }), (rows) => {
        const { schema } = survey(rows, []);
        expect(schema).toEqual(inferSchema({ columns, rows }));
      }),
    );
  });

  it("counts machines, labels, gaps and the range of all rows", () => {
    const rest = Array.from({ length: 50 }, (_, i) => row(`b${i}`, 0, i === 9 ? "" : "-70", "1", i < 3 ? "q" : "p"));
    const { column, schema, rates, labels } = survey(first, rest);
    expect(schema.rows).toBe(80);
    expect(column("unit")).toMatchObject({ distinct: 51, constant: false });
    expect(column("x")).toMatchObject({ min: -70, max: 7.25, missing: 1 });
    expect(rates.get("yes")).toBeCloseTo((15 + 50) / 80, 12);
    expect(labels.get("word")).toEqual([
      ["p", 77],
      ["q", 3],
    ]);
  });

  it("finds slips after the sample, with their row", () => {
    const { strays, column } = survey(first, [row("a", 31, "ERR", "2", "p"), row("a", 32, "worse", "0", "p")]);
    expect(strays.map(({ name, stray }) => [name, stray])).toEqual([["x", { text: "ERR", row: 30 }]]);
    // No yes and no any more, but a number still.
    expect(column("yes")).toMatchObject({ kind: "number", max: 2 });
    expect(column("yes")?.truth).toBeUndefined();
  });

  it("counts rows out of order and doubled, machine by machine", () => {
    const rest = [row("b", 5, "1", "0", "p"), row("a", 30, "1", "0", "p"), row("b", 5, "1", "0", "p"), row("b", 4, "1", "0", "p")];
    expect(survey(first, rest)).toMatchObject({ backwards: 1, repeats: 1 });
    expect(survey(first, rest, { machine: undefined })).toMatchObject({ backwards: 3, repeats: 0 });
    expect(survey(first, rest, { time: undefined })).toMatchObject({ backwards: 0, repeats: 0 });
  });
});

describe("flags that are one class", () => {
  const names = ["heat", "Bump_Fault", "DirtFault", "other_faults", "line"];
  const flags = (rows: readonly (readonly number[])[]) => {
    const sample = { columns: names, rows: rows.map((cells) => cells.map(String)) };
    return flagGroups(sample, inferSchema(sample));
  };
  const cells = (i: number): number[] => [i / 8, Number(i % 3 === 0), Number(i % 3 === 1), Number(i % 3 === 2), i % 2];
  const rows = Array.from({ length: 40 }, (_, i) => cells(i));

  it("are neighbours of which exactly one is set, named by the word they share", () => {
    expect(flags(rows)).toEqual([{ name: "fault", columns: ["Bump_Fault", "DirtFault", "other_faults"] }]);
  });

  it("are not where a row sets none or two, nor in a handful of rows", () => {
    expect(flags([...rows, [1, 0, 0, 0, 1]])).toEqual([]);
    expect(flags([...rows, [1, 1, 1, 0, 1]])).toEqual([]);
    expect(flags(rows.slice(0, 12))).toEqual([]);
  });

  it("are dropped by a survey once a later row breaks them", () => {
    const sample = { columns: names, rows: rows.map((one) => one.map(String)) };
    const sampled = inferSchema(sample);
    const groups = flagGroups(sample, sampled);
    for (const [last, held] of [
      [[1, 0, 1, 0, 0], 1],
      [[1, 0, 1, 1, 0], 0],
      [[1, 0, 0, 0, 0], 0],
    ] as const) {
      const look = surveyor(sampled, { decimal: ".", groups });
      for (const one of [...rows, last]) look.add(one.map(String));
      expect(look.finish().groups).toHaveLength(held);
    }
  });
});
