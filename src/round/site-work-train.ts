/**
 * One local pass and what leaves after it: the change of the model in fixed point. The change of the latest round is kept, so a second
 * attempt of a round trains nothing again.
 */
import { encodeFixed, type FixedPoint } from "../aggregation/fixed-point.js";
import type { ExampleData } from "../model/engine.js";
import type { LossSpec, ModelSpec } from "../model/spec.js";
import type { Executor } from "../training/job.js";
import type { TrainingSpec } from "../training/spec.js";
import type { Message, Request } from "./messages.js";

export interface TrainingSite {
  readonly site: string;
  readonly executor: Executor;
  readonly model: () => ModelSpec;
  readonly data: () => ExampleData;
  readonly training: () => Omit<TrainingSpec, "loss"> & { readonly loss: LossSpec };
  readonly format: FixedPoint;
  readonly seed: string;
  /** What a pass took, for the report. */
  readonly spent?: (round: number, seconds: number, memory: number) => void;
}

type Train = Extract<Request, { type: "train" }>;
type Update = Extract<Message, { type: "update" }>;

interface Change {
  readonly update: Int32Array;
  readonly loss: number;
}

/** Trains on request. Errors of the result: those of the engine, NOT_FINITE, UPDATE_OUT_OF_RANGE. */
export function trainingSite(options: TrainingSite): (request: Train) => Promise<Update> {
  const { site } = options;
  let kept: { readonly round: number; readonly values: Float32Array; readonly change: Promise<Change> } | undefined;

  async function pass({ round, learningRate, values }: Train): Promise<Change> {
    const { optimizer, loss, epochs, batch, clipNorm, flip } = options.training();
    const settings = { loss, optimizer, epochs, batch, clipNorm, flip, learningRate, seed: `${options.seed}/${site}/${round}` };
    const job = { kind: "train", model: options.model(), values, data: options.data(), options: settings } as const;
    const result = await options.executor.run(job);
    options.spent?.(round, result.seconds, result.memory);
    const change = result.values;
    for (let i = 0; i < change.length; i++) change[i] -= values[i];
    return { update: encodeFixed(change, options.format), loss: result.loss ?? 0 };
  }

  return async (request) => {
    const { round, attempt, values } = request;
    if (kept === undefined || kept.round !== round || !sameValues(kept.values, values)) {
      const begun = { round, values, change: pass(request) };
      kept = begun;
      // A pass that failed is tried again; whoever awaits it below is told.
      begun.change.catch(() => {
        if (kept === begun) kept = undefined;
      });
    }
    const { update, loss } = await kept.change;
    return { type: "update", round, attempt, from: site, members: 1, weight: options.data().count, loss, update };
  };
}

/** The same bits, as those of two attempts of a round are. */
function sameValues(a: Float32Array, b: Float32Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
