/** `tiers:` of a federation file: every site has one place, whatever is wrong is named, nothing runs away. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPlan } from "../../src/round/check.js";
import { parseFederation } from "../../src/round/file.js";
import { childrenOfTier, readTiers, resolveTiers, type TierSpec, tiersBelow } from "../../src/round/tiers.js";
import { smallFederation } from "../support/small-federation.js";

const sites = ["site-1", "site-2", "site-3", "plant-a", "plant-b"];
const federation = (tiers: object, change: object = {}) => parseFederation({ ...smallFederation, ...change, tiers });
const faults = (tiers: object): string[] => readTiers(federation(tiers), sites).faults.map(({ where, got }) => `${where}: ${got}`);

describe("tiers", () => {
  it("become a tree: patterns, names before patterns, lists and maps of tiers", () => {
    const tree = resolveTiers(
      federation({
        north: { bandwidth: "2Mbit/s", children: ["site-1", { hall: { children: ["site-*"] } }] },
        south: { rounds: 3, children: { yard: { children: ["plant-*"] } } },
      }),
      sites,
    );
    expect(tiersBelow(tree).map(({ name, depth, sites: below, forwards }) => [name, depth, below, forwards])).toEqual([
      ["north", 1, ["site-1", "site-2", "site-3"], "sum"],
      ["hall", 2, ["site-2", "site-3"], "sum"],
      ["south", 1, ["plant-a", "plant-b"], "change"],
      ["yard", 2, ["plant-a", "plant-b"], "sum"],
    ]);
    expect(childrenOfTier(tree)).toEqual([
      { site: "north", members: 3 },
      { site: "south", members: 2 },
    ]);
    expect(tiersBelow(tree)[0].bandwidth).toBe(250_000);
    // Three quarters of ten minutes; the rounds share it; and three quarters of that below.
    expect(tiersBelow(tree).map(({ quorum }) => quorum?.deadline)).toEqual(["450000ms", "337500ms", "150000ms", "112500ms"]);
  });

  it("are refused with every fault: missing, twice, unknown, empty, taken names, too many members", () => {
    expect(faults({ a: { children: ["site-*"] } })).toEqual(["tiers: no place for plant-a, plant-b"]);
    expect(faults({ a: { children: ["*"] }, b: { children: ["plant-*"] } })).toEqual([
      "tiers.b: also under tiers.a",
      "tiers.b: also under tiers.a",
      "tiers.b: none",
    ]);
    expect(faults({ a: { children: ["*", "site-9"] } })).toEqual(["tiers.a: site-9"]);
    expect(faults({ "site-1": { children: ["*"] } })).toEqual(["tiers.site-1: site-1"]);
    expect(faults({ a: { children: [{ a: { children: ["*"] } }] } })).toEqual(["tiers.a.a: a"]);
    expect(faults({ a: { minimumMembers: 6, children: ["*"] } })).toEqual(["tiers.a.minimumMembers: 6"]);
    expect(faults({})).toEqual([`tiers: no place for ${sites.join(", ")}`, "tiers: none"]);
    expect(() => resolveTiers(federation({}), sites)).toThrow(/PLAN_REFUSED.*no place/);
    expect(() => federation({ a: { children: ["*"], rouns: 2 } })).toThrow(/FILE_INVALID/);
    expect(() => federation({ a: { children: ["*"], bandwidth: "fast" } })).toThrow(/FILE_INVALID/);
  });

  it("that do not forward sums are a warning of the plan, with the reason", () => {
    const facts = {
      sites,
      outputs: { kind: "binary", width: 1 },
      model: { inputs: { x: [3] }, nodes: [{ use: "dense", name: "out", units: 1 }] },
      rule: { name: "mean", minimum: 1 },
    } as const;
    const tiers = { a: { rounds: 2, children: ["site-*"] }, b: { rule: { use: "mean", weighted: false }, children: ["plant-*"] } };
    const { warnings, faults: wrong } = checkPlan(federation(tiers), facts);
    expect(wrong).toEqual([]);
    expect(warnings.map(({ where, got }) => `${where} ${got}`)).toEqual([
      expect.stringContaining("tiers.a 2 rounds of its own"),
      expect.stringContaining("tiers.b a rule of its own"),
    ]);
    expect(checkPlan(federation({ a: { children: ["site-*"] } }), facts).faults[0]).toMatchObject({ code: "PLAN_REFUSED", where: "tiers" });
  });

  it("are at most sixteen levels deep", () => {
    const deep = (levels: number): TierSpec => ({
      rounds: 1,
      children: levels === 0 ? ["*"] : [{ [`level-${levels}`]: deep(levels - 1) }],
    });
    expect(readTiers(federation({ top: deep(14) }), sites).faults).toEqual([]);
    expect(readTiers(federation({ top: deep(15) }), sites).faults[0]).toMatchObject({ expected: expect.stringContaining("16 levels") });
    expect(() => federation({ top: deep(3000) })).toThrow(/FILE_INVALID.*16 levels/);
  });

  it("match patterns as a regular expression would, in linear time", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10, minLength: 1 }),
        (pattern, site) => {
          const expression = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
          const { tree } = readTiers(federation({ tier: { children: [pattern] } }), [site]);
          expect(tree.sites).toEqual(expression.test(site) ? [site] : []);
        },
      ),
    );
  });
});
