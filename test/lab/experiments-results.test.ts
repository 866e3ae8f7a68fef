/** docs/results.md is what the evidence gives, and says what was missed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { currentPage } from "../../scripts/docs-results.mjs";
import { judgeRow, type RunFigures, spread, summarise } from "../../scripts/lib/results-judge.mjs";
import { resultsPage } from "../../scripts/lib/results-page.mjs";
import { type Row, rows } from "../../scripts/lib/results-rows.mjs";
import { readFederationFile } from "../../src/round/file.js";
import { root } from "../shape/sources.js";

describe("docs/results.md", () => {
  it("is what evidence/*.json gives (node scripts/docs-results.mjs)", () => {
    expect(readFileSync(join(root, "docs/results.md"), "utf8")).toBe(currentPage());
  });
});

describe("rows", () => {
  it.each(rows.map((row) => [row.name, row] as const))("%s has an example file of that name", (name, row) => {
    const place = join(root, "examples", `${name}.yaml`);
    expect(existsSync(place)).toBe(true);
    expect(readFederationFile(readFileSync(place, "utf8")).federation).toBe(name);
    if (row.goal !== undefined && row.gate !== undefined) {
      expect(row.better === "higher" ? row.goal >= row.gate : row.goal <= row.gate).toBe(true);
    }
  });
});

const run = (seed: number, federated: Record<string, number>, centralised: Record<string, number> = federated): RunFigures => ({
  seed,
  scenarios: { federated: { metrics: federated, seconds: 1 }, centralised: { metrics: centralised, seconds: 1 } },
});
const plain: Row = { name: "a", title: "A", metric: "f1", better: "higher", gate: 0.6, goal: 0.7, beside: ["f1"], reference: "none" };

describe("judging", () => {
  it("the mean over seeds is held to gate and goal, from the right side", () => {
    expect(judgeRow(plain, summarise([run(0, { f1: 0.5 }), run(1, { f1: 0.72 })]))).toEqual({ gate: true, goal: false });
    expect(judgeRow({ ...plain, better: "lower" }, summarise([run(0, { f1: 0.65 })]))).toEqual({ gate: false, goal: true });
  });

  it("a limit that is exceeded, or a metric that some seed lacks, reaches nothing", () => {
    const limited: Row = { ...plain, limits: [{ metric: "far", most: 0.25 }] };
    expect(judgeRow(limited, summarise([run(0, { f1: 0.9, far: 0.2 })]))).toEqual({ gate: true, goal: true });
    expect(judgeRow(limited, summarise([run(0, { f1: 0.9, far: 0.3 })]))).toEqual({ gate: false, goal: false });
    expect(judgeRow(limited, summarise([run(0, { f1: 0.9 })]))).toEqual({ gate: false, goal: false });
    expect(judgeRow(plain, summarise([run(0, { f1: 0.9 }), run(1, {})]))).toEqual({ gate: false, goal: false });
    expect(judgeRow(plain, undefined)).toEqual({ gate: false, goal: false });
  });

  it("a ratio compares with the row's own centralised run", () => {
    const row: Row = { name: "a", title: "A", metric: "rmse", better: "lower", ratio: 1.08, beside: [], reference: "" };
    expect(judgeRow(row, summarise([run(0, { rmse: 10.8 }, { rmse: 10 })])).gate).toBe(true);
    expect(judgeRow(row, summarise([run(0, { rmse: 10.9 }, { rmse: 10 })]))).toEqual({ ratio: 1.09, gate: false });
  });

  it("spread is the mean and the sample standard deviation", () => {
    expect(spread([2, 4, 4, 4, 5, 5, 7, 9])).toMatchObject({ mean: 5, sd: Math.sqrt(32 / 7) });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: -9, max: 9 }),
        (xs, shift) => {
          const [a, b] = [spread(xs), spread(xs.map((x) => x + shift))];
          expect(b.mean).toBeCloseTo(a.mean + shift, 9);
          expect(b.sd).toBeCloseTo(a.sd, 9);
        },
      ),
    );
  });
});

describe("the page", () => {
  const machine = { cpu: "a processor", cores: 2, platform: "linux x64", node: "v20" };
  const about = {
    command: "npm run prove -- results",
    commit: "0123456789abcdef",
    dirty: true,
    machine,
    date: "2026-01-02T03:04:05Z",
    millwright: "1.2.3",
  };
  const of = (figures: Record<string, unknown>) => resultsPage([plain], { results: { ...about, figures: { rows: { a: figures } } } });
  const measured = (value: number) => {
    const scenarios = summarise([run(0, { f1: value }), run(1, { f1: value + 0.02 })]);
    return of({
      scenarios,
      seeds: [0, 1],
      references: [{ name: "a rule", metrics: { f1: 0.111 } }],
      parameters: 1234,
      seconds: 9,
      commit: "c0ffee",
      verdict: judgeRow(plain, scenarios),
    });
  };

  it("says what was reached, missed, failed and not measured", () => {
    expect(measured(0.8)).toContain("| **0.810 ± 0.014** | 0.810 ± 0.014 | - | goal reached |");
    expect(measured(0.62)).toContain("gate reached, goal missed");
    expect(measured(0.3)).toContain("**gate missed**");
    expect(measured(0.3)).toContain(
      "Gates reached: 0 of 1 (of the 3 seeds asked for, `a` 2). Goals reached: 0 of 1 (of the 10 seeds asked for, `a` 2).",
    );
    expect(of({ error: "TRAINING_DIVERGED: a|b", verdict: { gate: false, goal: false } })).toContain("failed: TRAINING_DIVERGED: a b");
    expect(resultsPage([plain], { results: { ...about, figures: { rows: {} } } })).toContain("Not measured: `a`.");
    expect(resultsPage([plain], {})).toContain("Not measured yet");
  });

  it("names command, commit, machine, references and the caveats", () => {
    const page = measured(0.8);
    for (const text of [
      "npm run prove -- results",
      "0123456789ab",
      "with uncommitted changes",
      "a processor",
      "a rule: F1 0.111",
      "c0ffee",
      "1,234",
    ]) {
      expect(page).toContain(text);
    }
    for (const text of ["0.805", "hand rule reaches", "Selection", "uncapped"]) expect(page).toContain(text);
  });

  it("shows the findings of the paper's figures, held or not", () => {
    const findings = [
      { claim: "One.", holds: true, because: "x" },
      { claim: "Two.", holds: false, because: "y" },
      { claim: "(Ours: three.)", holds: false, because: "z" },
    ];
    const page = resultsPage([], { "paper-0": { ...about, figures: { fig5: { title: "T", findings, table: [["h"], ["1"]] } } } });
    expect(page).toContain("- Reproduced: One. x");
    expect(page).toContain("- **Not reproduced**: Two. y");
    // Our own additions are no claims of the paper.
    expect(page).toContain("Of the paper's 2 claims, 1 could be reproduced. Not reproduced: Two.");
    expect(page).toContain("at commit `0123456789ab` with uncommitted changes");
  });
});
