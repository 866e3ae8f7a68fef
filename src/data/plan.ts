/** The data half of a federation file: task, features, split, sites and how readings are prepared. */
import { z } from "zod";
import type { Dataset } from "./dataset.js";
import { checkFeatures, defaultFeatures, type FeatureSpec, featuresSchema, type History, historyOf } from "./features/registry.js";
import { type PartitionSpec, partitionSchema } from "./partition/schema.js";
import { gapsSchema, type PrepareSpec, preparedStep, resampleSchema, unitsSchema } from "./prepare.js";
import { type SplitSpec, splitSchema } from "./split.js";
import { type ResolvedTask, resolveTask, type TaskSpec, taskSchema } from "./task.js";

/** Keys of a federation file that belong to the data; spread into the schema of the whole file. */
export const dataPlanShape = {
  task: taskSchema,
  features: featuresSchema.optional(),
  split: splitSchema.optional(),
  sites: partitionSchema,
  units: unitsSchema.optional(),
  resample: resampleSchema.optional(),
  gaps: gapsSchema.optional(),
} as const;

/** Schema (zod) of the data half of a federation file: task, features, split, sites, units, resample, gaps. */
export const dataPlanSchema = z.strictObject(dataPlanShape);

/** The data half of a federation file, as read. */
export interface DataPlan extends PrepareSpec {
  readonly task: TaskSpec;
  /** Absent: `defaultFeatures` of the data set. */
  readonly features?: readonly FeatureSpec[];
  /** Absent: `defaultSplit` of the data set. */
  readonly split?: SplitSpec;
  readonly sites: PartitionSpec;
}

/** A plan read against a data set. */
export interface ResolvedPlan {
  readonly task: ResolvedTask;
  readonly features: readonly FeatureSpec[];
  readonly history: History;
}

/** Errors: FILE_INVALID, DATA_MISSING. */
export function resolvePlan(plan: Omit<DataPlan, "sites">, dataset: Dataset): ResolvedPlan {
  const features = plan.features ?? defaultFeatures(dataset);
  checkFeatures(features);
  const task = resolveTask(plan.task, dataset, preparedStep(dataset, plan));
  return { task, features, history: historyOf(features, task.window, task.ahead) };
}
