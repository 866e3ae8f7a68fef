/** Runs an ONNX file in onnxruntime-web (WebAssembly, one thread), the way a user's page or service would. */
import * as ort from "onnxruntime-web/wasm";
import type { Shape } from "../../src/model/spec.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export interface OnnxRun {
  readonly outputs: Readonly<Record<string, Float32Array>>;
  readonly dimensions: Readonly<Record<string, readonly number[]>>;
}

export async function runOnnx(
  file: Uint8Array,
  shapes: Readonly<Record<string, Shape>>,
  inputs: Readonly<Record<string, Float32Array>>,
  batch: number,
): Promise<OnnxRun> {
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, new ort.Tensor("float32", values, [batch, ...shapes[name]])]),
  );
  const results = await session.run(feeds);
  const outputs: Record<string, Float32Array> = {};
  const dimensions: Record<string, readonly number[]> = {};
  for (const name of session.outputNames) {
    outputs[name] = Float32Array.from((await results[name].getData()) as Float32Array);
    dimensions[name] = results[name].dims;
  }
  await session.release();
  return { outputs, dimensions };
}
