/** The shape of the house: who imports whom, how long a file may be, what may not be written where. */
import { describe, expect, it } from "vitest";
import { domains, rooms } from "./shape/rooms.js";
import { ambientFaults, habitFaults, importFaults, importsOf, mathFaults, wordFaults } from "./shape/rules.js";
import { filesBelow, parse, read, type Source, sources } from "./shape/sources.js";

const pure = new Set<string>(["core", "kernels", "round", ...domains]);
/** Drawing may use all of Math: a picture is not a result. */
const isDrawing = (source: Source): boolean => source.path.startsWith("src/cli/report/");

describe("rooms", () => {
  it("sees the sources", () => {
    expect(sources().length).toBeGreaterThan(20);
    expect(importsOf(sources().find((s) => s.path === "src/core/random.ts") as Source).map((i) => i.from)).toEqual(["./math.js"]);
  });
  it("import only what their row allows", () => {
    expect(sources().flatMap(importFaults)).toEqual([]);
  });
  it("know no clock, chance, time zone or locale where results are made", () => {
    expect(
      sources()
        .filter((s) => pure.has(s.room))
        .flatMap(ambientFaults),
    ).toEqual([]);
  });
  it("use only arithmetic that is the same on every machine", () => {
    expect(
      sources()
        .filter((s) => !isDrawing(s))
        .flatMap(mathFaults),
    ).toEqual([]);
  });
  it("all have a row that names rooms that exist", () => {
    const known = new Set(Object.keys(rooms));
    const unknown = Object.values(rooms).flatMap((row) => [...row.values, ...(row.types ?? [])].filter((name) => !known.has(name)));
    expect(unknown).toEqual([]);
  });
});

describe("the rules find what they are for", () => {
  const faults = (path: string, text: string, rule: (source: Source) => string[]): number => rule(parse(path, text)).length;
  it.each([
    ["a domain calling io", "src/data/x.ts", 'import { a } from "../io/a.js";'],
    ["a domain reading a file", "src/model/x.ts", 'import { readFileSync } from "node:fs";'],
    ["a domain naming a bare built-in", "src/model/x.ts", 'import { readFileSync } from "fs";'],
    ["core importing a package", "src/core/x.ts", 'import { z } from "zod";'],
    ["a dynamic import", "src/wire/x.ts", 'const a = await import("../lab/a.js");'],
    ["a re-export", "src/round/x.ts", 'export { a } from "../cli/a.js";'],
    ["an import type", "src/core/x.ts", 'type A = import("../model/spec.js").ModelSpec;'],
    ["a value where only types may be named", "src/evaluation/x.ts", 'import { a } from "../data/table.js";'],
    ["a missing ending", "src/core/x.ts", 'import { a } from "./a";'],
    ["a file outside src", "src/core/x.ts", 'import { a } from "../../test/a.js";'],
    ["a room without a row", "src/cellar/x.ts", ""],
  ])("%s", (_name, path, text) => {
    expect(faults(path, text, importFaults)).toBeGreaterThan(0);
  });
  it("but allow what the table allows", () => {
    expect(importFaults(parse("src/evaluation/x.ts", 'import type { Table } from "../data/table.js"; import { z } from "zod";'))).toEqual(
      [],
    );
    expect(importFaults(parse("src/io/workers/x.ts", 'import { a } from "../../model/a.js";'))).toEqual([]);
  });
  it.each([
    "Math.exp(1)",
    "Math.random()",
    "const { exp } = Math",
    "Math['exp'](1)",
    "const m = Math",
    "x ** 2",
    "x **= 2",
    "Math.hypot(1, 2)",
  ])("arithmetic: %s", (text) => {
    expect(faults("src/core/x.ts", `let x = 1; ${text};`, mathFaults)).toBeGreaterThan(0);
  });
  it("but allow exact arithmetic", () => {
    expect(mathFaults(parse("src/core/x.ts", "const y = Math.sqrt(Math.abs(Math.imul(3, 4))) * Math.PI;"))).toEqual([]);
  });
  it.each([
    "Date.now()",
    "new Date()",
    "Date()",
    "performance.now()",
    "crypto.getRandomValues(a)",
    "process.env.A",
    "setTimeout(f, 1)",
    "a.localeCompare(b)",
    "new Date(5).getHours()",
    "new Intl.NumberFormat()",
  ])("the world: %s", (text) => {
    expect(faults("src/data/x.ts", text, ambientFaults)).toBeGreaterThan(0);
  });
  it("but allow time that was passed in", () => {
    expect(ambientFaults(parse("src/data/x.ts", "new Date(at).getUTCHours(); const step = { performance: 1 }; step.performance;"))).toEqual(
      [],
    );
  });
  it("habits and words", () => {
    expect(faults("src/data/x.ts", "const a: any = 1; console.log(a); // @ts-ignore", habitFaults)).toBe(3);
    for (const text of ["// TO" + "DO later", "see /wor" + "k/main", "as issue" + " 2 says"]) expect(wordFaults("x", text)).toHaveLength(1);
  });
});

describe("files", () => {
  it("are at most 400 lines long", () => {
    const long = ["src", "kernels", "scripts", "test", "bench"]
      .flatMap((folder) => filesBelow(folder, /\.(ts|mjs|py)$/))
      .map((path) => ({ path, lines: read(path).trimEnd().split("\n").length }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });
  it("begin by saying what they are", () => {
    const silent = sources().filter((s) => !/^\s*(#!.*\n)?\s*(\/\*\*|\/\/)/.test(s.text));
    expect(silent.map((s) => s.path)).toEqual([]);
  });
  it("write no any, no switched-off checks, and print only from the command", () => {
    expect(sources().flatMap(habitFaults)).toEqual([]);
  });
  it("hold no reminders, no paths of one machine, no words about how they were written", () => {
    const texts = [
      ...["src", "kernels", "scripts", "test", "bench", "docs", "examples", ".ci"].flatMap((folder) =>
        filesBelow(folder, /\.(ts|mjs|py|sh|md|ya?ml|html|css)$|^run$/),
      ),
      ...filesBelow(".", /\.md$/).filter((path) => !path.includes("/")),
    ];
    expect(texts.flatMap((path) => wordFaults(path, read(path)))).toEqual([]);
  });
});
