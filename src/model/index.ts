/** The public entry `millwright/model`: describe a model, size it, start it, save it. */

export type { Engine, ExampleData, InputData, TrainOptions, TrainResult, UnitGradients } from "./engine.js";
export { createEngine, type EngineOptions } from "./engine-wasm.js";
export { initialise } from "./init.js";
export { type OnnxOptions, writeOnnx } from "./onnx/write.js";
export { buildModel, type ModelChoice, type ModelContext, modelSchema, type PresetName, presetNames } from "./presets.js";
export { matchTensors, readSafetensors, type SafetensorsFile, type SafetensorsLimits, writeSafetensors } from "./safetensors.js";
export { learningRateAt } from "./schedule.js";
export { type InferredModel, inferModel, type ModelLimits } from "./shape.js";
export type { LossSpec, ModelSpec, NodeSpec, OptimizerSpec, ScheduleSpec, Shape, TensorInfo } from "./spec.js";
