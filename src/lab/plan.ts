/**
 * What a federation file will run, cost and reveal: read, loaded, dealt, checked and cut for real, but nothing is trained.
 *
 * Bytes are those of real messages through the real codec; a loss or a scale has a few digits more or less in a run, so a run differs by
 * some bytes a message. Memory is an estimate of what the kernels and the examples take; Node itself comes on top.
 */
import { partitionSummary } from "../data/partition/summary.js";
import { addStatistics, fitScaler, type OutputSpec, siteExamples, siteStatistic } from "../data/pipeline.js";
import { packStatistic } from "../data/statistic-wire.js";
import { learningRateAt } from "../model/schedule.js";
import { inferModel } from "../model/shape.js";
import type { Shape } from "../model/spec.js";
import { type Finding, refuseFaults } from "../round/check.js";
import type { FederationFile } from "../round/file.js";
import { encodeMessage } from "../round/messages.js";
import { factsOf } from "../round/site-work.js";
import { readPlan } from "./read-plan.js";
import type { PartitionSummary } from "./result.js";
import { checkCounts } from "./scenarios.js";
import { type Setup, setUp } from "./setup.js";

/** Where a plan is read from and with which seed its data is dealt. */
export interface PlanOptions {
  readonly seed?: number;
  /** Folder with the named data sets. Default: MILLWRIGHT_DATA, else ~/.cache/millwright. */
  readonly dataRoot?: string;
  /** Folder that paths in the file are relative to. Default: the folder of the file, else the working directory. */
  readonly folder?: string;
}

/** One layer of the model, as it will run. */
export interface LayerDescription {
  readonly name: string;
  readonly use: string;
  readonly from: readonly string[];
  /** Per example, channels last. */
  readonly shape: Shape;
  readonly parameters: number;
}

/** Bytes in one direction each, of all sites together. */
export interface Traffic {
  readonly up: number;
  readonly down: number;
}

/** What a federation file will run, cost and reveal, in numbers. */
export interface PlanDescription {
  readonly format: "millwright-plan/1";
  readonly federation: string;
  /** The federation file with its defaults filled in. */
  readonly file: FederationFile;
  readonly seed: number;
  readonly data: { readonly name: string; readonly description: string; readonly rows: number; readonly columns: readonly string[] };
  readonly notes: readonly string[];
  readonly partition: PartitionSummary;
  readonly model: {
    readonly inputs: Readonly<Record<string, Shape>>;
    readonly answers: OutputSpec;
    readonly layers: readonly LayerDescription[];
    readonly parameters: number;
    /** Parameters and buffers: what travels. */
    readonly values: number;
  };
  readonly rounds: number;
  /** Steps of the optimiser over all rounds and sites. */
  readonly steps: number;
  readonly traffic: { readonly before: Traffic; readonly perRound: Traffic; readonly total: Traffic };
  /** Bytes: examples of all sites, kernels of one worker, sum and model at the coordinator. */
  readonly memory: { readonly examples: number; readonly worker: number; readonly coordinator: number };
  /** What the coordinator sees of the sites, in the clear. */
  readonly seen: readonly { readonly when: string; readonly what: string }[];
  readonly passed: readonly string[];
  readonly warnings: readonly Finding[];
}

/**
 * Describes a federation file (its path) or the same content as an object. Errors: FILE_*, PLAN_REFUSED, DATA_*, MODEL_*, SHAPE_MISMATCH,
 * PLUGIN_INVALID, LIMIT_EXCEEDED, SUM_OVERFLOW: whatever would stop `simulate` before round 1.
 *
 * @example
 * ```ts
 * import { describePlan } from "millwright";
 *
 * const described = await describePlan(plan);
 * described.partition.sites.length; // => 3
 * ```
 */
export async function describePlan(plan: string | object, options: PlanOptions = {}): Promise<PlanDescription> {
  const { file, folder } = readPlan(plan, options.folder);
  const setup = await setUp(file, { folder, dataRoot: options.dataRoot, seed: options.seed });
  const { dataset, dataPlan, parts, model } = setup;
  const statistics = parts.map((part) => siteStatistic(part, dataPlan));
  const scaler = fitScaler(statistics.reduce(addStatistics));
  const sites = parts.map((part, i) => ({
    site: part.site,
    examples: siteExamples(part, scaler, dataPlan),
    statistic: statistics[i],
  }));
  const check = checkCounts(
    setup,
    sites.map(({ site, examples }) => ({ site, ...examples })),
  );
  refuseFaults(check);
  const inferred = inferModel(model);
  const { epochs, batch } = file.training;
  const values = inferred.size;
  return {
    format: "millwright-plan/1",
    federation: file.federation,
    file,
    seed: setup.seed,
    data: { name: dataset.name, description: dataset.description, rows: dataset.readings.rows, columns: dataset.inputs },
    notes: dataset.notes ?? [],
    partition: partitionSummary(dataPlan, dataset, sites),
    model: { inputs: model.inputs, answers: setup.outputs, layers: layersOf(setup), parameters: inferred.parameters, values },
    rounds: file.rounds,
    steps: file.rounds * epochs * sites.reduce((sum, { examples }) => sum + Math.ceil(examples.train.count / batch), 0),
    traffic: trafficOf(
      setup,
      sites.map(({ site, statistic, examples }, i) => ({
        site,
        body: packStatistic(statistic),
        facts: factsOf(parts[i], dataPlan, examples, setup.outputs),
        weight: examples.train.count,
      })),
      scaler,
    ),
    memory: {
      examples: sites.reduce(
        (sum, { examples }) => sum + [examples.train, examples.validation, examples.test].reduce((all, one) => all + bytesOf(one), 0),
        0,
      ),
      // Values, gradients, two moments and one derived order; activations and their gradients in octets of eight examples.
      worker: 4 * (5 * values + 2 * 8 * Math.ceil(batch / 8) * inferred.activations),
      coordinator: setup.rule.kind === "linear" ? 12 * values : 4 * values * (1 + parts.length),
    },
    seen: seenBy(setup),
    passed: check.passed,
    warnings: check.warnings,
  };
}

function layersOf({ model }: Setup): LayerDescription[] {
  const inferred = inferModel(model);
  return model.nodes.map((node) => ({
    name: node.name,
    use: node.use,
    from: inferred.sources.get(node.name) as readonly string[],
    shape: inferred.shapes.get(node.name) as Shape,
    parameters: inferred.tensors.reduce(
      (sum, { name, role, size }) => (role === "parameter" && belongs(name, node.name) ? sum + size : sum),
      0,
    ),
  }));
}

/** A tensor is its node's name, a dot, and a name without dots. */
const belongs = (tensor: string, node: string): boolean => tensor.slice(0, tensor.lastIndexOf(".")) === node;

function bytesOf(examples: ReturnType<typeof siteExamples>["train"]): number {
  const inputs = Object.values(examples.inputs).reduce((sum, { rows, starts }) => sum + rows.byteLength + starts.byteLength, 0);
  return inputs + examples.targets.byteLength;
}

/** Encodes the messages of a run's first round as they will be sent. */
export function trafficOf(
  { file, initial }: Setup,
  sites: readonly { readonly site: string; readonly body: unknown; readonly facts: unknown; readonly weight: number }[],
  scaler: unknown,
): PlanDescription["traffic"] {
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  const ask = (topic: string, body: unknown): number => encodeMessage({ type: "ask", exchange: 1, topic, body }).length;
  const answer = (from: string, body: unknown): number => encodeMessage({ type: "answer", exchange: 1, from, body }).length;
  const before = {
    down: sites.length * (ask("statistics", {}) + ask("prepare", scaler)),
    up: sum(sites.map(({ site, body, facts }) => answer(site, body) + answer(site, facts))),
  };
  const learningRate = learningRateAt(file.training.schedule, file.training.optimizer.learningRate, 0, file.rounds);
  const update = new Int32Array(initial.length);
  const perRound = {
    down: sites.length * encodeMessage({ type: "train", round: 1, attempt: 1, learningRate, values: initial }).length,
    up: sum(
      sites.map(
        ({ site, weight }) =>
          encodeMessage({ type: "update", round: 1, attempt: 1, from: site, members: 1, weight, loss: 1 / 3, update }).length,
      ),
    ),
  };
  const total = { up: before.up + file.rounds * perRound.up, down: before.down + file.rounds * perRound.down };
  return { before, perRound, total };
}

function seenBy({ outputs }: Setup): PlanDescription["seen"] {
  return [
    { when: "before round 1", what: "count, sum, sum of squares and extremes of each column, labels of categories, number of examples" },
    { when: "every round", what: "an update, its mean training loss, and the number of training examples" },
    {
      when: "at the end",
      what: outputs.kind === "binary" ? "counts, for the threshold and the figures" : "counts and sums, for the figures",
    },
  ];
}
