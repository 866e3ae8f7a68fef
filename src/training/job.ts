/**
 * A job is what a worker does for a site: one local pass, a prediction, a loss. It is plain data, so that it can cross a thread,
 * and its result depends on the job alone: which worker ran it, and when, never shows.
 */
import type { Engine, ExampleData, TrainOptions } from "../model/engine.js";
import type { LossSpec, ModelSpec } from "../model/spec.js";

export type Job =
  | {
      readonly kind: "train";
      readonly model: ModelSpec;
      readonly values: Float32Array;
      readonly data: ExampleData;
      readonly options: TrainOptions;
    }
  | { readonly kind: "predict"; readonly model: ModelSpec; readonly values: Float32Array; readonly data: ExampleData }
  | {
      readonly kind: "evaluate";
      readonly model: ModelSpec;
      readonly values: Float32Array;
      readonly data: ExampleData;
      readonly loss: LossSpec;
    };

export interface JobResult {
  /** New values after training, predictions of a prediction, nothing for an evaluation. */
  readonly values: Float32Array;
  /** Mean loss of the last epoch, or of the evaluation. Absent for predictions. */
  readonly loss?: number;
  readonly steps: number;
  /** Processor seconds and memory of the engine; for the report only, never part of a result that is compared. */
  readonly seconds: number;
  readonly memory: number;
}

/** Runs jobs, in this thread or in others. Results do not depend on how many there are. */
export interface Executor {
  readonly workers: number;
  run(job: Job): Promise<JobResult>;
  close(): Promise<void>;
}

/** Runs one job on an engine that was built for its model. */
export function runJob(engine: Engine, job: Job): Omit<JobResult, "seconds" | "memory"> {
  engine.load(job.values);
  switch (job.kind) {
    case "train": {
      const result = engine.train(job.data, job.options);
      return { values: engine.values(), loss: result.losses[result.losses.length - 1], steps: result.steps };
    }
    case "predict":
      return { values: engine.predict(job.data), steps: 0 };
    case "evaluate":
      return { values: new Float32Array(0), loss: engine.evaluate(job.data, job.loss), steps: 0 };
  }
}
