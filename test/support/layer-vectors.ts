/** Small models computed by PyTorch: test/vectors/model/layers.json, written by layers.py beside it. */
import { readFileSync } from "node:fs";
import type { ModelSpec } from "../../src/model/spec.js";

export interface LayerCase {
  readonly name: string;
  readonly spec: ModelSpec;
  readonly batch: number;
  readonly x: readonly number[];
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;
  readonly outputShape: readonly number[];
  /** Outputs with running values, and with those of the batch. */
  readonly evaluated: readonly number[];
  readonly trained: readonly number[];
  readonly target: readonly number[];
  /** Mean squared error of `trained` against `target`, and its gradients. */
  readonly mse: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  readonly inputGradient: readonly number[];
  readonly buffersAfter: Readonly<Record<string, readonly number[]>>;
}

const file = new URL("../vectors/model/layers.json", import.meta.url);

export const { cases: layerCases } = JSON.parse(readFileSync(file, "utf8")) as { cases: readonly LayerCase[] };
