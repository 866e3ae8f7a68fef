/**
 * A run again, from nothing but its file and the record of who was included: plain recursion over the tree, without the protocols that
 * made the record, so that it checks them. The same record gives the same model bytes on any machine.
 *
 * What it shows: given these sites and their data, the recorded models follow from the recorded members. It says nothing of whether a
 * site's data was true, and needs the data of all sites in one place: it is for simulations and for tests of deployments.
 */
import { z } from "zod";
import { aggregate, finishLinear } from "../aggregation/aggregate.js";
import { defaultFixedPoint, encodeFixed, type FixedPoint } from "../aggregation/fixed-point.js";
import type { Contribution, Linear, Partial, Rule } from "../aggregation/rule.js";
import { fail } from "../core/errors.js";
import { weight } from "../core/quantities.js";
import { addStatistics, fitScaler, siteExamples, siteStatistic } from "../data/pipeline.js";
import { digestValues } from "../io/store/digest.js";
import { threadExecutor } from "../io/workers/threads.js";
import type { ExampleData } from "../model/engine.js";
import { learningRateAt } from "../model/schedule.js";
import { type FederationFile, parseFederation } from "../round/file.js";
import type { Inclusion } from "../round/node.js";
import type { Tier } from "../round/tiers.js";
import type { Executor } from "../training/job.js";
import { checkAborted } from "./events.js";
import { defaultLoss, type Setup, type SetupOptions, setUp } from "./setup.js";
import { sharedExamples } from "./shared.js";

/** What a run leaves for a replay. `file` is the federation file as read. */
export interface RunRecord {
  readonly format: "millwright-record/1";
  readonly federation: string;
  readonly seed: number;
  readonly file: unknown;
  /** Whose record it is: the root's. */
  readonly node: string;
  readonly rounds: readonly { readonly round: number; readonly included: readonly Inclusion[]; readonly model: string }[];
  /** SHA-256 of the final model: the mean of the last models where the file averages. */
  readonly model: string;
}

export interface ReplayOptions extends SetupOptions {
  readonly workers?: number;
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  /** Called after each round. */
  readonly round?: (one: ReplayedRound) => void;
}

export interface ReplayedRound {
  readonly round: number;
  readonly recorded: string;
  readonly replayed: string;
}

export interface Replayed {
  readonly rounds: readonly ReplayedRound[];
  readonly recorded: string;
  readonly replayed: string;
  /** Every round and the final model are the recorded ones. */
  readonly same: boolean;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const whole = z.int().min(1);
const inclusionSchema: z.ZodType<Inclusion> = z.lazy(() =>
  z.strictObject({
    site: z.string().max(256),
    weight: whole,
    loss: z.number(),
    members: whole,
    rounds: z.array(z.array(inclusionSchema)).optional(),
  }),
);
const recordSchema = z.looseObject({
  format: z.literal("millwright-record/1"),
  federation: z.string(),
  seed: z.int().min(0),
  file: z.unknown(),
  node: z.string(),
  rounds: z.array(z.looseObject({ round: whole, included: z.array(inclusionSchema).min(1), model: sha256 })).min(1),
  model: sha256,
});

/** What is needed of the result of a simulation to replay it. */
const resultSchema = z.looseObject({
  format: z.literal("millwright-result/1"),
  federation: z.string(),
  seed: z.int().min(0),
  file: z.unknown(),
  rounds: z
    .array(
      z.looseObject({
        round: whole,
        model: sha256,
        included: z.array(z.string()),
        tiers: z.looseObject({ included: z.array(inclusionSchema) }).optional(),
        perSite: z.array(z.looseObject({ site: z.string(), loss: z.number().optional() })),
      }),
    )
    .min(1),
  model: z.looseObject({ sha256 }),
  scenarios: z.looseObject({ federated: z.looseObject({ perSite: z.array(z.looseObject({ site: z.string(), examples: z.int() })) }) }),
});

/** A record, or the result of a simulation read as one. Errors: FILE_INVALID. */
export function readRecord(value: unknown, where = "record"): RunRecord {
  const isResult = (value as { format?: unknown } | null | undefined)?.format === "millwright-result/1";
  const parsed = isResult ? resultSchema.safeParse(value) : recordSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const remedy = "use record.json of a coordinator, or result.json of a simulation of one seed";
    return fail("FILE_INVALID", { where: `${where}: ${issue.path.join(".")}`, expected: issue.message, got: "something else", remedy });
  }
  return isResult ? fromResult(parsed.data as z.output<typeof resultSchema>) : (parsed.data as RunRecord);
}

function fromResult(result: z.output<typeof resultSchema>): RunRecord {
  const examples = new Map(result.scenarios.federated.perSite.map((one) => [one.site, one.examples]));
  const flat = (site: string, loss: number | undefined): Inclusion => ({
    site,
    weight: examples.get(site) ?? 1,
    loss: loss ?? 0,
    members: 1,
  });
  return {
    format: "millwright-record/1",
    federation: result.federation,
    seed: result.seed,
    file: result.file,
    node: "simulation",
    rounds: result.rounds.map(({ round, model, included, tiers, perSite }) => {
      const losses = new Map(perSite.map((one) => [one.site, one.loss]));
      return { round, model, included: tiers?.included ?? included.map((site) => flat(site, losses.get(site))) };
    }),
    model: result.model.sha256,
  };
}

/**
 * Trains what the record says was included, round by round, and compares. `file`: the federation file, or undefined for the record's own.
 * Errors: PLAN_REFUSED (another file), RECORD_DAMAGED (who was included does not fit the tree or the data), those of the data and training.
 */
export async function replay(file: FederationFile | undefined, record: RunRecord, options: ReplayOptions): Promise<Replayed> {
  const own = parseFederation(record.file, "record.file");
  if (file !== undefined && JSON.stringify(file) !== JSON.stringify(own))
    fail("PLAN_REFUSED", { where: "replay", expected: "the file of the record", got: "another file", remedy: "leave FILE away" });
  const setup = await setUp(file ?? own, { ...options, seed: record.seed });
  const executor = options.executor ?? threadExecutor({ workers: options.workers ?? 1 });
  try {
    return await run(setup, record, executor, options);
  } finally {
    if (options.executor === undefined) await executor.close();
  }
}

async function run(setup: Setup, record: RunRecord, executor: Executor, options: ReplayOptions): Promise<Replayed> {
  const { file } = setup;
  const data = sitesOf(setup);
  const rounds: ReplayedRound[] = [];
  const models: Float32Array[] = [];
  let model = setup.initial;
  for (const [i, { round, included, model: recorded }] of record.rounds.entries()) {
    if (round !== i + 1) damaged(`round ${i + 1}`, String(round));
    checkAborted(options.signal);
    const learningRate = learningRateAt(file.training.schedule, file.training.optimizer.learningRate, i, file.rounds);
    const again: Again = { setup, data, executor, learningRate };
    const change = await changeAt(again, setup.tree, setup.rule, included, round, model);
    model = model.map((value, at) => value + change[at]);
    models.push(model);
    rounds.push({ round, recorded, replayed: digestValues(model) });
    options.round?.(rounds[i]);
  }
  const replayed = digestValues(meanOf(models.slice(-(file.average?.last ?? 1))));
  const same = replayed === record.model && rounds.every((one) => one.recorded === one.replayed);
  return { rounds, recorded: record.model, replayed, same };
}

interface Again {
  readonly setup: Setup;
  readonly data: ReadonlyMap<string, ExampleData>;
  readonly executor: Executor;
  readonly learningRate: number;
}

/** Scaler from everybody's sums, then everybody's training windows. */
function sitesOf({ parts, dataPlan, model, outputs }: Setup): Map<string, ExampleData> {
  const scaler = fitScaler(parts.map((part) => siteStatistic(part, dataPlan)).reduce(addStatistics));
  return new Map(
    parts.map((part) => {
      const { train } = siteExamples(part, scaler, dataPlan, ["train"]);
      return [part.site, sharedExamples(train, model, outputs.kind === "reconstruction")];
    }),
  );
}

const formatOf = ({ file }: Setup): FixedPoint => file.encoding ?? defaultFixedPoint;

/** The change that a node's included children make of a model under its rule. */
async function changeAt(
  again: Again,
  tier: Tier,
  rule: Rule,
  included: readonly Inclusion[],
  round: number,
  values: Float32Array,
): Promise<Float32Array> {
  const format = formatOf(again.setup);
  if (rule.kind === "linear") return finishLinear(rule, await sumAt(again, tier, rule, included, round, values), format);
  const updates = await Promise.all(included.map((one) => updateOf(again, tier, one, round, values)));
  return aggregate(rule, updates, format);
}

/** Sites that train at the same time: memory does not grow with the number of sites. */
const together = 32;

/** The un-normalised sum over a node's included children, and over theirs where they forward sums. */
async function sumAt(
  again: Again,
  tier: Tier,
  rule: Linear,
  included: readonly Inclusion[],
  round: number,
  values: Float32Array,
): Promise<Partial> {
  let sum: Partial | undefined;
  for (let at = 0; at < included.length; at += together) {
    const parts = included.slice(at, at + together).map(async (one): Promise<Partial> => {
      const below = tierOf(tier, one);
      if (below?.forwards === "sum") return sumAt(again, below, rule, single(one), round, values);
      return rule.lift(await updateOf(again, tier, one, round, values));
    });
    for (const part of await Promise.all(parts)) sum = sum === undefined ? part : rule.add(sum, part);
  }
  return sum ?? damaged("somebody included", "nobody");
}

/** One child's own update: a site's training, or the finished change of a tier's own rounds. */
async function updateOf(again: Again, tier: Tier, one: Inclusion, round: number, values: Float32Array): Promise<Contribution> {
  const below = tierOf(tier, one);
  if (below === undefined) return trainAt(again, one, round, values);
  const rule = again.setup.rules.get(below.name) as Rule;
  const own = one.rounds ?? [];
  if (own.length !== below.rounds) damaged(`${below.rounds} rounds of ${one.site}`, String(own.length));
  let model = values;
  for (const [j, included] of own.entries()) {
    const change = await changeAt(again, below, rule, included, (round - 1) * below.rounds + j + 1, model);
    model = model.map((value, at) => value + change[at]);
  }
  const update = encodeFixed(
    model.map((value, at) => value - values[at]),
    formatOf(again.setup),
  );
  const latest = new Map(own.flat().map((member) => [member.site, member]));
  const counted = [...latest.values()].reduce((sum, member) => sum + member.weight, 0);
  return { from: one.site, round, members: one.members, weight: weight(counted), update };
}

async function trainAt({ setup, data, executor, learningRate }: Again, one: Inclusion, round: number, values: Float32Array) {
  const examples = data.get(one.site) ?? damaged("a site of the federation", one.site);
  if (examples.count !== one.weight) damaged(`${examples.count} examples of ${one.site}`, String(one.weight));
  const { optimizer, epochs, batch, clipNorm, flip, loss = defaultLoss(setup.outputs) } = setup.file.training;
  const seed = `${setup.seed}/train/${one.site}/${round}`;
  const options = { loss, optimizer, epochs, batch, clipNorm, flip, learningRate, seed };
  const trained = await executor.run({ kind: "train", model: setup.model, values, data: examples, options });
  const update = encodeFixed(
    trained.values.map((value, at) => value - values[at]),
    formatOf(setup),
  );
  return { from: one.site, round, members: 1, weight: weight(examples.count), update };
}

/** The tier that an inclusion stands for; undefined for a site. */
function tierOf(tier: Tier, one: Inclusion): Tier | undefined {
  const child = tier.children.find((known) => (typeof known === "string" ? known : known.name) === one.site);
  if (child === undefined) return damaged(`children of ${tier.name}`, one.site);
  if ((typeof child === "string") !== (one.rounds === undefined)) damaged(`${one.site} as it stands in the tree`, "something else");
  return typeof child === "string" ? undefined : child;
}

function single(one: Inclusion): readonly Inclusion[] {
  const rounds = one.rounds ?? [];
  return rounds.length === 1 ? rounds[0] : damaged(`one round of ${one.site}`, String(rounds.length));
}

function meanOf(models: readonly Float32Array[]): Float32Array {
  if (models.length === 1) return models[0];
  return models[0].map((_, i) => models.reduce((sum, model) => sum + model[i], 0) / models.length);
}

function damaged(expected: string, got: string): never {
  return fail("RECORD_DAMAGED", { where: "record of the run", expected, got });
}
