/** From rows to examples: everything the rest of the house needs of this room, by one import. */

export { inUnits } from "./answers.js";
export type { Answers, Dataset, ExampleInput, Examples } from "./dataset.js";
export { type SiteExamples, siteExamples } from "./examples.js";
export { type FeatureName, type FeatureSpec, featureSchema, features, featuresSchema } from "./features/registry.js";
export { siteStatistic } from "./measure.js";
export { partitionSites, type SitePart } from "./partition/partition.js";
export { type PartitionSpec, partitionSchema } from "./partition/schema.js";
export { partitionSummary, type SiteFacts } from "./partition/summary.js";
export { type DataPlan, dataPlanSchema, dataPlanShape, type ResolvedPlan, resolvePlan } from "./plan.js";
export { poolExamples } from "./pool.js";
export { type FeaturePipeline, featurePipeline, type PipelineOptions, type Unlabelled } from "./predict.js";
export {
  type GapsSpec,
  gapsSchema,
  type PreparedDataset,
  prepareDataset,
  type ResampleSpec,
  resampleSchema,
} from "./prepare.js";
export { fitScaler, type Scaler } from "./scaler.js";
export { exampleInputs, exampleShapes } from "./shapes.js";
export { defaultSplit, type SplitSpec, splitSchema } from "./split.js";
export { addStatistics, type Moments, type Schema, type Statistic, statisticText } from "./statistic.js";
export { type OutputSpec, outputsOf, type ResolvedTask, type TaskSpec, taskSchema } from "./task.js";
export { knownUnit, unitConversion } from "./units.js";
