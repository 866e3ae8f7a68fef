import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { nodeSchema } from "../../src/model/presets/graph.js";
import { buildModel, type ModelChoice, type ModelContext, modelSchema, presetNames } from "../../src/model/presets.js";
import { inferModel } from "../../src/model/shape.js";
import { randomModel } from "../support/random-model.js";
import { referenceForward } from "../support/reference-model.js";

const window = (length: number, width: number, outputs = 1): ModelContext => ({
  inputs: { sequence: [length, width] },
  outputs,
  task: "regression",
});
const vector = (width: number, outputs = 1): ModelContext => ({ inputs: { statistics: [width] }, outputs, task: "binary" });
const model = (file: unknown, context: ModelContext) => buildModel(modelSchema.parse(file), context);
const count = (file: unknown, context: ModelContext) => inferModel(model(file, context)).parameters;

describe("cnn-lstm", () => {
  const vectors = JSON.parse(readFileSync(new URL("../vectors/model/cnn-lstm-h24-f9.json", import.meta.url), "utf8")) as {
    x: number[];
    shape: { batch: number };
    parameters: Record<string, { shape: number[]; values: number[] }>;
    logits_eval: number[];
    logits_train: number[];
    buffers_after_one_forward: Record<string, { values: number[] }>;
  };
  const spec = model("cnn-lstm", { inputs: { sequence: [24, 9] }, outputs: 1, task: "binary" });
  const { tensors, size } = inferModel(spec);
  const values = new Float64Array(size);
  for (const tensor of tensors) {
    const given = vectors.parameters[tensor.name];
    if (given !== undefined) values.set(given.values, tensor.offset);
    else if (tensor.name.endsWith("running_var")) values.fill(1, tensor.offset, tensor.offset + tensor.size);
  }

  it("has PyTorch's parameters by name and shape", () => {
    const mine = new Map(tensors.filter((t) => t.role === "parameter").map((t) => [t.name, t.shape]));
    expect(Object.fromEntries(mine)).toEqual(Object.fromEntries(Object.entries(vectors.parameters).map(([name, t]) => [name, t.shape])));
  });

  it("computes what PyTorch computes, in evaluation and in training", () => {
    for (const [mode, expected] of [
      ["evaluate", vectors.logits_eval],
      ["train", vectors.logits_train],
    ] as const) {
      const { output, buffers } = referenceForward(spec, values, { sequence: vectors.x }, vectors.shape.batch, mode);
      for (const [i, logit] of expected.entries()) expect(output[i]).toBeCloseTo(logit, 9);
      if (mode === "train") {
        for (const [name, { values: after }] of Object.entries(vectors.buffers_after_one_forward)) {
          for (const [i, v] of after.entries()) expect(buffers.get(name)![i]).toBeCloseTo(v, 9);
        }
      }
    }
  });

  it("builds for windows of any size, where the sensors' axis does not shrink to one as well", () => {
    for (const [length, width] of [
      [1, 1],
      [2, 40],
      [7, 17],
      [30, 14],
      [48, 9],
      [60, 33],
    ]) {
      for (const norm of ["batch", "group", "layer", "none"]) {
        const { outputShape, shapes } = inferModel(model({ use: "cnn-lstm", norm }, window(length, width)));
        expect(outputShape).toEqual([1]);
        expect(shapes.get("features")).toEqual([Math.ceil(length / 16), 8 * Math.ceil(width / 16)]);
      }
    }
  });
});

describe("the recipes", () => {
  const both = { inputs: { sequence: [30, 14], statistics: [56] }, outputs: 1, task: "regression" } as const;
  const rows: readonly [string, unknown, ModelContext, number][] = [
    ["C-MAPSS, statistics", { use: "mlp", hidden: [64, 32], dropout: [0.2, 0] }, both, 5761],
    ["C-MAPSS, hybrid", "hybrid", both, 13_801],
    ["C-MAPSS, GRU", "gru", both, 9153],
    ["the CNN of aerospace-fl-quantization", { use: "cnn1d", channels: [32, 64], global: true }, window(50, 14), 9697],
    ["the same with five bins of time", { use: "cnn1d", pool: [2, 5] }, window(50, 14), 9665],
    ["AI4I", { use: "mlp", activation: "tanh" }, vector(8), 2689],
    ["Azure", { use: "mlp", hidden: [32, 16], dropout: [0.2, 0] }, vector(29), 1505],
    ["SKAB", "autoencoder", { ...window(60, 8), task: "reconstruction" }, 12_648],
    ["steel energy", { use: "mlp", dropout: 0.1 }, vector(43), 4929],
    ["steel plates", { use: "mlp", dropout: 0.2 }, { ...vector(27, 7), task: "classes" }, 4103],
    ["NEU", "cnn2d", { inputs: { sequence: [64, 64, 1] }, outputs: 6, task: "classes" }, 20_278],
  ];
  it.each(rows)("%s has the published number of parameters", (_, file, context, parameters) => {
    expect(count(file, context)).toBe(parameters);
  });

  it("SKAB's autoencoder gives back windows of every length", () => {
    for (let length = 1; length <= 80; length++) {
      for (const kind of ["conv", "lstm"]) {
        const spec = model({ use: "autoencoder", kind }, { ...window(length, 8), task: "reconstruction" });
        expect(inferModel(spec).outputShape).toEqual([length, 8]);
      }
    }
    const threes = model({ use: "autoencoder", channels: [8, 6, 4], stride: 3, kernel: 5 }, { ...window(61, 3), task: "reconstruction" });
    expect(inferModel(threes).outputShape).toEqual([61, 3]);
  });
});

describe("the file's model", () => {
  const refusal = (file: unknown, context: ModelContext): MillwrightError => {
    try {
      model(file, context);
    } catch (error) {
      return error as MillwrightError;
    }
    throw new Error("nothing was refused");
  };

  it("takes every preset by its bare name but graph, which needs nodes", () => {
    for (const use of presetNames) expect(modelSchema.safeParse(use).success).toBe(use !== "graph");
  });

  it("says which models there are, and which fields are wrong", () => {
    const issues = (file: unknown) => modelSchema.safeParse(file).error?.issues.map((i) => `${i.path.join(".")}: ${i.message}`);
    expect(issues("cnnlstm")?.[0]).toContain("cnn-lstm, mlp, linear, cnn1d");
    expect(issues("cnnlstm")?.[0]).toContain('got "cnnlstm"');
    expect(issues({ use: "mlp", hiden: [3], dropout: 2 })).toHaveLength(2);
    expect(issues({ use: "cnn1d", kernel: 4 })?.[0]).toContain("kernel");
  });

  it("refuses a preset whose input is missing, or which does not suit the task", () => {
    expect(refusal("cnn-lstm", vector(8)).message).toMatch(/PLAN_REFUSED.*windows \[T, C\].*statistics \[8\]/);
    expect(refusal("hybrid", window(30, 14)).code).toBe("PLAN_REFUSED");
    expect(refusal("cnn2d", window(30, 14)).code).toBe("PLAN_REFUSED");
    expect(refusal({ use: "cnn-lstm", statistics: true }, window(30, 14)).code).toBe("PLAN_REFUSED");
    expect(refusal("autoencoder", window(30, 14)).code).toBe("PLAN_REFUSED");
    expect(refusal("gru", { ...window(30, 14), task: "reconstruction" }).code).toBe("PLAN_REFUSED");
    expect(refusal({ use: "mlp", hidden: [4, 4], dropout: [0.1] }, vector(8)).code).toBe("PLAN_REFUSED");
    expect(refusal("gru", window(2, 14)).message).toMatch(/SHAPE_MISMATCH: layer "pool"/);
  });

  it("mlp and linear take the statistics, the window or both, and can give their input back", () => {
    const offer: ModelContext = { inputs: { sequence: [5, 3], statistics: [4] }, outputs: 2, task: "classes" };
    expect(Object.keys(model("mlp", offer).inputs)).toEqual(["statistics"]);
    expect(count("linear", offer)).toBe(2 * 5);
    expect(count({ use: "linear", input: "sequence" }, offer)).toBe(2 * 16);
    expect(count({ use: "linear", input: "both" }, offer)).toBe(2 * 20);
    const back = model({ use: "mlp", hidden: [2], input: "sequence" }, { ...offer, task: "reconstruction" });
    expect(inferModel(back).outputShape).toEqual([5, 3]);
  });

  it("graph: the nodes as they stand, with the width of the task filled in", () => {
    const nodes = [
      { use: "conv1d", name: "a", channels: 4, kernel: 3, padding: "same" },
      { use: "conv1d", name: "b", from: "sequence", channels: 4, kernel: 1 },
      { use: "add", name: "sum", from: ["a", "b"] },
      { use: "flatten", name: "flat" },
      { use: "dense", name: "out", units: "outputs" },
    ];
    const spec = model({ use: "graph", nodes }, { ...window(6, 2, 3), task: "classes" });
    expect(inferModel(spec).outputShape).toEqual([3]);
    expect(refusal({ use: "graph", nodes: nodes.slice(0, 4) }, window(6, 2, 3)).code).toBe("PLAN_REFUSED");
    expect(modelSchema.safeParse({ use: "graph", nodes: [{ use: "dense", name: "x", units: 0 }] }).success).toBe(false);
  });

  it("graph: takes every kind of layer, and says which there are", () => {
    for (let seed = 0; seed < 200; seed++) {
      for (const node of randomModel(seed).spec.nodes)
        expect(nodeSchema.parse(JSON.parse(JSON.stringify(node)))).toEqual(JSON.parse(JSON.stringify(node)));
    }
    const fault = modelSchema.safeParse({ use: "graph", nodes: [{ use: "attention", name: "a" }] }).error?.issues[0];
    expect(fault?.path).toEqual(["nodes", 0, "use"]);
    expect(fault?.message).toMatch(/expected one of dense, conv1d.* as layer, got "attention"/);
  });

  it("any options give a model that fits the task, or a refusal with a code", () => {
    const n = fc.integer({ min: 1, max: 9 });
    const odd = fc.constantFrom(1, 3, 5, 7);
    const options = fc.record(
      {
        use: fc.constantFrom(...presetNames.filter((name) => name !== "graph")),
        norm: fc.constantFrom("batch", "group", "layer", "none"),
        channels: fc.oneof(n, fc.array(n, { minLength: 1, maxLength: 4 })),
        kernel: fc.oneof(odd, fc.array(odd, { minLength: 1, maxLength: 3 })),
        pool: fc.oneof(n, fc.array(n, { minLength: 1, maxLength: 3 })),
        stride: n,
        units: n,
        layers: fc.integer({ min: 1, max: 3 }),
        bidirectional: fc.boolean(),
        kind: fc.constantFrom("conv", "lstm"),
        hidden: fc.array(n, { minLength: 1, maxLength: 3 }),
        dropout: fc.constantFrom(0, 0.5),
        statistics: fc.boolean(),
        input: fc.constantFrom("statistics", "sequence", "both"),
        global: fc.boolean(),
        grid: n,
      },
      { requiredKeys: ["use"] },
    );
    const context = fc.record({
      inputs: fc.record(
        { sequence: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 3 }), statistics: fc.tuple(n) },
        { requiredKeys: [] },
      ),
      outputs: n,
      task: fc.constantFrom("classes", "regression", "reconstruction"),
    }) as fc.Arbitrary<ModelContext>;
    let built = 0;
    fc.assert(
      fc.property(options, context, (file, offer) => {
        // Only the fields a preset has: the schemas refuse the others, which another test shows.
        const refused = modelSchema.safeParse(file).error?.issues ?? [];
        const unknown = new Set(
          refused.flatMap((i) => [...(i.code === "unrecognized_keys" ? i.keys : []), ...(i.path.length > 0 ? [String(i.path[0])] : [])]),
        );
        const parsed = modelSchema.safeParse(Object.fromEntries(Object.entries(file).filter(([key]) => !unknown.has(key))));
        if (!parsed.success) return;
        try {
          const spec = buildModel(parsed.data, offer);
          built += 1;
          const size = inferModel(spec).outputShape.reduce((a, b) => a * b, 1);
          const [first] = Object.values(spec.inputs);
          expect(size).toBe(offer.task === "reconstruction" ? first.reduce((a, b) => a * b, 1) : offer.outputs);
        } catch (error) {
          if (!(error instanceof MillwrightError)) throw error;
          expect(["PLAN_REFUSED", "SHAPE_MISMATCH", "MODEL_TOO_LARGE"]).toContain(error.code);
        }
      }),
      { numRuns: 3000 },
    );
    expect(built).toBeGreaterThan(500);
  });

  it("options survive a trip through JSON", () => {
    const choice: ModelChoice = modelSchema.parse({ use: "cnn1d", pool: [2, 5] });
    expect(modelSchema.parse(JSON.parse(JSON.stringify(choice)))).toEqual(choice);
  });
});
