/**
 * One training run: a set of sites, a plan, and the world they live in. The three scenarios are the same code: the federation trains
 * all sites together, "centralised" is a federation of one site that holds everything, "local" one federation of one for every site.
 */
import { defaultFixedPoint, type FixedPoint } from "../aggregation/fixed-point.js";
import type { Rule } from "../aggregation/rule.js";
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import { dropCheckpoint, loadCheckpoint, saveCheckpoint } from "../io/store/checkpoint.js";
import { digestValues } from "../io/store/digest.js";
import type { ExampleData } from "../model/engine.js";
import { learningRateAt } from "../model/schedule.js";
import type { LossSpec, ModelSpec } from "../model/spec.js";
import type { ClosedRound, CoordinatorPlan } from "../round/coordinator.js";
import type { Child, Inclusion } from "../round/node.js";
import { claimsOf, quorumOf } from "../round/node-cohort.js";
import { leavesOf } from "../round/node-inclusion.js";
import { meanModel } from "../round/node-mean.js";
import type { SiteWork } from "../round/site-work.js";
import { type TrainingSite, trainingSite } from "../round/site-work-train.js";
import type { Executor } from "../training/job.js";
import type { TrainingSpec } from "../training/spec.js";
import { checkAborted } from "./events.js";
import type { Metrics, RoundResult, ScenarioName } from "./result.js";
import { retryOf, type TierPlan, topOf, worldTree } from "./tiers.js";
import { type Conditions, createWorld, type RelayExclusion, type SiteWorker, type Traffic, type World } from "./world.js";

export interface RunPlan {
  /** Names the run among those of one simulation: "federated", "centralised", "local/plant-3". */
  readonly name: string;
  readonly scenario: ScenarioName;
  readonly model: ModelSpec;
  readonly initial: Float32Array;
  readonly training: Omit<TrainingSpec, "loss"> & { readonly loss: LossSpec };
  readonly rounds: number;
  /** The final model is the mean of the last k global models. */
  readonly averageLast: number;
  readonly rule: Rule;
  readonly format?: FixedPoint;
  readonly quorum: { readonly goal: number; readonly minimum: number; readonly deadline: Millis; readonly attempts: number };
  readonly conditions: Conditions;
  /** Facilities and regions between the sites and the root. */
  readonly tiers?: TierPlan;
  readonly seed: string;
  /** Where and under which digest the run is kept for `--resume`. */
  readonly keep?: { readonly folder: string; readonly digest: string; readonly resume: boolean };
}

export interface RunHooks {
  readonly executor: Executor;
  readonly clock: () => Millis;
  readonly signal?: AbortSignal;
  readonly site: (round: number, site: string, examples: number) => void;
  readonly round: (round: RoundResult) => void;
  /** Figures of the model as the run would give it after this round. */
  readonly judge?: (round: number, values: Float32Array) => Promise<Metrics>;
}

/** A site that takes part. */
export interface Member {
  readonly site: string;
  /** Known after the preparing questions were answered. */
  readonly data: () => ExampleData;
  /** A site of a federation, which can be asked all that a plant can; absent for one that only trains. `spent` is told what a pass took. */
  readonly at?: (spent: NonNullable<TrainingSite["spent"]>) => Pick<SiteWork, "work">;
}

export interface RunResult {
  readonly values: Float32Array;
  readonly rounds: readonly RoundResult[];
  /** Processor seconds of training. */
  readonly seconds: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

interface Spent {
  seconds: number;
  memory: number;
}

/** Runs to the end, or to an error; `prepare` may ask the sites questions before the first round. */
export async function trainRun(
  plan: RunPlan,
  members: readonly Member[],
  hooks: RunHooks,
  prepare?: (world: World) => Promise<void>,
): Promise<RunResult> {
  const spent = new Map<string, Spent>(members.map(({ site }) => [site, { seconds: 0, memory: 0 }]));
  const workers = members.map((member) => workerOf(member, plan, hooks, spent.get(member.site) as Spent));
  const tree = plan.tiers === undefined ? undefined : worldTree(plan.tiers);
  const top = plan.tiers === undefined ? members.map(({ site }) => ({ site, members: 1, sites: [site] })) : topOf(plan.tiers);
  const world = createWorld(coordinatorPlan(plan, top, {}), workers, plan.conditions, plan.seed, tree);
  if (prepare !== undefined) await prepare(world);
  const counts = new Map(members.map(({ site, data }) => [site, data().count]));
  const weights = Object.fromEntries(top.map(({ site, sites }) => [site, sites.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0)]));
  const resumed = plan.keep?.resume ? loadCheckpoint(plan.keep.folder, plan.name, plan.keep.digest) : undefined;
  let recent: readonly Float32Array[] = resumed?.models ?? [plan.initial];
  const rounds: RoundResult[] = [...((resumed?.record as RoundResult[] | undefined) ?? [])];
  for (const round of rounds) hooks.round(round);
  let before: ReadonlyMap<string, Traffic> = new Map([...world.traffic].map(([site, one]) => [site, { ...one }]));
  let since = hooks.clock();
  await world.train(coordinatorPlan(plan, top, weights), recent[recent.length - 1], (resumed?.round ?? 0) + 1, async (closed, after) => {
    const now = hooks.clock();
    recent = [...recent, closed.model].slice(-plan.averageLast);
    const metrics = (await hooks.judge?.(closed.round, trained(plan, recent))) ?? {};
    const excluded = world.exclusions();
    const record = recordOf(closed, before, after, spent, (now - since) / 1000, plan.tiers === undefined ? undefined : excluded);
    rounds.push({ ...record, metrics });
    before = after;
    since = hooks.clock();
    if (plan.keep !== undefined)
      saveCheckpoint(plan.keep.folder, plan.name, { plan: plan.keep.digest, round: closed.round, models: recent, record: rounds });
    hooks.round(rounds[rounds.length - 1]);
    checkAborted(hooks.signal);
  });
  const sum = (pick: (round: RoundResult) => number) => rounds.reduce((total, round) => total + pick(round), 0);
  return {
    values: trained(plan, recent),
    rounds,
    seconds: sum((round) => round.perSite.reduce((total, site) => total + site.seconds, 0)),
    bytesUp: sum((round) => round.bytesUp),
    bytesDown: sum((round) => round.bytesDown),
  };
}

/** Forgets what was kept for `--resume`. */
export function forgetRun(plan: Pick<RunPlan, "keep" | "name">): void {
  if (plan.keep !== undefined) dropCheckpoint(plan.keep.folder, plan.name);
}

function coordinatorPlan(plan: RunPlan, top: readonly Child[], weights: Readonly<Record<string, number>>): CoordinatorPlan {
  const { quorum, training, rounds } = plan;
  return {
    ...claimsOf({ children: top, weights }),
    rounds,
    rule: plan.rule,
    format: plan.format ?? defaultFixedPoint,
    learningRates: Array.from({ length: rounds }, (_, r) => learningRateAt(training.schedule, training.optimizer.learningRate, r, rounds)),
    ...quorumOf(quorum, top.length),
    deadline: quorum.deadline,
    retry: retryOf(quorum.deadline),
    attempts: quorum.attempts,
  };
}

/** Virtual training time per example and epoch; only its proportion between sites matters. */
const virtualMillisPerExample = 0.1;

function workerOf(member: Member, plan: RunPlan, hooks: RunHooks, spent: Spent): SiteWorker {
  const { site, data } = member;
  const { epochs } = plan.training;
  const note = (round: number, seconds: number, memory: number): void => {
    spent.seconds += seconds;
    spent.memory = Math.max(spent.memory, memory);
    hooks.site(round, site, data().count * epochs);
  };
  const work = member.at?.(note).work ?? training(member, plan, hooks.executor, note);
  return {
    site,
    get trainingTime() {
      return data().count * epochs * virtualMillisPerExample;
    },
    work,
  };
}

/** A site that trains and knows no questions: everything pooled, or alone. */
function training({ site, data }: Member, plan: RunPlan, executor: Executor, spent: TrainingSite["spent"]): SiteWorker["work"] {
  const train = trainingSite({
    site,
    executor,
    model: () => plan.model,
    data,
    training: () => plan.training,
    format: plan.format ?? defaultFixedPoint,
    seed: plan.seed,
    spent,
  });
  return async (request) =>
    request.type === "train"
      ? train(request)
      : fail("MESSAGE_INVALID", { where: site, expected: "a round", got: `a question (${request.topic})` });
}

function recordOf(
  closed: ClosedRound,
  before: ReadonlyMap<string, Traffic>,
  after: ReadonlyMap<string, Traffic>,
  spent: ReadonlyMap<string, Spent>,
  seconds: number,
  below: readonly RelayExclusion[] | undefined,
): RoundResult {
  const losses = lossesOf(closed.included);
  const links = [...after].map(([name, { up, down }]) => ({
    name,
    bytesUp: up - (before.get(name)?.up ?? 0),
    bytesDown: down - (before.get(name)?.down ?? 0),
  }));
  const perSite = links.flatMap(({ name: site, bytesUp, bytesDown }) => {
    const used = spent.get(site);
    if (used === undefined) return [];
    const one = { site, loss: losses.get(site), seconds: used.seconds, bytesUp, bytesDown, memory: used.memory };
    used.seconds = 0;
    return [one];
  });
  const reasons = below?.map(({ tier, site, reason }) => ({ site, reason: `${tier}: ${reason}` })) ?? [];
  return {
    round: closed.round,
    loss: closed.loss,
    metrics: {},
    bytesUp: links.reduce((sum, one) => sum + one.bytesUp, 0),
    bytesDown: links.reduce((sum, one) => sum + one.bytesDown, 0),
    seconds,
    memory: perSite.reduce((most, one) => Math.max(most, one.memory), 0),
    included: [...leavesOf(closed.included).keys()],
    excluded: [...closed.excluded, ...reasons],
    perSite,
    model: digestValues(closed.model),
    ...(below === undefined ? {} : { tiers: { included: closed.included, links: links.filter(({ name }) => !spent.has(name)) } }),
  };
}

/** The latest loss of every site that counted, wherever it is in the tree. */
function lossesOf(included: readonly Inclusion[]): Map<string, number> {
  const losses = new Map<string, number>();
  const visit = ({ site, loss, rounds }: Inclusion): void => {
    if (rounds === undefined) losses.set(site, loss);
    else for (const round of rounds) round.forEach(visit);
  };
  included.forEach(visit);
  return losses;
}

/** The start is no trained model: it leaves the mean even when there were fewer rounds than models to average. */
function trained(plan: RunPlan, recent: readonly Float32Array[]): Float32Array {
  return meanModel(recent.filter((one) => one !== plan.initial));
}
