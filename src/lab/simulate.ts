/**
 * Runs a federation on this machine, beside the same training on pooled data and at every site alone, and returns what each reached.
 *
 *     const simulation = simulate("examples/fleet.yaml");
 *     for await (const event of simulation.events) console.log(event.kind);
 *     const result = await simulation.result;
 *
 * The models and every figure but seconds and memory depend on the file and the seed alone: not on the machine, the number of
 * workers, or how fast anything was.
 */
import { partitionSummary } from "../data/partition/summary.js";
import { resolvePlan, type Scaler } from "../data/pipeline.js";
import { packStatistic } from "../data/statistic-wire.js";
import { stopwatch, today } from "../io/clock.js";
import { cores, thisMachine } from "../io/machine.js";
import { version } from "../io/version.js";
import { threadExecutor } from "../io/workers/threads.js";
import { kernelVersion } from "../kernels/instance.js";
import { type Bundle, createBundle } from "../round/bundle.js";
import { factsOf } from "../round/site-work.js";
import type { Executor } from "../training/job.js";
import { eventQueue, type SimulationEvent } from "./events.js";
import { headlineOf } from "./judge.js";
import { trafficOf } from "./plan.js";
import { overallProgress } from "./progress.js";
import { readPlan } from "./read-plan.js";
import { aloneReference, referencesOf, remarksOf } from "./remarks.js";
import type { ScenarioName, ScenarioResult, SimulationResult, TiersResult } from "./result.js";
import { forgetRun, type RunPlan } from "./run.js";
import { type Laboratory, laboratory, type PreparedSite, type Trained, trainCentralised, trainFederated, trainLocal } from "./scenarios.js";
import { type Setup, setUp } from "./setup.js";
import { tiersResult } from "./tiers.js";

export type { SimulationEvent } from "./events.js";

/** How to run, as far as the file does not say it. None of it changes the models but `seed`. */
export interface SimulateOptions {
  /** Instead of the seed in the file. */
  readonly seed?: number;
  /** Worker threads. Default: one per core, at most one per site. */
  readonly workers?: number;
  /** true: all three scenarios; false: the federation alone; default: what the file says. */
  readonly compare?: boolean;
  /** Folder in which a run keeps what it needs to go on after it was stopped. Without it nothing is kept. */
  readonly state?: string;
  /** Go on from the state that an earlier run of the same file and seed left. */
  readonly resume?: boolean;
  /** Folder with the named data sets. Default: MILLWRIGHT_DATA, else ~/.cache/millwright. */
  readonly dataRoot?: string;
  /** Folder that paths in the file are relative to. Default: the folder of the file, else the working directory. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  /** Runs the jobs instead of worker threads made for this simulation; it is not closed. */
  readonly executor?: Executor;
}

/** A simulation that is running. */
export interface Simulation {
  /** Progress, for one reader. Ends when the simulation ends; an error is thrown by `result`. */
  readonly events: AsyncIterable<SimulationEvent>;
  readonly result: Promise<SimulationResult>;
  /** The trained federated model with everything needed to use it elsewhere. */
  readonly bundle: Promise<Bundle>;
}

/**
 * Starts a simulation of a federation file (its path) or of the same content as a plain object.
 * Errors (by rejection of `result`): FILE_INVALID, PLAN_REFUSED, DATA_*, MODEL_*, TRAINING_DIVERGED, ROUND_ABANDONED, RESUME_REFUSED, ABORTED.
 *
 * @example
 * ```ts
 * import { simulate } from "millwright";
 *
 * const simulation = simulate(plan, { compare: false, workers: 1 });
 * for await (const event of simulation.events) if (event.kind === "round") console.log(event.round, event.loss);
 * const { scenarios, rounds, model } = await simulation.result;
 * console.log(scenarios.federated?.metrics.f1);
 * rounds.length; // => 2
 * model.sha256.length; // => 64
 * ```
 */
export function simulate(plan: string | object, options: SimulateOptions = {}): Simulation {
  const queue = eventQueue<SimulationEvent>();
  const both = run(plan, options, (event) => queue.push(event)).finally(() => queue.close());
  const result = both.then(([figures]) => figures);
  const bundle = both.then(([, model]) => model);
  // Whoever awaits only one of the two must not be told twice.
  result.catch(() => {});
  bundle.catch(() => {});
  return { events: queue, result, bundle };
}

async function run(
  plan: string | object,
  options: SimulateOptions,
  emit: (event: SimulationEvent) => void,
): Promise<[SimulationResult, Bundle]> {
  const started = stopwatch();
  const { file, folder } = readPlan(plan, options.folder);
  emit({ kind: "stage", text: "reading the data" });
  const setup = await setUp(file, { folder, dataRoot: options.dataRoot, seed: options.seed });
  const wanted = options.compare === true ? all : options.compare === false ? federatedOnly : (file.compare?.scenarios ?? all);
  const scenarios = all.filter((name) => name === "federated" || wanted.includes(name));
  emit({ kind: "started", federation: file.federation, scenarios, sites: setup.parts.length });
  const executor = options.executor ?? threadExecutor({ workers: options.workers ?? Math.min(cores(), setup.parts.length) });
  try {
    const outcome = await compare(setup, scenarios, executor, options, emit);
    emit({ kind: "finished" });
    return [resultOf(setup, outcome, executor.workers, (stopwatch() - started) / 1000), bundleOf(setup, outcome)];
  } finally {
    if (options.executor === undefined) await executor.close();
  }
}

const all: readonly ScenarioName[] = ["centralised", "local", "federated"];
const federatedOnly: readonly ScenarioName[] = ["federated"];

interface Outcome {
  readonly federated: Trained;
  readonly scenarios: Partial<Record<ScenarioName, ScenarioResult>>;
  readonly sites: readonly PreparedSite[];
  readonly scaler: Scaler;
}

/** The federation starts first; the others join it as soon as there is a scaler, and share its workers. */
async function compare(
  setup: Setup,
  scenarios: readonly ScenarioName[],
  executor: Executor,
  options: SimulateOptions,
  emit: (event: SimulationEvent) => void,
): Promise<Outcome> {
  const keep = (): RunPlan["keep"] =>
    options.state === undefined ? undefined : { folder: options.state, digest: setup.digest, resume: options.resume === true };
  const progress = overallProgress(setup, scenarios, stopwatch, emit);
  const lab: Laboratory = laboratory(
    setup,
    { executor, clock: stopwatch, signal: options.signal, site: progress.site, round: progress.round },
    keep,
  );
  emit({ kind: "stage", scenario: "federated", text: "asking the sites for sums to scale by, cutting windows" });
  let others: Promise<[Trained | undefined, Awaited<ReturnType<typeof trainLocal>> | undefined]> | undefined;
  let prepared: { sites: readonly PreparedSite[]; scaler: Scaler } | undefined;
  const federated = await trainFederated(lab, (sites, scaler) => {
    prepared = { sites, scaler };
    progress.begin(sites);
    others = Promise.all([
      scenarios.includes("centralised") ? trainCentralised(lab, sites) : undefined,
      scenarios.includes("local")
        ? trainLocal(lab, (done) => emit({ kind: "stage", scenario: "local", text: `judged ${done} of ${sites.length} local models` }))
        : undefined,
    ]);
    others.catch(() => {});
  });
  emit({ kind: "stage", text: "waiting for the scenarios it is compared with" });
  const [centralised, local] = (await others) ?? [undefined, undefined];
  for (const name of ["federated", "centralised", ...setup.parts.map((part) => `local/${part.site}`)]) forgetRun({ name, keep: keep() });
  const found: Partial<Record<ScenarioName, ScenarioResult>> = {};
  if (centralised !== undefined) found.centralised = centralised.result;
  if (local !== undefined) found.local = local.result;
  found.federated = federated.result;
  return { federated, scenarios: found, ...(prepared as NonNullable<typeof prepared>) };
}

function bundleOf(setup: Setup, { federated, scaler, sites }: Outcome): Bundle {
  const answers = sites.find((site) => site.train.answers !== undefined)?.train.answers;
  return createBundle({
    federation: setup.file.federation,
    model: setup.model,
    values: federated.values,
    data: setup.dataPlan,
    scaler,
    outputs: setup.outputs,
    threshold: federated.threshold?.threshold,
    answers: answers === undefined ? undefined : { scale: answers.scale, offset: answers.offset },
  });
}

function resultOf(setup: Setup, outcome: Outcome, workers: number, seconds: number): SimulationResult {
  const { file, outputs } = setup;
  const { task } = resolvePlan(setup.dataPlan, setup.dataset);
  const headline = headlineOf(outputs, task);
  const { federated, scenarios, sites } = outcome;
  return {
    format: "millwright-result/1",
    federation: file.federation,
    task: file.task.kind,
    seed: setup.seed,
    headline,
    scenarios,
    rounds: federated.run.rounds,
    partition: partitionSummary(
      setup.dataPlan,
      setup.dataset,
      sites.map(({ site, statistic, train, validation, test }) => ({ site, statistic, examples: { train, validation, test } })),
    ),
    ...(file.tiers === undefined ? {} : { tiers: tiersOf(setup, outcome) }),
    references: [...aloneReference(scenarios.local), ...referencesOf(setup, task, sites)],
    privacy: {
      claim: "none",
      explanation:
        "Rows stay at the sites. Sums for scaling, counts for thresholds, training losses and every site's update are seen by the coordinator in the clear; updates and models can leak training data. No privacy is claimed.",
    },
    model: federated.result.model as NonNullable<ScenarioResult["model"]>,
    remarks: remarksOf(setup, headline, scenarios, federated),
    file,
    environment: {
      millwright: version(),
      kernels: kernelVersion,
      ...thisMachine(),
      workers,
      date: today(),
      seconds,
    },
  };
}

/** What the tree saved of the way to the root. */
function tiersOf(setup: Setup, { federated, sites, scaler }: Outcome): TiersResult {
  const flat = new Map(
    sites.map(({ site, statistic, train, validation, test }, i) => {
      const facts = factsOf(setup.parts[i], setup.dataPlan, { train, validation, test }, setup.outputs);
      const told = { site, body: packStatistic(statistic), facts, weight: train.count };
      const { up, down } = trafficOf(setup, [told], scaler).total;
      return [site, { bytesUp: up, bytesDown: down }];
    }),
  );
  return tiersResult(
    setup.tree,
    federated.run.rounds,
    federated.questions ?? new Map(),
    (site) => flat.get(site) ?? { bytesUp: 0, bytesDown: 0 },
  );
}
