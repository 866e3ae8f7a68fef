/**
 * Public entry `millwright/data`: tables, data sets, and the way from rows to examples.
 *
 * The examples start from three presses with 40 readings each, whose power one step ahead is to be predicted:
 *
 * ```ts
 * import type { DataPlan, Dataset } from "millwright/data";
 *
 * const numbers = (of: (row: number) => number) => Float64Array.from({ length: 120 }, (_, row) => of(row));
 * const dataset: Dataset = {
 *   name: "presses",
 *   description: "made up",
 *   readings: {
 *     rows: 120,
 *     columns: [
 *       { name: "press", kind: "category", codes: Int32Array.from(numbers((row) => Math.floor(row / 40))), labels: ["a", "b", "c"] },
 *       { name: "cycle", kind: "number", values: numbers((row) => row % 40) },
 *       { name: "heat", kind: "number", unit: "Cel", values: numbers((row) => 60 + ((row * 7) % 11)) },
 *       { name: "power", kind: "number", unit: "kW", values: numbers((row) => 5 + (row % 3)) },
 *     ],
 *   },
 *   machine: "press",
 *   time: "cycle",
 *   inputs: ["heat"],
 *   target: "power",
 * };
 * const plan: DataPlan = {
 *   task: { kind: "value", window: 8, horizon: 1 },
 *   split: { by: "time", test: 0.25 },
 *   sites: { use: "by", column: "press" },
 * };
 * ```
 */
export { type Millis, millis } from "../core/quantities.js";
export type { Answers, Dataset, ExampleInput, Examples } from "./dataset.js";
export {
  addStatistics,
  type DataPlan,
  dataPlanSchema,
  defaultSplit,
  exampleInputs,
  exampleShapes,
  type FeaturePipeline,
  type FeatureSpec,
  featurePipeline,
  featureSchema,
  fitScaler,
  inUnits,
  type Moments,
  type OutputSpec,
  outputsOf,
  type PartitionSpec,
  type PipelineOptions,
  partitionSchema,
  partitionSites,
  partitionSummary,
  poolExamples,
  prepareDataset,
  type Scaler,
  type Schema,
  type SiteExamples,
  type SiteFacts,
  type SitePart,
  type SplitSpec,
  type Statistic,
  siteExamples,
  siteStatistic,
  splitSchema,
  statisticText,
  type TaskSpec,
  taskSchema,
  type Unlabelled,
  unitConversion,
} from "./pipeline.js";
export type { CategoryColumn, Column, NumberColumn, Table, TensorColumn, TimeColumn } from "./table.js";
