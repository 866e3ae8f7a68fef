/**
 * `join --dry-run`: does on this plant what a run would ask of it, once each, and lists what would leave. Nothing is sent. The scaler is made
 * of this plant's own statistics and the model is a new one, so the numbers differ from those of a run; their sizes and kinds do not.
 */
import { decodeFixed, defaultFixedPoint } from "../aggregation/fixed-point.js";
import { seeded } from "../core/random.js";
import { fitScaler } from "../data/scaler.js";
import { unpackStatistic } from "../data/statistic-wire.js";
import { needsHistogram, thresholdCandidates } from "../evaluation/threshold.js";
import { defaultThreshold } from "../evaluation/threshold-spec.js";
import { initialise } from "../model/init.js";
import { learningRateAt } from "../model/schedule.js";
import type { FederationFile } from "../round/file.js";
import type { Message, Request } from "../round/messages.js";
import { type ModuleModelOf, modelFor } from "../round/node-plan.js";
import { examplesToChooseOn } from "../round/node-root.js";
import type { SiteWork } from "../round/site-work.js";
import { readFacts, readHistogram, type Topic } from "../round/topics.js";
import { type Described, describe } from "./outbox.js";
import type { Decision } from "./policy-decide.js";

export interface DryRunOptions {
  readonly file: FederationFile;
  readonly work: SiteWork["work"];
  readonly module?: ModuleModelOf;
  /** What the plant's policy says to the request, before the work and again with the bytes that would leave. */
  readonly decide?: (request: Request, bytes?: number) => Decision;
}

export interface DryRunItem {
  /** "statistics", "prepare", ..., "round". */
  readonly step: Topic | "round";
  /** How often it happens in a run. */
  readonly times: number;
  /** Absent where the policy refuses the request: then nothing but the refusal leaves. */
  readonly leaves?: Described;
  readonly refused?: { readonly rule: string; readonly reason: string };
}

export interface DryRun {
  readonly format: "millwright-dry-run/1";
  readonly federation: string;
  readonly items: readonly DryRunItem[];
  /** Bytes of a whole run if no attempt is repeated; undefined where the policy would stop it. */
  readonly bytes?: number;
}

/** Runs each step once. Errors: those of the data, the model and the engine, as a run would meet them. */
export async function dryRun({ file, work, module, decide }: DryRunOptions): Promise<DryRun> {
  const items: DryRunItem[] = [];
  let exchange = 0;

  /** The answer, or undefined where the policy refuses the request or what would leave. */
  async function once(step: DryRunItem["step"], times: number, request: Request): Promise<Message | undefined> {
    const before = decide?.(request);
    if (before !== undefined && !before.permit) {
      items.push({ step, times, refused: { rule: before.rule, reason: before.reason } });
      return undefined;
    }
    const reply = await work(request);
    const leaves = describe(reply, { request, epochs: file.training.epochs });
    const after = decide?.(request, leaves.bytes);
    const refused = after === undefined || after.permit ? {} : { refused: { rule: after.rule, reason: after.reason } };
    items.push({ step, times, ...("refused" in refused ? {} : { leaves }), ...refused });
    return reply;
  }
  const ask = (topic: Topic, body: unknown, values?: Float32Array): Promise<Message | undefined> =>
    once(topic, 1, { type: "ask", exchange: ++exchange, topic, body, ...(values === undefined ? {} : { values }) });
  const done = (): DryRun => {
    const complete = items.every(({ leaves }) => leaves !== undefined);
    const bytes = items.reduce((sum, { leaves, times }) => sum + (leaves?.bytes ?? 0) * times, 0);
    return { format: "millwright-dry-run/1", federation: file.federation, items, ...(complete ? { bytes } : {}) };
  };

  const told = await ask("statistics", {});
  if (told?.type !== "answer") return done();
  const prepared = await ask("prepare", fitScaler(unpackStatistic(told.body)));
  if (prepared?.type !== "answer") return done();
  const facts = readFacts(prepared.body);
  const model = modelFor(file, facts, module);
  let values = initialise(model, seeded(file.seed, "initial values"));
  const { training, rounds } = file;
  const learningRate = learningRateAt(training.schedule, training.optimizer.learningRate, 0, rounds);
  const update = await once("round", rounds, { type: "train", round: 1, attempt: 1, learningRate, values });
  // Judged is the model after the plant's own change alone.
  if (update?.type === "update") {
    const change = decodeFixed(update.update, file.encoding ?? defaultFixedPoint);
    values = values.map((value, i) => value + change[i]);
  }
  if (facts.outputs.kind === "binary") {
    const spec = file.threshold ?? defaultThreshold;
    const on = examplesToChooseOn(spec, facts.validation > 0);
    const scored = needsHistogram(spec) ? await ask("histogram", { on }, values) : undefined;
    const histogram = scored?.type === "answer" ? readHistogram(scored.body) : undefined;
    if (histogram !== undefined || !needsHistogram(spec))
      await ask("threshold", { on, candidates: histogram === undefined ? null : Array.from(thresholdCandidates(spec, histogram)) }, values);
  }
  await ask("evaluation", { threshold: facts.outputs.kind === "binary" ? 0.5 : null }, values);
  return done();
}
