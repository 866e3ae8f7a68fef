import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generateFleet } from "../../src/data/fleet/generate.js";
import { addStatistics, fitScaler, partitionSites, type SiteExamples, siteExamples, siteStatistic } from "../../src/data/pipeline.js";
import { fleetReferences } from "../../src/lab/fleet-references.js";
import { type FederationFile, readFederationFile } from "../../src/round/file.js";

function file(name: string): FederationFile {
  return readFederationFile(readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), "utf8"));
}

describe("the example files of the fleet", () => {
  it.each(["fleet", "fleet-hard"])("%s: ten sites, windows with both answers at each, references on the very test windows", (name) => {
    const plan = file(name);
    if (plan.data.use !== "fleet") throw new Error("not the fleet");
    const fleet = generateFleet(plan.data);
    const parts = partitionSites(fleet, plan, plan.seed);
    expect(parts).toHaveLength(10);
    const scaler = fitScaler(parts.map((part) => siteStatistic(part, plan)).reduce(addStatistics));
    const sites: SiteExamples[] = parts.map((part) => siteExamples(part, scaler, plan));
    for (const { train, test } of sites) {
      for (const part of [train, test]) {
        const positive = part.targets.reduce((a, b) => a + b, 0);
        expect(positive).toBeGreaterThan(0);
        expect(positive).toBeLessThan(part.count / 2);
      }
    }
    const references = fleetReferences(
      fleet,
      { window: 24, horizon: 24 },
      sites.map((s) => s.test),
    );
    const f1 = references.map((r) => r.metrics.f1);
    expect(f1[1]).toBeGreaterThan(0.95);
    expect(f1[1]).toBeGreaterThan(f1[0]);
    expect(f1[1]).toBeLessThan(1);
    if (name === "fleet-hard") expect(f1[2]).toBeLessThan(0.8);
    else expect(f1).toHaveLength(2);
  });
});
