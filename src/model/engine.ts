/**
 * What the rest of the house knows of the training engine. The engine behind it runs the AssemblyScript kernels
 * in one instance of the .wasm; one engine belongs to one thread.
 */
import type { LossSpec, ModelSpec, OptimizerSpec, TensorInfo } from "./spec.js";

/** The values a batch is gathered from: example i of an input reads `stride` values per row, `length` rows from row starts[i]. */
export interface InputData {
  /** Row-major values, `width` per row. */
  readonly rows: Float32Array;
  readonly width: number;
  /** First row of each example. Windows may overlap: rows are stored once. */
  readonly starts: Int32Array;
  /** Rows per example: an example has length * width values, equal to the size of the model's input. */
  readonly length: number;
}

/** Everything the engine needs to train on or predict: inputs by the model's input names, and targets. */
export interface ExampleData {
  readonly count: number;
  readonly inputs: Readonly<Record<string, InputData>>;
  /** count x targetWidth values. Class numbers for cross-entropy. Absent for prediction; "input" = the model reconstructs its first input. */
  readonly targets?: Float32Array | "input";
  readonly targetWidth?: number;
}

/** One local pass of training. Rates and norms are per step; the loss is a mean over the batch. */
export interface TrainOptions {
  readonly loss: LossSpec;
  readonly optimizer: OptimizerSpec;
  readonly batch: number;
  readonly epochs: number;
  /** Learning rate of this call (the schedule has been applied). */
  readonly learningRate: number;
  /** Scales the mean gradient of a batch down to this Euclidean norm. */
  readonly clipNorm?: number;
  /** Determines shuffling, dropout and augmentation. */
  readonly seed: string;
  /** Random flips of image inputs, each with probability 1/2 per example. */
  readonly flip?: { readonly horizontal?: boolean; readonly vertical?: boolean };
}

/** What a local pass did. */
export interface TrainResult {
  /** Mean loss over the examples of each epoch, in training mode. */
  readonly losses: readonly number[];
  readonly steps: number;
}

/** Gradient of a set of units: each unit's examples are summed first, so one unit can be clipped as one. */
export interface UnitGradients {
  /** Euclidean norm of the summed loss gradient of each unit, before clipping. */
  readonly norms: Float64Array;
  /** Sum over units of the (clipped) unit gradients, in the flat order of `tensors`, zero for buffers. */
  readonly sum: Float32Array;
}

/** One model in one instance of the kernels; belongs to one thread. Values are float32, in PyTorch's names and layouts outside. */
export interface Engine {
  readonly spec: ModelSpec;
  readonly tensors: readonly TensorInfo[];
  /** Length of the flat vector: parameters and buffers in the order of `tensors`. */
  readonly size: number;
  /** Sets all parameters and buffers. Errors: SHAPE_MISMATCH, NOT_FINITE. */
  load(values: Float32Array): void;
  /** A copy of all parameters and buffers. */
  values(): Float32Array;
  /** One local pass: `epochs` passes over the data in shuffled batches, optimiser state fresh. Errors: DATA_INVALID (NaN in the data), TRAINING_DIVERGED. */
  train(data: ExampleData, options: TrainOptions): TrainResult;
  /** Outputs (logits) in evaluation mode: count x outputSize, row-major. */
  predict(data: ExampleData): Float32Array;
  /** Mean loss in evaluation mode. */
  evaluate(data: ExampleData, loss: LossSpec): number;
  /**
   * Gradients per privacy unit. units[i] is the unit of example i (any integers); the examples of one unit are summed in the
   * kernels and the sum is clipped once to `clip`. Refused (MODEL_INVALID) for batch norm, whose gradients mix examples.
   */
  unitGradients(
    data: ExampleData,
    options: { loss: LossSpec; units: Int32Array; clip?: number; mode?: "train" | "evaluate"; seed?: string },
  ): UnitGradients;
}
