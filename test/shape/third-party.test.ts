/** What others wrote is named with its licence, and nothing is installed whose licence asks more than its notice. */
import { expect, it } from "vitest";
// @ts-expect-error a plain script without declarations
import { fromFdlibm, installed, page } from "../../scripts/third-party.mjs";
import { read } from "./sources.js";

const allowed = new Set(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD"]);

it("THIRD-PARTY.md is what is installed: node scripts/third-party.mjs --update", () => {
  expect(page()).toBe(read("THIRD-PARTY.md"));
});

it("every installed package has a permissive licence", () => {
  const packages = installed() as readonly { name: string; licence: string }[];
  expect(packages.length).toBeGreaterThan(8);
  expect(packages.filter(({ licence }) => !allowed.has(licence))).toEqual([]);
  const direct = Object.keys((JSON.parse(read("package.json")) as { dependencies: Record<string, string> }).dependencies);
  const names = new Set(packages.map(({ name }) => name));
  expect(direct.filter((name) => !names.has(name))).toEqual([]);
});

it("what follows fdlibm carries its notice", () => {
  expect(fromFdlibm()).toEqual(["math-erf.ts", "math-exp.ts", "math-gamma.ts", "math-log.ts", "math-pow.ts", "math-trig.ts"]);
});
