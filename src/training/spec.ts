/** The `training:` part of a federation file: how a site trains in one round. */
import { z } from "zod";
import { oneOf } from "../model/choice.js";
import type { LossSpec, OptimizerSpec, ScheduleSpec } from "../model/spec.js";

const learningRate = z.number().positive().max(1000);
const weightDecay = z.number().min(0).max(10).optional();
const adamFields = {
  learningRate,
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).optional(),
  eps: z.number().positive().max(1).optional(),
  weightDecay,
};

/** Optimisers as in PyTorch; their state starts afresh in every round. */
export const optimizerSchema = oneOf("optimizer", [
  z.strictObject({ use: z.literal("sgd"), learningRate, momentum: z.number().min(0).lt(1).optional(), weightDecay }),
  z.strictObject({ use: z.literal("adam"), ...adamFields }),
  z.strictObject({ use: z.literal("adamw"), ...adamFields }),
]);

export const lossSchema = oneOf("loss", [
  z.strictObject({ use: z.literal("bce"), positiveWeight: z.number().positive().max(1e6).optional() }),
  z.strictObject({
    use: z.literal("cross-entropy"),
    classWeights: z.array(z.number().min(0).max(1e6)).min(2).max(10_000).optional(),
    labelSmoothing: z.number().min(0).lt(1).optional(),
  }),
  z.strictObject({ use: z.literal("mse") }),
  z.strictObject({ use: z.literal("mae") }),
  z.strictObject({ use: z.literal("huber"), delta: z.number().positive().max(1e6).optional() }),
]);

export const scheduleSchema = oneOf("schedule", [
  z.strictObject({ use: z.literal("constant") }),
  z.strictObject({ use: z.literal("step"), every: z.int().min(1).max(1_000_000), factor: z.number().positive().max(1) }),
  z.strictObject({ use: z.literal("cosine"), floor: z.number().min(0).max(1).optional() }),
]);

export const trainingSchema = z.strictObject({
  optimizer: optimizerSchema,
  /** Follows from the task where it is not given. */
  loss: lossSchema.optional(),
  /** Passes over a site's data in one round. */
  epochs: z.int().min(1).max(10_000).default(1),
  /** Examples per step of the optimiser. */
  batch: z.int().min(1).max(65_536).default(32),
  /** Learning rate over the rounds. */
  schedule: scheduleSchema.default({ use: "constant" }),
  /** Largest Euclidean norm of the mean gradient of a batch. */
  clipNorm: z.number().positive().max(1e9).optional(),
  /** Random mirroring of images, each with probability 1/2. */
  flip: z.strictObject({ horizontal: z.boolean().optional(), vertical: z.boolean().optional() }).optional(),
});

export type TrainingSpec = z.output<typeof trainingSchema>;

/** The types that come out of the schemas are those the engine takes; this stops compiling when they drift apart. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const agreed: readonly [
  Same<z.output<typeof optimizerSchema>, Mutable<OptimizerSpec>>,
  Same<z.output<typeof lossSchema>, Mutable<LossSpec>>,
  Same<z.output<typeof scheduleSchema>, Mutable<ScheduleSpec>>,
] = [true, true, true];
void agreed;
type Mutable<T> = T extends object
  ? { -readonly [K in keyof T]: T[K] extends readonly unknown[] | undefined ? MutableList<T[K]> : T[K] }
  : T;
type MutableList<T> = T extends readonly [infer A, infer B] ? [A, B] : T extends readonly (infer A)[] ? A[] : T;

/** The loss a task is trained with where the file names none. */
export function defaultLoss(task: "binary" | "classes" | "regression" | "reconstruction"): LossSpec {
  if (task === "binary") return { use: "bce" };
  if (task === "classes") return { use: "cross-entropy" };
  return { use: "mse" };
}
