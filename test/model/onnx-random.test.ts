import { describe, expect, it } from "vitest";
import { writeOnnx } from "../../src/model/onnx/write.js";
import type { NodeSpec } from "../../src/model/spec.js";
import { close } from "../support/close.js";
import { enginePredicts } from "../support/example-data.js";
import { runOnnx } from "../support/onnx-runtime.js";
import { randomBatch, randomModel } from "../support/random-model.js";
import { referenceForward } from "../support/reference-model.js";

describe("ONNX of random graphs, run in onnxruntime-web", () => {
  it("80 random graphs, of every kind of layer, compute what the model computes", async () => {
    const kinds = new Set<NodeSpec["use"]>();
    for (let seed = 0; seed < 80; seed++) {
      const { spec, values, inputs } = randomModel(seed);
      for (const node of spec.nodes) kinds.add(node.use);
      const { outputs } = await runOnnx(writeOnnx(spec, values), spec.inputs, inputs, randomBatch);
      try {
        close(outputs.output, referenceForward(spec, values, inputs, randomBatch).output);
        close(outputs.output, enginePredicts(spec, values, inputs, randomBatch));
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(spec)}`, { cause: error });
      }
    }
    expect(kinds.size).toBe(23);
  }, 30_000);
});
