/** Everything that the scenarios of one simulation share, read from the federation file before anything is trained. */
import { buildRule, type RuleSpec } from "../aggregation/registry.js";
import type { Rule } from "../aggregation/rule.js";
import { parseDuration } from "../core/duration.js";
import { seeded } from "../core/random.js";
import type { Dataset } from "../data/dataset.js";
import { generateFleet } from "../data/fleet/generate.js";
import { type DataPlan, exampleShapes, type OutputSpec, outputsOf, partitionSites, type SitePart } from "../data/pipeline.js";
import { callPlugin, loadPlugin } from "../io/plugin.js";
import { loadDataset } from "../io/source/load.js";
import { digestPlain, digestTable } from "../io/store/digest.js";
import { kernelVersion } from "../kernels/instance.js";
import { initialise } from "../model/init.js";
import { isModuleModel, moduleModel } from "../model/module.js";
import { buildModel, type ModelContext } from "../model/presets.js";
import { inferModel } from "../model/shape.js";
import type { LossSpec, ModelSpec } from "../model/spec.js";
import { checkPlan, refuseFaults } from "../round/check.js";
import { conditionDefaults, type FederationFile, quorumDefaults } from "../round/file.js";
import { resolveTiers, type Tier, tiersBelow } from "../round/tiers.js";
import type { TrainingSpec } from "../training/spec.js";
import type { ScenarioName } from "./result.js";
import type { RunPlan } from "./run.js";

export interface Setup {
  readonly file: FederationFile;
  readonly seed: number;
  readonly dataset: Dataset;
  readonly dataPlan: DataPlan;
  readonly parts: readonly SitePart[];
  readonly outputs: OutputSpec;
  readonly model: ModelSpec;
  readonly parameters: number;
  readonly initial: Float32Array;
  readonly rule: Rule;
  /** Who reports to whom, and the rule of every tier by its name; a file without tiers has none but the root. */
  readonly tree: Tier;
  readonly rules: ReadonlyMap<string, Rule>;
  /** Digest of everything that determines the result. */
  readonly digest: string;
}

export interface SetupOptions {
  /** Folder that paths in the file are relative to. */
  readonly folder: string;
  readonly dataRoot?: string;
  readonly seed?: number;
}

/** Loads the data, deals it to sites and builds the model. Errors: those of the file, the data, the model and the rule. */
export async function setUp(file: FederationFile, options: SetupOptions): Promise<Setup> {
  const seed = options.seed ?? file.seed;
  const dataset = await loadDataset(file.data, { ...options, loadFleet: (spec) => generateFleet(spec) });
  const { task, features, split, units, resample, gaps } = file;
  const dataPlan: DataPlan = { task, features, split, sites: file.sites, units, resample, gaps };
  const parts = partitionSites(dataset, dataPlan, seed);
  const load = ruleLoader(options.folder);
  const rule = await load(file.aggregate);
  const outputs = outputsOf(task, dataset);
  const context = { inputs: exampleShapes(dataPlan, dataset), outputs: outputs.width, task: modelTask(outputs) };
  const model = await modelOf(file, context, options.folder);
  const sites = parts.map((part) => part.site);
  const loaded = new Map<RuleSpec, Rule>();
  for (const spec of tierRules(file.tiers ?? {})) loaded.set(spec, await load(spec));
  refuseFaults(checkPlan(file, { sites, outputs, model, rule }));
  const tree = resolveTiers(file, sites, (spec) => (loaded.get(spec) ?? rule).kind === "linear");
  return {
    file,
    seed,
    dataset,
    dataPlan,
    parts,
    outputs,
    model,
    parameters: inferModel(model).parameters,
    initial: initialise(model, seeded(seed, "initial values")),
    rule,
    tree,
    rules: new Map(tiersBelow(tree).map((tier) => [tier.name, loaded.get(tier.rule) ?? rule])),
    digest: digestPlain({
      file,
      seed,
      model,
      kernels: kernelVersion,
      data: [dataset.readings, ...(dataset.events === undefined ? [] : [dataset.events])].map(digestTable),
    }),
  };
}

function ruleLoader(folder: string): (spec: RuleSpec) => Promise<Rule> {
  return async (spec) => {
    if (spec.use === "mean") return buildRule(spec);
    const { use, ...options } = spec;
    return buildRule(spec, await callPlugin(use, await loadPlugin(use, folder, "(options) => Rule"), options));
  };
}

/** The rules that tiers name, wherever they stand in the tree. */
function tierRules(tiers: NonNullable<FederationFile["tiers"]>): RuleSpec[] {
  return Object.values(tiers).flatMap(({ rule, children }) => [
    ...(rule === undefined ? [] : [rule]),
    ...children.flatMap((child) => (typeof child === "string" ? [] : tierRules(child))),
  ]);
}

/** The model that a file names: a preset, or what the user's module makes of the inputs. */
async function modelOf({ model }: FederationFile, context: ModelContext, folder: string): Promise<ModelSpec> {
  if (!isModuleModel(model)) return buildModel(model, context);
  const { use, ...options } = model;
  const plugin = await loadPlugin(use, folder, "(options, context) => ({ nodes, output? })");
  return moduleModel(use, await callPlugin(use, plugin, options, context), context);
}

function modelTask(outputs: OutputSpec): "binary" | "classes" | "regression" | "reconstruction" {
  return outputs.kind === "number" ? "regression" : outputs.kind;
}

/** The loss that a task is trained with where the file names none. */
export function defaultLoss(outputs: OutputSpec): LossSpec {
  if (outputs.kind === "binary") return { use: "bce" };
  if (outputs.kind === "classes") return { use: "cross-entropy" };
  return { use: "mse" };
}

/** The plan of one training run of a scenario, with what the file overrides for it. */
export function runPlan(setup: Setup, scenario: ScenarioName, name: string, seed: string, keep: RunPlan["keep"]): RunPlan {
  const { file } = setup;
  const overrides = scenario === "federated" ? undefined : file.compare?.[scenario];
  const training: TrainingSpec = { ...file.training, ...dropUndefined(overrides?.training) };
  const quorum = file.quorum ?? quorumDefaults;
  return {
    name,
    scenario,
    model: setup.model,
    initial: setup.initial,
    training: { ...training, loss: training.loss ?? defaultLoss(setup.outputs) },
    rounds: overrides?.rounds ?? file.rounds,
    averageLast: file.average?.last ?? 1,
    rule: scenario === "federated" ? setup.rule : buildRule({ use: "mean", weighted: true }),
    format: file.encoding,
    quorum: { ...quorum, deadline: parseDuration(quorum.deadline, "quorum.deadline") },
    // What goes wrong in the world belongs to the federation; pooled and local training have no network.
    conditions: scenario === "federated" ? (file.conditions ?? conditionDefaults) : conditionDefaults,
    seed,
    keep,
    ...(scenario === "federated" && file.tiers !== undefined ? { tiers: { file, tree: setup.tree, rules: setup.rules } } : {}),
  };
}

function dropUndefined<T extends object>(value: T | undefined): Partial<T> {
  if (value === undefined) return {};
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}
