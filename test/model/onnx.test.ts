import { describe, expect, it } from "vitest";
import { seeded } from "../../src/core/random.js";
import { initialise } from "../../src/model/init.js";
import { writeOnnx } from "../../src/model/onnx/write.js";
import { buildModel, type ModelContext, modelSchema, presetNames } from "../../src/model/presets.js";
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec } from "../../src/model/spec.js";
import { close } from "../support/close.js";
import { enginePredicts } from "../support/example-data.js";
import { runOnnx } from "../support/onnx-runtime.js";
import { referenceForward } from "../support/reference-model.js";

const batch = 3;

function examples(spec: ModelSpec, seed: number): Record<string, Float32Array> {
  const random = seeded("examples", seed);
  return Object.fromEntries(
    Object.entries(spec.inputs).map(([name, shape]) => [
      name,
      Float32Array.from({ length: batch * shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    ]),
  );
}

describe("ONNX, run in onnxruntime-web", () => {
  const window: ModelContext = { inputs: { sequence: [30, 14], statistics: [56] }, outputs: 1, task: "binary" };
  const image: ModelContext = { inputs: { sequence: [32, 40, 1] }, outputs: 6, task: "classes" };
  const choices: readonly [string, unknown, ModelContext][] = [
    ...presetNames
      .filter((use) => !["graph", "autoencoder", "cnn2d"].includes(use))
      .map((use): [string, unknown, ModelContext] => [use, use, window]),
    [
      "cnn-lstm with group norm and statistics",
      { use: "cnn-lstm", norm: "group", statistics: true },
      { ...window, inputs: { sequence: [24, 9], statistics: [5] } },
    ],
    ["cnn1d, normalised and global", { use: "cnn1d", norm: "layer", pooling: "max", activation: "gelu", global: true }, window],
    ["two bidirectional layers", { use: "gru", layers: 2, bidirectional: true }, window],
    ["autoencoder", "autoencoder", { ...window, task: "reconstruction" }],
    ["autoencoder of odd length", "autoencoder", { inputs: { sequence: [37, 3] }, outputs: 1, task: "reconstruction" }],
    ["autoencoder, lstm", { use: "autoencoder", kind: "lstm" }, { ...window, task: "reconstruction" }],
    ["cnn2d", "cnn2d", image],
    ["cnn2d with group norm", { use: "cnn2d", norm: "group", hidden: [8] }, image],
    [
      "graph",
      {
        use: "graph",
        nodes: [
          { use: "dense", name: "a", units: 5 },
          { use: "flatten", name: "f" },
          { use: "dense", name: "b", units: "outputs" },
        ],
      },
      window,
    ],
  ];
  it.each(choices)("%s computes what the model computes", async (_, file, context) => {
    const spec = buildModel(modelSchema.parse(file), context);
    const values = initialise(spec, seeded("onnx"));
    const inputs = examples(spec, 1);
    const { outputs, dimensions } = await runOnnx(writeOnnx(spec, values), spec.inputs, inputs, batch);
    expect(dimensions.output).toEqual([batch, ...inferModel(spec).outputShape]);
    close(outputs.output, referenceForward(spec, values, inputs, batch).output);
    close(outputs.output, enginePredicts(spec, values, inputs, batch));
  });

  it("gives probabilities beside the logits where asked", async () => {
    for (const [probability, outputs] of [
      ["sigmoid", 1],
      ["softmax", 4],
    ] as const) {
      const spec: ModelSpec = { inputs: { statistics: [5] }, nodes: [{ use: "dense", name: "out", units: outputs }] };
      const values = initialise(spec, seeded(2));
      const inputs = examples(spec, 3);
      const run = await runOnnx(writeOnnx(spec, values, { probability }), spec.inputs, inputs, batch);
      const expected = referenceForward({ ...spec, nodes: [...spec.nodes, { use: probability, name: "p" }] }, values, inputs, batch).output;
      close(run.outputs.probability, expected);
      close(run.outputs.output, referenceForward(spec, values, inputs, batch).output);
    }
  });

  it("takes any number of examples", async () => {
    const spec = buildModel(modelSchema.parse("cnn-lstm"), { inputs: { sequence: [24, 9] }, outputs: 1, task: "binary" });
    const values = initialise(spec, seeded("batch"));
    const file = writeOnnx(spec, values);
    const inputs = examples(spec, 4);
    const whole = await runOnnx(file, spec.inputs, inputs, batch);
    for (let i = 0; i < batch; i++) {
      const one = { sequence: inputs.sequence.slice(i * 216, (i + 1) * 216) };
      close((await runOnnx(file, spec.inputs, one, 1)).outputs.output, whole.outputs.output.subarray(i, i + 1));
    }
  });
});

describe("the file", () => {
  const spec: ModelSpec = { inputs: { statistics: [2] }, nodes: [{ use: "dense", name: "out", units: 1 }] };

  it("is the same for the same model, and carries its metadata", () => {
    const write = () => writeOnnx(spec, Float32Array.of(1, 2, 3), { metadata: { federation: "größer" }, version: "1.2.3", name: "pumps" });
    expect(write()).toEqual(write());
    const text = new TextDecoder().decode(write());
    for (const part of ["millwright", "1.2.3", "pumps", "federation", "größer", "out.weight", "statistics"]) expect(text).toContain(part);
  });

  it("refuses values that do not fit or are not finite, and names that would collide", () => {
    expect(() => writeOnnx(spec, new Float32Array(4))).toThrow(/SHAPE_MISMATCH: ONNX export: expected 3 values, got 4/);
    expect(() => writeOnnx(spec, Float32Array.of(1, Number.NaN, 0))).toThrow(/NOT_FINITE: tensor "out.weight", value 1/);
    const clash: ModelSpec = { inputs: { output: [2] }, nodes: spec.nodes };
    expect(() => writeOnnx(clash, new Float32Array(3))).toThrow(/MODEL_INVALID: ONNX name "output"/);
  });
});
