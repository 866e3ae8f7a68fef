/** Public entry `millwright`: run a federation from a file or an object, and use the model that comes out. */
export { type ErrorCode, type ErrorDetail, MillwrightError } from "./core/errors.js";
export type {
  Metrics,
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
export { type FederationFile, parseFederation, readFederationFile } from "./round/file.js";
export { encodeOnnx } from "./round/onnx.js";
export { type Prediction, predictTable } from "./round/predict.js";
