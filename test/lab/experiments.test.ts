/** The figures of paper 0: every experiment runs and is written, and its findings follow from the points. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { clientFindings, historyFindings, localFindings } from "../../src/cli/experiments/findings.js";
import { experiments, quickValues } from "../../src/cli/experiments/registry.js";
import type { ExperimentResult, Point } from "../../src/cli/experiments/result.js";
import type { ScenarioName, Spread } from "../../src/lab/result.js";
import { millwright, temporary } from "../cli/harness.js";

const one = (value: number, sd = 0): Spread => ({ mean: value, sd, values: [value] });

type Figures = Partial<Record<ScenarioName, Readonly<Record<string, number>>>>;

function point(at: number, figures: Figures, extra: { seconds?: number; perClient?: number; perSite?: Point["perSite"] } = {}): Point {
  const scenarios = Object.fromEntries(
    Object.entries(figures).map(([name, metrics]) => [
      name,
      { metrics: Object.fromEntries(Object.entries(metrics).map(([k, v]) => [k, one(v)])), seconds: one(extra.seconds ?? 1) },
    ]),
  );
  return { at, scenarios, runtime: { perClient: one(extra.perClient ?? 1), wall: one(2) }, perSite: extra.perSite ?? [] };
}

describe.each(experiments.map((e) => [e.name, e] as const))("%s", (name, experiment) => {
  it("runs, prints, and leaves a page and a result", { timeout: 60_000 }, async () => {
    const folder = temporary();
    const args = ["experiment", name, "--quick", "--rounds", "1", "--workers", "1", "--quiet", "--out", folder, "--json"];
    const ran = await millwright(args, folder);
    expect(ran.code, ran.err).toBe(0);
    const result = JSON.parse(ran.out) as ExperimentResult;
    expect(result.format).toBe("millwright-experiment/1");
    expect(result.quick).toBe(true);
    expect(result.points.map((p) => p.at)).toEqual(quickValues(experiment.axis.values));
    for (const p of result.points) {
      expect(p.runtime.perClient.mean).toBeGreaterThan(0);
      expect(p.runtime.wall.mean).toBeGreaterThan(0);
      for (const scenario of experiment.scenarios) {
        const accuracy = p.scenarios[scenario]?.metrics.accuracy?.mean as number;
        expect(accuracy).toBeGreaterThan(0);
        expect(accuracy).toBeLessThanOrEqual(1);
      }
    }
    expect(result.findings.length).toBeGreaterThanOrEqual(3);
    expect(JSON.parse(readFileSync(join(folder, "experiment.json"), "utf8"))).toEqual(result);
    const page = readFileSync(join(folder, "experiment.html"), "utf8");
    expect(page).toContain("<svg");
    expect(page).not.toMatch(/<script|https?:\/\//);
    for (const { holds } of result.findings) expect(page).toContain(holds ? "Reproduced" : "Not reproduced");
  });
});

describe("what may be asked", () => {
  it("names the experiments and the data there are", async () => {
    expect((await millwright(["experiment", "paper-0/fig8"])).err).toContain("paper-0/fig7");
    const refused = await millwright(["experiment", "paper-0/fig7", "--data", "nothing"]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("azure-pdm");
    expect(JSON.parse((await millwright(["experiment", "--json"])).out)).toHaveLength(experiments.length);
  });
});

describe("findings", () => {
  const holds = (findings: readonly { holds: boolean }[]) => findings.map((finding) => finding.holds);

  it("figure 5: rising quality and time are seen, and so is their absence", () => {
    const low = { precision: 0.6, accuracy: 0.9, recall: 0.9, prAuc: 0.5 };
    const high = { precision: 0.9, accuracy: 0.97, recall: 0.92, prAuc: 0.8 };
    const short = point(6, { centralised: low }, { seconds: 1 });
    expect(holds(historyFindings([short, point(48, { centralised: high }, { seconds: 3 })]))).toEqual([true, true, true, true, true]);
    expect(holds(historyFindings([short, point(48, { centralised: { ...low, recall: 0.3 } }, { seconds: 1 })]))).toEqual(
      Array(5).fill(false),
    );
  });

  it("figure 5: a rise within the spread over seeds is none", () => {
    const noisy = (at: number, precision: number): Point => ({
      ...point(at, {}),
      scenarios: { centralised: { metrics: { precision: one(precision, 0.1), accuracy: one(0.9), recall: one(0.9) }, seconds: one(1) } },
    });
    expect(historyFindings([noisy(6, 0.6), noisy(48, 0.65)])[0].holds).toBe(false);
    expect(historyFindings([noisy(6, 0.6), noisy(48, 0.75)])[0].holds).toBe(true);
  });

  it("figure 6: time per client, accuracy at the ends and beyond seven clients", () => {
    const at = (clients: number, accuracy: number, perClient: number) =>
      point(clients, { federated: { accuracy, f1: accuracy - 0.2 } }, { perClient });
    expect(holds(clientFindings([at(1, 0.98, 10), at(7, 0.975, 2), at(19, 0.97, 0.6)]))).toEqual([true, true, true, true]);
    expect(holds(clientFindings([at(1, 0.98, 10), at(7, 0.94, 9), at(19, 0.9, 8)]))).toEqual([false, false, false, false]);
    // Figures that are not there bear nothing out.
    expect(holds(clientFindings([point(1, {}), point(19, {})]))).toEqual([false, false, false, false]);
  });

  it("figure 7: local against global", () => {
    const sites = [0.2, 0.4, 0.6].map((local, i) => ({ site: `s${i}`, values: { local, federated: 0.8 } }));
    const better = { local: { accuracy: 0.9, f1: 0.4 }, federated: { accuracy: 0.97, f1: 0.8 } };
    expect(holds(localFindings([point(3, better, { perSite: sites })]))).toEqual([true, true, true]);
    const alike = sites.map((site) => ({ ...site, values: { local: 0.5, federated: 0.5 } }));
    const same = { local: { accuracy: 0.9, f1: 0.5 }, federated: { accuracy: 0.9, f1: 0.5 } };
    expect(holds(localFindings([point(3, same, { perSite: alike })]))).toEqual([false, false, false]);
  });
});
