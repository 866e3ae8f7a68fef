/** The three scenarios of paper 0, from one file: everything pooled, every site alone, and the federation. */
import { MillwrightError } from "../core/errors.js";
import type { Examples } from "../data/dataset.js";
import {
  addStatistics,
  fitScaler,
  type ResolvedTask,
  resolvePlan,
  type Scaler,
  type SiteExamples,
  type SitePart,
  type Statistic,
  siteExamples,
  siteStatistic,
} from "../data/pipeline.js";
import { unpackStatistic } from "../data/statistic-wire.js";
import { addConfusion, confusionAt, confusionFigures, noConfusion } from "../evaluation/counts.js";
import { agreeOnThreshold, type ChosenThreshold } from "../evaluation/threshold.js";
import { defaultThreshold } from "../evaluation/threshold-spec.js";
import { digestValues } from "../io/store/digest.js";
import type { ExampleData } from "../model/engine.js";
import { checkPlan, type PlanCheck, refuseFaults } from "../round/check.js";
import { detectionDefaults } from "../round/file.js";
import { createSiteWork, type SiteWork } from "../round/site-work.js";
import { judgeDetection } from "./detect.js";
import { type Judgement, judge, probabilities, type Scored } from "./judge.js";
import { predict } from "./predict.js";
import type { Metrics, ScenarioResult, SiteResult } from "./result.js";
import { type Member, type RunHooks, type RunPlan, type RunResult, trainRun } from "./run.js";
import { runPlan, type Setup } from "./setup.js";
import { joinedExamples, sharedExamples } from "./shared.js";
import { validationMetrics } from "./validate.js";
import type { World } from "./world.js";

/** A site's examples under one scaler, in the forms that training and judging need. */
export interface PreparedSite extends CutSite {
  readonly data: ExampleData;
  /** What the site told of its values. */
  readonly statistic: Statistic;
}

/** A site's examples as far as judging needs them. */
interface CutSite {
  readonly site: string;
  readonly train: Examples;
  readonly validation: Examples;
  readonly test: Examples;
}

export interface Trained {
  readonly result: ScenarioResult;
  readonly values: Float32Array;
  readonly threshold: ChosenThreshold | undefined;
  readonly run: RunResult;
  /** Bytes of the questions before round 1, by link; the federated scenario only. */
  readonly questions?: ReadonlyMap<string, { readonly bytesUp: number; readonly bytesDown: number }>;
}

export type Hooks = Pick<RunHooks, "executor" | "clock" | "signal"> & {
  readonly site: (name: string, round: number, site: string, examples: number) => void;
  readonly round: (name: string, loss: number, round: number, rounds: number) => void;
};

export interface Laboratory {
  readonly setup: Setup;
  readonly task: ResolvedTask;
  readonly hooks: Hooks;
  readonly keep: (name: string) => RunPlan["keep"];
}

export function laboratory(setup: Setup, hooks: Hooks, keep: Laboratory["keep"]): Laboratory {
  return { setup, task: resolvePlan(setup.dataPlan, setup.dataset).task, hooks, keep };
}

/** Cuts and scales the examples of one part. */
export function prepareSite(lab: Laboratory, part: SitePart, scaler: Scaler, statistic: Statistic): PreparedSite {
  const { train, validation, test } = siteExamples(part, scaler, lab.setup.dataPlan);
  return {
    site: part.site,
    train,
    validation,
    test,
    statistic,
    data: sharedExamples(train, lab.setup.model, lab.setup.outputs.kind === "reconstruction"),
  };
}

/** The same of a site that cut its examples itself. */
function preparedSite(work: SiteWork): PreparedSite {
  return { site: work.site, ...(work.examples() as SiteExamples), statistic: work.statistic(), data: work.data() };
}

/**
 * Scenario II: sites tell sums, the coordinator fits the scaler, sites cut their examples, rounds follow. Returns the prepared sites too,
 * because the pooled scenario has the same scaler: the sums of all sites are the sums of the pool.
 */
export async function trainFederated(
  lab: Laboratory,
  prepared: (sites: readonly PreparedSite[], scaler: Scaler) => void,
): Promise<Trained> {
  const { setup } = lab;
  const works = new Map<string, SiteWork>();
  const members = setup.parts.map(
    (part): Member => ({
      site: part.site,
      data: () => (works.get(part.site) as SiteWork).data(),
      at: (spent) => {
        const { file, model, outputs } = setup;
        const work = createSiteWork({
          site: part.site,
          part,
          file,
          model,
          outputs,
          seed: `${setup.seed}/train`,
          executor: lab.hooks.executor,
          spent,
        });
        works.set(part.site, work);
        return work;
      },
    }),
  );
  const sites = new Map<string, PreparedSite>();
  const plan = runPlan(setup, "federated", "federated", `${setup.seed}/train`, lab.keep("federated"));
  let exchanged = { up: 0, down: 0 };
  let questions: Trained["questions"];
  const judged = setup.file.evaluate?.every;
  const hooks: RunHooks = {
    ...runHooks(lab, plan),
    ...(judged === undefined
      ? {}
      : {
          judge: async (round: number, values: Float32Array) =>
            round % judged === 0 || round === plan.rounds ? validationMetrics(lab, [...sites.values()], values) : {},
        }),
  };
  const run = await trainRun(plan, members, hooks, async (world: World) => {
    const answers = await world.ask("statistics", {});
    const scaler = fitScaler([...answers.values()].map(unpackStatistic).reduce(addStatistics));
    await world.ask("prepare", scaler);
    const all = [...world.traffic.values()];
    exchanged = { up: all.reduce((sum, one) => sum + one.up, 0), down: all.reduce((sum, one) => sum + one.down, 0) };
    questions = new Map([...world.traffic].map(([name, { up, down }]) => [name, { bytesUp: up, bytesDown: down }]));
    const ready = setup.parts.map((part) => preparedSite(works.get(part.site) as SiteWork));
    for (const one of ready) sites.set(one.site, one);
    refuseFaults(checkCounts(setup, ready));
    prepared(ready, scaler);
  });
  const result = await finish(lab, [...sites.values()], run.values);
  const traffic = { bytesUp: run.bytesUp + exchanged.up, bytesDown: run.bytesDown + exchanged.down };
  return { ...result, run, questions, result: { ...result.result, ...traffic, seconds: run.seconds } };
}

/** Scenario I: one site that holds everything. What it moved is the raw training data. */
export async function trainCentralised(lab: Laboratory, sites: readonly PreparedSite[]): Promise<Trained> {
  const plan = runPlan(lab.setup, "centralised", "centralised", `${lab.setup.seed}/train`, lab.keep("centralised"));
  const data = joinedExamples(sites.map((site) => site.data));
  const run = await trainRun(plan, [{ site: "everything", data: () => data }], runHooks(lab, plan));
  const result = await finish(lab, sites, run.values);
  return { ...result, run, result: { ...result.result, bytesUp: rawBytes(lab.setup), bytesDown: 0, seconds: run.seconds } };
}

/**
 * Every site alone, with its own scaler. All local models are judged on the same test data as the others (everybody's machines); the
 * figure of the scenario is the mean over sites. The per-site figures are those on the site's own machines.
 */
export async function trainLocal(lab: Laboratory, onSite: (done: number) => void): Promise<Omit<Trained, "values" | "threshold" | "run">> {
  const { setup } = lab;
  let done = 0;
  const all = await Promise.all(
    setup.parts.map(async (part) => {
      const statistic = siteStatistic(part, setup.dataPlan);
      const scaler = fitScaler(statistic);
      const own = prepareSite(lab, part, scaler, statistic);
      if (own.train.count === 0)
        return { site: part.site, own, pooled: undefined, mine: undefined, outputs: undefined, threshold: undefined, seconds: 0 };
      const name = `local/${part.site}`;
      const plan = runPlan(setup, "local", name, `${setup.seed}/train/${part.site}`, lab.keep(name));
      const run = await trainRun(plan, [{ site: part.site, data: () => own.data }], runHooks(lab, plan));
      const threshold = await chooseThreshold(lab, [own], run.values);
      const everybody = setup.parts.flatMap((other) => (other === part ? [own] : cutOther(lab, other, scaler)));
      const pooled = await judgeOn(lab, everybody, run.values, threshold);
      const [outputs] = await predictTests(lab, [own], run.values);
      const mine = judgeScored(lab, [own], [outputs], threshold);
      onSite(++done);
      return { site: part.site, own, pooled, mine, outputs, threshold, seconds: run.seconds };
    }),
  );
  const perSite = all.map(
    ({ site, own, mine }): SiteResult => ({ site, examples: own.train.count, tested: own.test.count, metrics: mine?.metrics ?? {} }),
  );
  const metrics = meanMetrics(
    all.map(({ pooled }) => pooled?.metrics ?? {}),
    lab.setup.outputs.kind === "binary",
  );
  const seconds = all.reduce((sum, one) => sum + one.seconds, 0);
  const ownMachines = judgeOwn(
    lab,
    all.flatMap(({ own, outputs, threshold }) => (outputs === undefined ? [] : [{ own, outputs, threshold }])),
  );
  return { result: { metrics, ownMachines, perSite, seconds, bytesUp: 0, bytesDown: 0, curves: {} } };
}

/**
 * What the sites get out of staying alone: every test example answered by the model of its own site, under that model's own threshold, all
 * answers counted together. Comparable with the federated figure, which counts the same examples.
 */
function judgeOwn(
  lab: Laboratory,
  all: readonly { own: CutSite; outputs: SiteOutputs; threshold: ChosenThreshold | undefined }[],
): Metrics {
  if (lab.setup.outputs.kind !== "binary") {
    return judgeScored(
      lab,
      all.map(({ own }) => own),
      all.map(({ outputs }) => outputs),
      undefined,
    ).metrics;
  }
  const counts = all.map(({ own, outputs, threshold }) =>
    confusionAt(probabilities(outputs.test), own.test.targets, threshold?.threshold ?? 0.5),
  );
  const { far: _far, mar: _mar, ...figures } = confusionFigures(counts.reduce(addConfusion, noConfusion));
  return figures;
}

/**
 * Examples of other sites under a local scaler. A site may have seen an operating regime that this one never measured; it cannot scale
 * such data, and its model is judged without that site.
 */
function cutOther(lab: Laboratory, part: SitePart, scaler: Scaler): CutSite[] {
  try {
    // Limits of a reconstruction come from the other site's normal windows; everything else needs its test windows only.
    const only = lab.setup.outputs.kind === "reconstruction" ? undefined : (["test"] as const);
    return [{ site: part.site, ...siteExamples(part, scaler, lab.setup.dataPlan, only) }];
  } catch (error) {
    if (error instanceof MillwrightError && error.code === "DATA_INVALID") return [];
    throw error;
  }
}

async function finish(lab: Laboratory, sites: readonly PreparedSite[], values: Float32Array): Promise<Omit<Trained, "run">> {
  const threshold = await chooseThreshold(lab, sites, values);
  const outputs = await predictTests(lab, sites, values);
  const pooled = judgeScored(lab, sites, outputs, threshold);
  const perSite = sites.map((site, i): SiteResult => {
    const { metrics } = judgeScored(lab, [site], [outputs[i]], threshold);
    return { site: site.site, examples: site.train.count, tested: site.test.count, metrics };
  });
  const model = { sha256: digestValues(values), parameters: lab.setup.parameters };
  return {
    values,
    threshold,
    result: { metrics: pooled.metrics, curves: pooled.curves, perSite, seconds: 0, bytesUp: 0, bytesDown: 0, model },
  };
}

async function judgeOn(
  lab: Laboratory,
  sites: readonly CutSite[],
  values: Float32Array,
  threshold: ChosenThreshold | undefined,
): Promise<Judgement> {
  return judgeScored(lab, sites, await predictTests(lab, sites, values), threshold);
}

interface SiteOutputs {
  readonly test: Float32Array;
  /** Reconstructions of the normal windows, for the limits of anomaly detection. */
  readonly normal?: Float32Array;
}

function judgeScored(
  lab: Laboratory,
  sites: readonly CutSite[],
  outputs: readonly SiteOutputs[],
  threshold: ChosenThreshold | undefined,
): Judgement {
  const scored = sites.map((site, i): Scored => ({ examples: site.test, outputs: outputs[i].test }));
  if (lab.setup.outputs.kind !== "reconstruction") return judge(scored, lab.setup.outputs, lab.task, threshold?.threshold);
  const reconstructed = sites.map((site, i) => ({
    test: scored[i],
    normal: { examples: site.train, outputs: outputs[i].normal as Float32Array },
  }));
  return judgeDetection(reconstructed, lab.setup.file.detection ?? detectionDefaults, lab.task.window);
}

async function predictTests(lab: Laboratory, sites: readonly CutSite[], values: Float32Array): Promise<SiteOutputs[]> {
  const reconstruct = lab.setup.outputs.kind === "reconstruction";
  return Promise.all(
    sites.map(async (site) => ({
      test: await predict(lab, site.test, values),
      ...(reconstruct ? { normal: await predict(lab, site.train, values) } : {}),
    })),
  );
}

/** Chosen on training or validation examples only, from counts that sites add up. */
async function chooseThreshold(lab: Laboratory, sites: readonly CutSite[], values: Float32Array): Promise<ChosenThreshold | undefined> {
  if (lab.setup.outputs.kind !== "binary") return undefined;
  const spec = lab.setup.file.threshold ?? defaultThreshold;
  const hasValidation = sites.some((site) => site.validation.count > 0);
  const on = "on" in spec && spec.on !== undefined ? spec.on : hasValidation ? "validation" : "training";
  const sources = sites.flatMap((site) => [
    ...(on === "validation" && hasValidation ? [] : [site.train]),
    ...(on !== "training" && hasValidation ? [site.validation] : []),
  ]);
  const told = await Promise.all(
    sources.map(async (examples) => ({ scores: probabilities(await predict(lab, examples, values)), labels: examples.targets })),
  );
  return agreeOnThreshold(spec, told);
}

function runHooks(lab: Laboratory, plan: RunPlan): RunHooks {
  const { executor, clock, signal, site, round } = lab.hooks;
  return {
    executor,
    clock,
    signal,
    site: (number, name, examples) => site(plan.name, number, name, examples),
    round: (closed) => round(plan.name, closed.loss, closed.round, plan.rounds),
  };
}

/** What the plan checker asks of cut windows. Errors: DATA_EMPTY, PLAN_REFUSED, SUM_OVERFLOW. */
export function checkCounts(setup: Setup, sites: readonly Pick<CutSite, "site" | "train" | "validation" | "test">[]): PlanCheck {
  const { outputs, model, rule, file } = setup;
  const counts = sites.map(({ site, train, validation, test }) => ({
    site,
    train: train.count,
    validation: validation.count,
    test: test.count,
    ...(outputs.kind === "binary" ? { positives: train.targets.reduce((sum, target) => sum + target, 0) } : {}),
  }));
  return checkPlan(file, { sites: sites.map(({ site }) => site), outputs, model, rule, counts });
}

/** What pooling moves: every reading of every input and target, at 4 bytes. */
function rawBytes(setup: Setup): number {
  const columns = setup.dataset.inputs.length + 1;
  return setup.parts.reduce((sum, part) => sum + part.rows.length * columns * 4, 0);
}

/** Mean over sites. A site that cannot tell failures apart (nothing to learn from) counts with F1 0 rather than not at all. */
function meanMetrics(all: readonly Metrics[], binary: boolean): Metrics {
  const names = new Set(all.flatMap((one) => Object.keys(one)));
  if (binary) for (const name of ["f1", "precision", "recall"]) names.add(name);
  const mean: Record<string, number> = {};
  for (const name of [...names].sort()) {
    const zero = binary && (name === "f1" || name === "precision" || name === "recall");
    const values = all.flatMap((one) => (one[name] === undefined ? (zero ? [0] : []) : [one[name]]));
    if (values.length > 0) mean[name] = values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  return mean;
}
