/**
 * Public entry `millwright`: run a federation from a file or an object, and use the model that comes out.
 *
 * The examples start from a small plan (the same keys as a federation file, docs/federation-file.md):
 *
 * ```ts
 * const plan = {
 *   federation: "small-fleet",
 *   task: { kind: "failure", window: "12h", horizon: "24h", stride: "12h" },
 *   data: { use: "fleet", machines: 12, days: 40, sites: 3 },
 *   split: { by: "time", test: 0.4 },
 *   sites: { use: "by", column: "site" },
 *   model: { use: "lstm", units: 4 },
 *   training: { optimizer: { use: "adam", learningRate: 0.01 }, batch: 32 },
 *   rounds: 2,
 *   seed: 7,
 * };
 * ```
 */
export { type ErrorCode, type ErrorDetail, MillwrightError } from "./core/errors.js";
export { describePlan, type LayerDescription, type PlanDescription, type PlanOptions, type Traffic } from "./lab/plan.js";
export type {
  Metrics,
  PartitionSummary,
  Reference,
  RoundResult,
  ScenarioName,
  ScenarioResult,
  SeedsResult,
  SimulationResult,
  SiteResult,
} from "./lab/result.js";
export { type SimulateOptions, type Simulation, type SimulationEvent, simulate } from "./lab/simulate.js";
export { type Bundle, decodeBundle, encodeBundle } from "./round/bundle.js";
export type { Finding } from "./round/check.js";
export { type FederationFile, parseFederation, readFederationFile } from "./round/file.js";
export { encodeOnnx } from "./round/onnx.js";
export { type Prediction, predictTable } from "./round/predict.js";
