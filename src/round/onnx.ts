/**
 * A trained model as an ONNX file for other runtimes. The graph takes what the features make; what they are, and by which means and sds
 * they are scaled, stands in the metadata as JSON, because ONNX has no words for windows of irregular rows.
 */
import { writeOnnx } from "../model/onnx/write.js";
import type { Bundle } from "./bundle.js";

/**
 * Inputs as in `bundle.model.inputs`, channels last, any number of examples. Outputs: "output", and "probability" for yes or no (sigmoid)
 * and classes (softmax). Metadata, each JSON: task, features, scaler, answers (value = output * scale + offset), threshold, labels.
 * Errors: those of writeOnnx.
 *
 * @example
 * ```ts
 * import { encodeOnnx, simulate } from "millwright";
 *
 * const trained = await simulate(plan, { compare: false, workers: 1 }).bundle;
 * encodeOnnx(trained, { plant: "north" }).length > 1000; // => true
 * ```
 */
export function encodeOnnx(bundle: Bundle, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const { kind, labels, unit } = bundle.outputs;
  const probability = kind === "binary" ? "sigmoid" : kind === "classes" ? "softmax" : undefined;
  const { task, features, ...preparation } = bundle.data;
  const described = {
    task,
    features,
    preparation,
    scaler: bundle.scaler,
    answers: bundle.answers,
    threshold: bundle.threshold,
    labels,
    unit,
  };
  const texts = Object.entries(described).flatMap(([key, value]) => (value === undefined ? [] : [[key, JSON.stringify(value)] as const]));
  return writeOnnx(bundle.model, bundle.values, {
    name: bundle.federation,
    metadata: { federation: bundle.federation, ...Object.fromEntries(texts), ...metadata },
    ...(probability === undefined ? {} : { probability }),
  });
}
