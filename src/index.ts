/** Public entry `millwright`: run a federation from a file or an object, and use the model that comes out. */
export { type ErrorCode, type ErrorDetail, MillwrightError } from "./core/errors.js";
export { simulate, type Simulation, type SimulationEvent, type SimulateOptions } from "./lab/simulate.js";
export type { Metrics, Reference, RoundResult, ScenarioName, ScenarioResult, SeedsResult, SimulationResult, SiteResult } from "./lab/result.js";
export { type Bundle, decodeBundle, encodeBundle, type Prediction, predictTable } from "./round/bundle.js";
export { type FederationFile, parseFederation, readFederationFile } from "./round/file.js";
