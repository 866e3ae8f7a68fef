/** The plan checker: every fault and warning is found, named with a code and a remedy, and nothing is found in a plan that is fine. */
import { describe, expect, it } from "vitest";
import { checkPlan, type PlanFacts, refuseFaults } from "../../src/round/check.js";
import { parseFederation } from "../../src/round/file.js";

const federation = (change: object = {}) =>
  parseFederation({
    federation: "checked",
    data: { use: "fleet" },
    task: { kind: "failure", window: 4, horizon: 4 },
    sites: { use: "by", column: "site" },
    model: "gru",
    training: { optimizer: { use: "sgd", learningRate: 0.1 }, batch: 10 },
    ...change,
  });

const model = { inputs: { x: [3] }, nodes: [{ use: "dense", name: "out", units: 1 }] } as const;
const sites = ["a", "b", "c"];
const counts = sites.map((site) => ({ site, train: 40, validation: 10, test: 20, positives: 4 }));
const facts = (change: Partial<PlanFacts> = {}): PlanFacts => ({
  sites,
  outputs: { kind: "binary", width: 1 },
  model,
  rule: { name: "mean", minimum: 1 },
  counts,
  ...change,
});
const training = (change: object) => ({ training: { optimizer: { use: "sgd", learningRate: 0.1 }, batch: 10, ...change } });
const without = (change: object) => facts({ counts: counts.map((one, i) => (i === 1 ? { ...one, ...change } : one)) });
const all = (change: object) => facts({ counts: counts.map((one) => ({ ...one, ...change })) });

describe("a plan that is fine", () => {
  it("passes every check that it can be asked, with and without counts", () => {
    const known = checkPlan(federation(), facts());
    const early = checkPlan(federation(), facts({ counts: undefined }));
    expect([known.faults, known.warnings, early.faults, early.warnings]).toEqual([[], [], [], []]);
    expect(early.passed.length).toBeGreaterThan(3);
    expect(known.passed.length).toBeGreaterThan(early.passed.length);
    expect(() => refuseFaults(known)).not.toThrow();
  });
});

const classes = facts({ outputs: { kind: "classes", width: 3 } });
const faulty: readonly [string, object, PlanFacts, string, string][] = [
  ["too few sites for the rule", {}, facts({ rule: { name: "median", minimum: 5 } }), "PLAN_REFUSED", "aggregate"],
  ["too many sites", {}, facts({ sites: new Array(100_001).fill("s"), counts: undefined }), "LIMIT_EXCEEDED", "sites"],
  ["a loss of another task", training({ loss: "mse" }), facts(), "PLAN_REFUSED", "training.loss"],
  [
    "a loss of another task in a scenario",
    { compare: { local: { training: { loss: "mae" } } } },
    facts(),
    "PLAN_REFUSED",
    "compare.local.training.loss",
  ],
  [
    "too few class weights",
    training({ loss: { use: "cross-entropy", classWeights: [1, 2] } }),
    classes,
    "PLAN_REFUSED",
    "training.loss.classWeights",
  ],
  ["a threshold without a yes", { threshold: 0.5 }, classes, "PLAN_REFUSED", "threshold"],
  ["detection without anomalies", { detection: {} }, facts(), "PLAN_REFUSED", "detection"],
  ["mirrored vectors", training({ flip: { horizontal: true } }), facts(), "PLAN_REFUSED", "training.flip"],
  ["a goal below the minimum", { quorum: { goal: 0.3, minimum: 0.6 } }, facts(), "PLAN_REFUSED", "quorum"],
  ["a site without training examples", {}, without({ train: 0 }), "DATA_EMPTY", "site b"],
  ["no test anywhere", {}, all({ test: 0 }), "DATA_EMPTY", "split"],
  ["sums that overflow", { encoding: { fractionBits: 24, range: 64 } }, all({ train: 9_000_000 }), "SUM_OVERFLOW", "encoding"],
  [
    "a threshold on validation data that is not there",
    { threshold: { use: "max-f1", on: "validation" } },
    all({ validation: 0 }),
    "PLAN_REFUSED",
    "threshold.on",
  ],
  ["rounds judged on validation data that is not there", { evaluate: {} }, all({ validation: 0 }), "PLAN_REFUSED", "evaluate"],
];

describe("faults", () => {
  it.each(faulty)("%s", (_, change, known, code, where) => {
    const check = checkPlan(federation(change), known);
    expect(check.faults).toHaveLength(1);
    expect(check.faults[0]).toMatchObject({ code, where: expect.stringContaining(where) });
    expect(check.faults[0].remedy).toMatch(/\w/);
    expect(() => refuseFaults(check)).toThrow(code);
  });

  it("are told all at once", () => {
    const check = checkPlan(federation({ ...training({ loss: "mse", flip: { vertical: true } }), detection: {} }), without({ train: 0 }));
    expect(check.faults.map((one) => one.where)).toEqual(["training.loss", "detection", "training.flip", "site b"]);
    expect(() => refuseFaults(check)).toThrow(/training\.loss.*detection.*training\.flip.*site b/);
  });
});

const batchNorm = { ...model, nodes: [...model.nodes, { use: "batch-norm", name: "n" } as const] };
const doubtful: readonly [string, object, PlanFacts, string][] = [
  ["sites away more often than the quorum allows", { conditions: { dropout: 0.6 } }, facts(), "quorum.minimum"],
  ["more models averaged than there are rounds", { rounds: 2, average: { last: 5 } }, facts(), "average.last"],
  ["a threshold on training data", {}, all({ validation: 0 }), "threshold"],
  ["a site without test", {}, without({ test: 0 }), "site b"],
  ["a site without failures", {}, without({ positives: 0 }), "site b"],
  ["less than a batch", {}, without({ train: 7 }), "site b"],
  ["batch norm over one example", {}, { ...without({ train: 41 }), model: batchNorm }, "site b"],
  ["unequal sites that count the same", { aggregate: { use: "mean", weighted: false } }, without({ train: 400 }), "aggregate.weighted"],
];

describe("warnings", () => {
  it.each(doubtful)("%s", (_, change, known, where) => {
    const check = checkPlan(federation(change), known);
    expect(check.faults).toEqual([]);
    expect(check.warnings).toHaveLength(1);
    expect(check.warnings[0].where).toBe(where);
    const fine = checkPlan(federation(change), facts({ counts: undefined, sites: [] }));
    expect(check.passed.length).toBeGreaterThan(fine.passed.length);
  });

  it("a fixed threshold needs no data", () => {
    expect(checkPlan(federation({ threshold: 0.3 }), all({ validation: 0 })).warnings).toEqual([]);
  });
});

it("warns where no site has anything to learn from, in other words than where one has not", () => {
  const { warnings } = checkPlan(federation(), all({ positives: 0 }));
  expect(warnings).toContainEqual(expect.objectContaining({ where: "task", got: "none: there is nothing to learn" }));
  const one = checkPlan(federation(), without({ positives: 0 })).warnings;
  expect(one).toContainEqual(expect.objectContaining({ where: "site b", got: "none at 1 of 3 sites" }));
});
