/**
 * The plan checker: do the parts of a federation go together? A pure function over the file and what is known of the data and the
 * model; it trains nothing and touches nothing. Faults stop a run before round 1, all of them at once; warnings are things that
 * work and that a reader should know before believing a figure.
 *
 * Called twice: when the model is built (sites are names), and again when windows are cut (sites have counts).
 */
import { checkCapacity, defaultFixedPoint } from "../aggregation/fixed-point.js";
import type { Rule } from "../aggregation/rule.js";
import { type ErrorCode, type ErrorDetail, MillwrightError } from "../core/errors.js";
import type { OutputSpec } from "../data/pipeline.js";
import type { LossSpec, ModelSpec } from "../model/spec.js";
import { conditionDefaults, type FederationFile, quorumDefaults } from "./file.js";
import { readTiers } from "./tiers.js";

/** A fault or a warning: where, what was expected and found, what to do, and the code it is refused under. */
export interface Finding extends ErrorDetail {
  readonly code: ErrorCode;
}

export interface SiteCounts {
  readonly site: string;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** Training examples that say yes, where the task has a yes. */
  readonly positives?: number;
}

export interface PlanFacts {
  readonly sites: readonly string[];
  readonly outputs: Pick<OutputSpec, "kind" | "width">;
  readonly model: ModelSpec;
  readonly rule: Pick<Rule, "name" | "minimum">;
  /** Known once windows are cut. */
  readonly counts?: readonly SiteCounts[];
}

export interface PlanCheck {
  readonly faults: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** What was looked at and found in order. */
  readonly passed: readonly string[];
}

/** Checks everything that the facts allow to check. */
export function checkPlan(file: FederationFile, facts: PlanFacts): PlanCheck {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const passed: string[] = [];
  for (const { claim, look } of checks) {
    const found = look(file, facts);
    if (found === undefined) continue;
    const { faults: bad = [], warnings: doubtful = [] } = found;
    faults.push(...bad);
    warnings.push(...doubtful);
    if (bad.length + doubtful.length === 0) passed.push(claim);
  }
  return { faults, warnings, passed };
}

/** Throws all faults as one error under the code of the first. Errors: PLAN_REFUSED, DATA_EMPTY, LIMIT_EXCEEDED, SUM_OVERFLOW. */
export function refuseFaults({ faults }: PlanCheck): void {
  if (faults.length > 0) throw new MillwrightError(faults[0].code, faults[0], faults);
}

interface Found {
  readonly faults?: readonly Finding[];
  readonly warnings?: readonly Finding[];
}

interface Check {
  readonly claim: string;
  /** Undefined where the facts it needs are not known yet, or the file does not ask for what it checks. */
  readonly look: (file: FederationFile, facts: PlanFacts) => Found | undefined;
}

/** Sites that a simulation may have. */
const mostSites = 100_000;

const refused = (where: string, expected: string, got: string, remedy: string, code: ErrorCode = "PLAN_REFUSED"): Finding => ({
  code,
  where,
  expected,
  got,
  remedy,
});
const fault = (...parts: Parameters<typeof refused>): Found => ({ faults: [refused(...parts)] });
const warning = (...parts: Parameters<typeof refused>): Found => ({ warnings: [refused(...parts)] });
const fine: Found = {};

const losses: Record<OutputSpec["kind"], readonly LossSpec["use"][]> = {
  binary: ["bce"],
  classes: ["cross-entropy"],
  number: ["mse", "mae", "huber"],
  reconstruction: ["mse", "mae", "huber"],
};

const checks: readonly Check[] = [
  {
    claim: "every site has one place in the tree of tiers",
    look: (file, { sites }) => {
      if (file.tiers === undefined) return undefined;
      const { faults, warnings } = readTiers(file, sites);
      const coded = (all: readonly ErrorDetail[]): Finding[] => all.map((one) => ({ code: "PLAN_REFUSED", ...one }));
      return { faults: coded(faults), warnings: coded(warnings) };
    },
  },
  {
    claim: "there are enough sites for the rule, and not too many",
    look: ({ aggregate }, { sites, rule }) => {
      if (sites.length > mostSites)
        return fault("sites", `at most ${mostSites} sites`, String(sites.length), "deal the data to fewer sites", "LIMIT_EXCEEDED");
      if (sites.length >= rule.minimum) return fine;
      const remedy = "deal the data to more sites, or choose another rule";
      return fault(`aggregate (${aggregate.use})`, `at least ${rule.minimum} sites for rule ${rule.name}`, String(sites.length), remedy);
    },
  },
  {
    claim: "the loss suits the task",
    look: (file, { outputs }) => ({
      faults: [
        ["training.loss", file.training.loss] as const,
        ["compare.centralised.training.loss", file.compare?.centralised?.training?.loss] as const,
        ["compare.local.training.loss", file.compare?.local?.training?.loss] as const,
      ].flatMap(([where, loss]) => (loss === undefined ? [] : lossFaults(where, loss, outputs))),
    }),
  },
  {
    claim: "the threshold and the detection belong to the task",
    look: (file, { outputs }) => {
      const kind = file.task.kind;
      const faults: Finding[] = [];
      if (file.threshold !== undefined && outputs.kind !== "binary")
        faults.push(refused("threshold", "a task that answers yes or no", kind, "remove threshold"));
      if (file.detection !== undefined && outputs.kind !== "reconstruction")
        faults.push(refused("detection", "an anomaly task", kind, "remove detection"));
      return { faults };
    },
  },
  {
    claim: "the images to mirror are there",
    look: ({ training: { flip } }, { model }) => {
      if (flip?.horizontal !== true && flip?.vertical !== true) return undefined;
      if (Object.values(model.inputs).some((shape) => shape.length === 3)) return fine;
      return fault("training.flip", "a model with an image input", "none", "remove flip");
    },
  },
  {
    claim: "a round that reaches its goal can close",
    look: (file) => {
      const { goal, minimum } = file.quorum ?? quorumDefaults;
      if (goal >= minimum) return fine;
      return fault("quorum", `a goal of at least the minimum (${minimum})`, String(goal), "raise goal, or lower minimum");
    },
  },
  {
    claim: "enough sites are there in most rounds",
    look: (file, { sites }) => {
      const { minimum } = file.quorum ?? quorumDefaults;
      const { dropout } = file.conditions ?? conditionDefaults;
      const needed = Math.max(1, Math.ceil(minimum * sites.length));
      if ((1 - dropout) * sites.length >= needed) return fine;
      const there = ((1 - dropout) * sites.length).toFixed(1);
      return warning("quorum.minimum", `at most ${there} sites, as many as are there on average`, String(needed), "lower quorum.minimum");
    },
  },
  {
    claim: "there are as many rounds as models to average",
    look: ({ average, rounds }) => {
      if (average === undefined) return undefined;
      if (average.last <= rounds) return fine;
      return warning("average.last", `at most the number of rounds (${rounds})`, String(average.last), "the mean of all rounds is taken");
    },
  },
  {
    claim: "every site has something to learn from",
    look: (_, { counts }) => {
      const empty = counts?.filter((site) => site.train === 0).map((site) => site.site);
      if (counts === undefined || empty === undefined) return undefined;
      if (empty.length === 0) return fine;
      const got = `none at ${empty.length} of ${counts.length} sites`;
      const remedy = "use fewer sites, a shorter window, or another split";
      return fault(`site ${named(empty)}`, "at least one training example at every site", got, remedy, "DATA_EMPTY");
    },
  },
  {
    claim: "sums of updates stay exact",
    look: (file, { counts }) => {
      if (counts === undefined) return undefined;
      try {
        checkCapacity(
          file.encoding ?? defaultFixedPoint,
          Math.max(
            1,
            counts.reduce((sum, site) => sum + site.train, 0),
          ),
        );
        return fine;
      } catch (error) {
        if (error instanceof MillwrightError) return { faults: [{ code: error.code, ...error.detail }] };
        throw error;
      }
    },
  },
  {
    claim: "the examples that the threshold is chosen on are there",
    look: ({ threshold }, { outputs, counts }) => {
      if (outputs.kind !== "binary" || counts === undefined) return undefined;
      if (counts.some((site) => site.validation > 0)) return fine;
      const on = threshold !== undefined && "on" in threshold ? threshold.on : undefined;
      const got = "a split without them";
      const remedy = "give the split a validation part";
      if (on === "validation") return fault("threshold.on", "validation examples at some site", got, remedy);
      if (threshold?.use === "fixed") return fine;
      return warning("threshold", "validation examples to choose it on", `${got}; it is chosen on training examples`, remedy);
    },
  },
  {
    claim: "the rounds that are judged have validation examples",
    look: ({ evaluate }, { counts }) => {
      if (evaluate === undefined || counts === undefined) return undefined;
      if (counts.some((site) => site.validation > 0)) return fine;
      return fault("evaluate", "validation examples at some site", "a split without them", "give the split a validation part");
    },
  },
  {
    claim: "there is something to test on",
    look: (_, { counts }) => {
      const untested = counts?.filter((site) => site.test === 0).map((site) => site.site);
      if (counts === undefined || untested === undefined) return undefined;
      if (untested.length === 0) return fine;
      if (untested.length === counts.length)
        return fault("split", "test examples at some site", "none", "leave more to the test, or shorten the window", "DATA_EMPTY");
      return warning(`site ${named(untested)}`, "test examples", "none", "these sites have no figures of their own");
    },
  },
  {
    claim: "sites have failures to learn from",
    look: (_, { outputs, counts }) => {
      if (outputs.kind !== "binary" || counts === undefined) return undefined;
      const without = counts.filter((site) => site.positives === 0).map((site) => site.site);
      if (without.length === 0) return fine;
      const got = `none at ${without.length} of ${counts.length} sites`;
      if (without.length === counts.length) {
        const remedy = "look at the target, its positive value, the horizon, or the moment of the split";
        return warning("task", "training examples that say yes at some site", "none: there is nothing to learn", remedy);
      }
      return warning(`site ${named(without)}`, "training examples that say yes", got, "alone, such a site can learn nothing");
    },
  },
  {
    claim: "batches are full",
    look: (file, { counts, model }) => {
      if (counts === undefined) return undefined;
      const { batch } = file.training;
      const warnings: Finding[] = [];
      const small = counts.filter((site) => site.train > 0 && site.train < batch).map((site) => site.site);
      if (small.length > 0) {
        const where = `site ${named(small)}`;
        warnings.push(refused(where, `at least a batch of ${batch} training examples`, "fewer", "lower training.batch"));
      }
      if (model.nodes.some((node) => node.use === "batch-norm")) {
        const single = counts.filter((site) => batch === 1 || site.train % batch === 1).map((site) => site.site);
        const got = "a batch of one, whose norm tells nothing about others";
        if (single.length > 0)
          warnings.push(
            refused(`site ${named(single)}`, "batches of several examples for batch-norm", got, "use another batch size, or group norm"),
          );
      }
      return { warnings };
    },
  },
  {
    claim: "sites count as much as they have examples, or have alike numbers of them",
    look: ({ aggregate }, { counts }) => {
      if (counts === undefined || counts.length === 0 || aggregate.use !== "mean" || aggregate.weighted !== false) return undefined;
      const sizes = counts.map((site) => site.train);
      const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
      if (most <= 2 * least) return fine;
      return warning("aggregate.weighted", "sites of alike size", `from ${least} to ${most} examples`, "use weighted: true");
    },
  },
];

function lossFaults(
  where: string,
  loss: { readonly use: LossSpec["use"]; readonly classWeights?: readonly number[] },
  outputs: PlanFacts["outputs"],
): Finding[] {
  const allowed = losses[outputs.kind];
  if (!allowed.includes(loss.use)) {
    const remedy = "leave the loss away for the usual one";
    return [refused(where, `${allowed.join(", ")} for a task that answers with ${answers[outputs.kind]}`, loss.use, remedy)];
  }
  const weights = loss.use === "cross-entropy" ? loss.classWeights : undefined;
  if (weights === undefined || weights.length === outputs.width) return [];
  return [
    refused(
      `${where}.classWeights`,
      `one weight for each of ${outputs.width} classes`,
      String(weights.length),
      "give every class a weight",
    ),
  ];
}

const answers: Record<OutputSpec["kind"], string> = {
  binary: "yes or no",
  classes: "a class",
  number: "a number",
  reconstruction: "a reconstruction",
};

function named(sites: readonly string[]): string {
  return `${sites.slice(0, 5).join(", ")}${sites.length > 5 ? ", ..." : ""}`;
}
