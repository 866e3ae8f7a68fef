/** The pages and the examples of a plant: every printed file is accepted, every key and term is explained. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { checkSite } from "../../src/edge/check.js";
import { dryRun } from "../../src/edge/outbox-dry-run.js";
import { actions, defaultPolicy, policySchema, readPolicy } from "../../src/edge/policy.js";
import { decide } from "../../src/edge/policy-decide.js";
import { explain } from "../../src/edge/policy-explain.js";
import { planFacts, requestFacts } from "../../src/edge/policy-facts.js";
import { terms } from "../../src/edge/policy-terms.js";
import { mappingSchema, readSiteFile, siteFileSchema } from "../../src/edge/site-file.js";
import { sitePart } from "../../src/edge/site-file-data.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { readFederationFile } from "../../src/round/file.js";
import { createSiteWork } from "../../src/round/site-work.js";
import { resolveTiers } from "../../src/round/tiers.js";
import { topics } from "../../src/round/topics.js";
import { read, root } from "../shape/sources.js";

const fences = (page: string): string[] => [...read(page).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1]);
const keysOf = (schema: { readonly shape: Readonly<Record<string, unknown>> }): string[] => Object.keys(schema.shape);
const missing = (page: string, keys: readonly string[]): string[] => {
  const text = read(page).replace(/```[\s\S]*?```/g, "");
  return keys.filter((key) => !text.includes(`\`${key}\``));
};

describe("docs/site-file.md", () => {
  it("prints files that are accepted", () => {
    const printed = fences("docs/site-file.md");
    const sites = printed.filter((text) => text.startsWith("site:")).map((text) => readSiteFile(text));
    expect(sites.map(({ site }) => site)).toEqual(["plant-1", "plant-3"]);
    // Every key of the file stands in the long example.
    expect(Object.keys(parse(printed[1]) as object).sort()).toEqual(keysOf(siteFileSchema).sort());
    for (const text of printed.filter((text) => text.startsWith("federation:"))) readFederationFile(text);
    expect(printed.length).toBe(3);
  });
  it("explains every key", () => {
    const keep = Object.keys(readSiteFile("site: a\ndata: federation").keep);
    expect(missing("docs/site-file.md", [...keysOf(siteFileSchema), ...keysOf(mappingSchema), ...keep, "kinds"])).toEqual([]);
  });
});

describe("docs/policy.md", () => {
  it("prints policies that are accepted and can be read back in words", () => {
    const printed = fences("docs/policy.md");
    expect(printed.length).toBe(3);
    for (const text of printed) expect(explain(readPolicy(text)).length).toBeGreaterThan(3);
    expect(Object.keys(parse(printed[0]) as object).sort()).toEqual(keysOf(policySchema).sort());
  });
  it("explains every key, term, topic, action and operator", () => {
    const vetoes = ["federation", "plan", "run", "round"];
    expect(missing("docs/policy.md", [...keysOf(policySchema), ...Object.keys(terms), ...topics, ...actions, ...vetoes])).toEqual([]);
    expect(missing("docs/policy.md", ["reviewPolicy", "before", "obtainConsent", "given", "action", "constraint"])).toEqual([]);
    const operators = ["isAnyOf", "isNoneOf", "isPartOf", "eq", "neq", "lt", "lteq", "gt", "gteq"];
    expect(
      missing(
        "docs/policy.md",
        operators.filter((name) => name !== "isPartOf"),
      ),
    ).toEqual([]);
    const used = Object.values(terms).flatMap((term) => operators.filter((name) => accepts(term.schema, name)));
    expect([...new Set(used)].sort()).toEqual(operators.sort());
  });
});

/** Whether a constraint takes the operator, by the fault it tells of an impossible operand. */
function accepts(schema: z.ZodType, operator: string): boolean {
  const parsed = schema.safeParse({ [operator]: { impossible: true } });
  return !parsed.success && parsed.error.issues.every((issue) => issue.code !== "unrecognized_keys");
}

describe("examples/network", () => {
  const folder = join(root, "examples/network");
  const sites = join(folder, "sites");
  const file = readFederationFile(read("examples/network/federation.yaml"));
  const names = ["plant-1", "plant-2", "plant-3", "plant-4", "plant-5", "plant-6"];
  const siteFile = (name: string) => readSiteFile(read(`examples/network/sites/${name}.yaml`));
  const policyOf = (name: string) => {
    const { policy } = siteFile(name);
    return policy === undefined
      ? defaultPolicy
      : typeof policy === "string"
        ? readPolicy(read(`examples/network/sites/${policy}`))
        : policy;
  };

  it("has a site file for each site of the tree", () => {
    const tree = resolveTiers(file, names);
    expect(tree.children.map((child) => (typeof child === "string" ? child : [child.name, child.forwards]))).toEqual([
      ["facility-a", "sum"],
      ["facility-b", "sum"],
    ]);
    expect([...tree.sites].sort()).toEqual(names);
    expect(readdirSync(sites).sort()).toEqual([...names.map((name) => `${name}.yaml`), "policy.yaml"]);
    for (const name of names) expect(siteFile(name).site).toBe(name);
  });

  it("has rows at every plant that will do, with failures to learn from", { timeout: 60_000 }, async () => {
    for (const name of names) {
      const { ok, faults, warnings, facts } = await checkSite(siteFile(name), file, { folder: sites, federationFolder: folder });
      expect({ name, ok, faults, warnings }).toEqual({ name, ok: true, faults: [], warnings: [] });
      expect(facts.answers?.failure.train).toBeGreaterThan(5);
    }
  });

  it("may take part under each plant's own policy", { timeout: 60_000 }, async () => {
    const executor = inlineExecutor();
    const part = await sitePart(siteFile("plant-3"), file, { folder: sites, federationFolder: folder });
    const work = createSiteWork({ site: "plant-3", part, file, seed: "7/train", executor });
    const plan = planFacts(file, { sha256: "a".repeat(64), cohort: 3 });
    const found = await dryRun({
      file,
      work: work.work,
      decide: (request, bytes) => {
        const facts = { plan, request: requestFacts(request, "run", "facility-a", bytes), history: [], now: 0 };
        const refusals = names.map((name) => decide(policyOf(name), facts)).filter(({ permit }) => !permit);
        return refusals[0] ?? { permit: true };
      },
    });
    expect(found.items.map(({ step, refused }) => [step, refused])).toEqual(
      ["statistics", "prepare", "round", "threshold", "evaluation"].map((step) => [step, undefined]),
    );
    expect(found.bytes).toBeGreaterThan(10_000);
  });
});
