/**
 * Public entry `millwright/model`: describe a model, size it, start it, train it, save it.
 *
 * The examples start from a model of three inputs and four examples of a sum:
 *
 * ```ts
 * import type { ExampleData, ModelSpec } from "millwright/model";
 *
 * const spec: ModelSpec = { inputs: { x: [3] }, nodes: [{ use: "dense", name: "out", units: 1 }] };
 * const rows = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1);
 * const data: ExampleData = {
 *   count: 4,
 *   inputs: { x: { rows, width: 3, starts: Int32Array.of(0, 1, 2, 3), length: 1 } },
 *   targets: Float32Array.of(1, 1, 1, 3),
 *   targetWidth: 1,
 * };
 * ```
 */

export { type SeededRandom, seeded } from "../core/random.js";

export type { Engine, ExampleData, InputData, TrainOptions, TrainResult, UnitGradients } from "./engine.js";
export { createEngine, type EngineOptions } from "./engine-wasm.js";
export { initialise } from "./init.js";
export { type OnnxOptions, writeOnnx } from "./onnx/write.js";
export { buildModel, type ModelChoice, type ModelContext, modelSchema, type PresetName, presetNames } from "./presets.js";
export { matchTensors, readSafetensors, type SafetensorsFile, type SafetensorsLimits, writeSafetensors } from "./safetensors.js";
export { learningRateAt } from "./schedule.js";
export { type InferredModel, inferModel, type ModelLimits } from "./shape.js";
export type { LossSpec, ModelSpec, NodeSpec, OptimizerSpec, ScheduleSpec, Shape, TensorInfo } from "./spec.js";
