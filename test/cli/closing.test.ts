import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closing } from "../../src/cli/show/closing.js";
import { metricTable } from "../../src/cli/show/metrics.js";
import { width } from "../../src/cli/show/text.js";
import { verdict } from "../../src/cli/show/verdict.js";
import { mergeSeeds, spread, viewOf } from "../../src/cli/show/view.js";
import type { SimulationResult } from "../../src/lab/result.js";
import { fixture } from "./fixture.js";

const colors = createRequire(import.meta.url)("picocolors").createColors(false);

/** A result whose headline figures are the given ones. */
function withHeadline(
  figures: { centralised?: number; local: number; federated: number },
  kind: "failure" | "rul" = "failure",
  seed = 7,
): SimulationResult {
  const base = fixture({ kind, seed });
  const metric = base.headline.metric;
  const scenarios = Object.fromEntries(
    Object.entries(figures).map(([name, value]) => {
      const scenario = base.scenarios[name as keyof typeof figures];
      if (scenario === undefined) throw new Error(name);
      return [name, { ...scenario, metrics: { ...scenario.metrics, [metric]: value } }];
    }),
  );
  return { ...base, scenarios };
}

describe("verdict", () => {
  it("says that learning together helped", () => {
    expect(verdict(viewOf(withHeadline({ local: 0.6, federated: 0.8 })))).toMatchObject({ outcome: "helped" });
    expect(verdict(viewOf(withHeadline({ local: 20, federated: 13 }, "rul")))).toMatchObject({ outcome: "helped" });
  });

  it("does not call it help where the sites do better alone on their own machines", () => {
    const result = withHeadline({ local: 0.57, federated: 0.71 });
    const local = { ...(result.scenarios.local as NonNullable<typeof result.scenarios.local>), ownMachines: { f1: 0.94 } };
    const contradicting = verdict(viewOf({ ...result, scenarios: { ...result.scenarios, local } }));
    expect(contradicting.outcome).toBe("hurt");
    expect(contradicting.title).toMatch(/0\.940 when every site learns alone and answers for its own machines/);
  });

  it("says plainly that it did not", () => {
    const none = verdict(viewOf(withHeadline({ local: 0.8, federated: 0.805 })));
    expect(none).toMatchObject({ outcome: "no-difference" });
    expect(none.title).toMatch(/^Federation did not help here/);
    const hurt = verdict(viewOf(withHeadline({ local: 13, federated: 20 }, "rul")));
    expect(hurt).toMatchObject({ outcome: "hurt" });
    expect(hurt.title).toMatch(/^Federation did not help here, it hurt/);
  });

  it("needs two standard deviations when there are seeds", () => {
    const noisy = mergeSeeds([0.9, 0.5, 0.72].map((federated, i) => withHeadline({ local: 0.6, federated }, "failure", i + 1)));
    expect(verdict(viewOf(noisy)).outcome).toBe("no-difference");
    const steady = mergeSeeds([0.7, 0.71, 0.7].map((federated, i) => withHeadline({ local: 0.6, federated }, "failure", i + 1)));
    expect(verdict(viewOf(steady)).outcome).toBe("helped");
  });

  it("states the share of the centralised figure in the right direction", () => {
    expect(verdict(viewOf(withHeadline({ centralised: 0.8, local: 0.5, federated: 0.76 }))).detail[0]).toContain("95 %");
    expect(verdict(viewOf(withHeadline({ centralised: 13, local: 20, federated: 26 }, "rul"))).detail[0]).toContain("50 %");
  });

  it("compares with nothing when nothing was run", () => {
    const { federated } = fixture().scenarios;
    expect(verdict(viewOf({ ...fixture(), scenarios: { federated } }))).toMatchObject({ outcome: "not-compared" });
  });
});

describe("closing", () => {
  const text = (result: Parameters<typeof viewOf>[0], columns = 100): string[] =>
    closing(viewOf(result), { result: "out/result.json", report: "out/report.html" }, colors, columns);

  it("names the three scenarios, the references and what to try next", () => {
    const all = text(fixture()).join("\n");
    for (const word of [
      "centralised",
      "local only",
      "federated",
      "hand rule",
      "ceiling",
      "bytes moved",
      "millwright init my.csv",
      "out/report.html",
      "Remarks",
    ])
      expect(all).toContain(word);
  });

  it("fits the terminal's width with every metric shown", () => {
    const seeds = mergeSeeds([1, 2, 3].map((seed) => fixture({ kind: "rul", seed })));
    for (const columns of [70, 80, 100, 140]) {
      const lines = text(seeds, columns);
      const tables = lines.filter((l) => /^(centralised|local only|federated|mean life|\s{8,})/.test(l));
      expect(Math.max(...tables.map(width))).toBeLessThanOrEqual(columns);
      for (const metric of ["rmse", "nasaScore", "rmseUncapped", "nasaScoreUncapped"])
        expect(lines.join("\n")).toContain(metricTable[metric].label);
    }
  });

  it("lets no control character of a name through", () => {
    const all = text(fixture({ hostile: `\u001b[2J\u0007\u202e` })).join("\n");
    expect(all).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
  });
});

describe("spread", () => {
  it("is the mean and the sample standard deviation", () => {
    expect(spread([2, 4, 4, 4, 5, 5, 7, 9])).toMatchObject({ mean: 5, sd: Math.sqrt(32 / 7) });
    expect(spread([3]).sd).toBe(0);
    fc.assert(fc.property(fc.array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => spread(values).sd >= 0));
  });
});

describe("tiers", () => {
  it("stand on the terminal beside what the flat federation would move", () => {
    const links = [{ name: "facility-a", parent: "enterprise", sites: 3, bytesUp: 1000, bytesDown: 2000 }];
    const tiers = { links, wan: { bytesUp: 1000, bytesDown: 2000 }, flat: { bytesUp: 3000, bytesDown: 6000 } };
    const lines = closing(viewOf({ ...fixture(), tiers }), {}, colors, 100).join("\n");
    expect(lines).toMatch(/facility-a to enterprise +3 sites +1\.0 kB +2\.0 kB/);
    expect(lines).toMatch(/without tiers +3\.0 kB +6\.0 kB/);
    expect(closing(viewOf(fixture()), {}, colors, 100).join("\n")).not.toContain("without tiers");
  });
});
