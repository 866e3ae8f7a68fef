/** From a federation file and what the sites told to what a run needs: the model, the loss, the rates. The coordinator has no data. */
import { defaultFixedPoint } from "../aggregation/fixed-point.js";
import type { Rule } from "../aggregation/rule.js";
import { parseDuration } from "../core/duration.js";
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import type { DataPlan, OutputSpec } from "../data/pipeline.js";
import { isModuleModel } from "../model/module.js";
import { buildModel, type ModelContext } from "../model/presets.js";
import { learningRateAt } from "../model/schedule.js";
import type { LossSpec, ModelSpec } from "../model/spec.js";
import { defaultLoss } from "../training/spec.js";
import type { CoordinatorPlan } from "./coordinator.js";
import { type FederationFile, quorumDefaults } from "./file.js";
import { type Cohort, claimsOf, quorumOf } from "./node-cohort.js";
import type { Facts } from "./topics.js";

/** Builds the model of a user's own module from what the data and the task offer. */
export type ModuleModelOf = (context: ModelContext) => ModelSpec;

/** The model that a file names, for the shapes and outputs of its sites. Errors: those of the preset; PLUGIN_INVALID. */
export function modelFor(file: FederationFile, facts: Pick<Facts, "inputs" | "outputs">, module?: ModuleModelOf): ModelSpec {
  const { inputs, outputs } = facts;
  const context: ModelContext = { inputs, outputs: outputs.width, task: taskOf(outputs) };
  if (!isModuleModel(file.model)) return buildModel(file.model, context);
  if (module !== undefined) return module(context);
  return fail("PLUGIN_INVALID", {
    where: "model.use",
    expected: "the module, loaded",
    got: file.model.use,
    remedy: "pin its hash in the plan",
  });
}

const taskOf = (outputs: OutputSpec) => (outputs.kind === "number" ? "regression" : outputs.kind);

/** The loss of the file, or the usual one of its task. */
export function lossFor(file: FederationFile, outputs: OutputSpec): LossSpec {
  return file.training.loss ?? defaultLoss(taskOf(outputs));
}

export function dataPlanOf({ task, features, split, sites, units, resample, gaps }: FederationFile): DataPlan {
  return { task, features, split, sites, units, resample, gaps };
}

export interface QuorumSpec {
  readonly goal: number;
  readonly minimum: number;
  readonly deadline: string;
  readonly attempts: number;
}

/** The coordinator's plan for its children, without what changes from round to round. */
export function plannerOf(options: {
  readonly file: FederationFile;
  readonly rule: Rule;
  readonly quorum?: QuorumSpec;
  readonly retry?: Millis;
  readonly patient: boolean;
  readonly normBound?: number;
}): (cohort: Pick<Cohort, "children" | "weights">) => CoordinatorPlan {
  const { file, rule } = options;
  const quorum = options.quorum ?? file.quorum ?? quorumDefaults;
  const deadline = parseDuration(quorum.deadline, "quorum.deadline");
  const { training, rounds } = file;
  const learningRates = Array.from({ length: rounds }, (_, r) =>
    learningRateAt(training.schedule, training.optimizer.learningRate, r, rounds),
  );
  return (cohort) => ({
    ...claimsOf(cohort),
    rounds,
    rule,
    format: file.encoding ?? defaultFixedPoint,
    learningRates,
    ...quorumOf(quorum, cohort.children.length),
    deadline,
    // Whoever pulls asks for the open question by itself: nothing is repeated before the deadline.
    retry: options.retry ?? deadline,
    attempts: quorum.attempts,
    patient: options.patient,
    ...(options.normBound === undefined ? {} : { normBound: options.normBound }),
  });
}
