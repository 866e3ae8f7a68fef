import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec, NodeSpec, Shape } from "../../src/model/spec.js";
import { randomModel } from "../support/random-model.js";
import { referenceForward } from "../support/reference-model.js";

const one = (input: Shape, ...nodes: NodeSpec[]): ModelSpec => ({ inputs: { x: input }, nodes });
const shapeOf = (input: Shape, ...nodes: NodeSpec[]) => inferModel(one(input, ...nodes)).outputShape;
function refusal(spec: ModelSpec, limits = {}): string {
  try {
    inferModel(spec, limits);
  } catch (error) {
    if (error instanceof MillwrightError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("shapes", () => {
  it("of convolutions, pools and their kin are PyTorch's", () => {
    expect(shapeOf([60, 8], { use: "conv1d", name: "c", channels: 32, kernel: 7, stride: 2, padding: 3 })).toEqual([30, 32]);
    expect(shapeOf([9, 1], { use: "conv1d", name: "c", channels: 2, kernel: 3, padding: "same" })).toEqual([9, 2]);
    expect(shapeOf([64, 48, 3], { use: "conv2d", name: "c", channels: 4, kernel: [5, 3], stride: [2, 1], padding: [2, 0] })).toEqual([
      32, 46, 4,
    ]);
    expect(
      shapeOf([15, 16], { use: "conv-transpose1d", name: "c", channels: 8, kernel: 7, stride: 2, padding: 3, outputPadding: 1 }),
    ).toEqual([30, 8]);
    expect(shapeOf([5, 3], { use: "upsample1d", name: "u", factor: 2 })).toEqual([10, 3]);
    expect(shapeOf([9, 2], { use: "average-pool", name: "p", kernel: 2 })).toEqual([4, 2]);
    expect(shapeOf([9, 2], { use: "average-pool", name: "p", kernel: 2, ceil: true })).toEqual([5, 2]);
    expect(shapeOf([1, 9, 2], { use: "max-pool", name: "p", kernel: 2, ceil: true })).toEqual([1, 5, 2]);
    // A last window that would start behind the end is dropped, as PyTorch does.
    expect(shapeOf([4, 1], { use: "average-pool", name: "p", kernel: 1, stride: 3, ceil: true })).toEqual([2, 1]);
    expect(shapeOf([5, 1], { use: "average-pool", name: "p", kernel: 1, stride: 3, ceil: true })).toEqual([2, 1]);
    expect(shapeOf([7, 3], { use: "lstm", name: "l", units: 4 })).toEqual([4]);
    expect(shapeOf([7, 3], { use: "gru", name: "l", units: 4, bidirectional: true, output: "all" })).toEqual([7, 8]);
    expect(shapeOf([3], { use: "repeat", name: "r", times: 5 })).toEqual([5, 3]);
    expect(shapeOf([7, 3], { use: "dense", name: "d", units: 2 })).toEqual([7, 2]);
    expect(shapeOf([2, 3, 4], { use: "flatten", name: "f" })).toEqual([24]);
    expect(shapeOf([2, 3, 4], { use: "reshape", name: "f", shape: [6, 4] })).toEqual([6, 4]);
  });

  it("tensors have PyTorch's names, layouts and order, and lie end to end", () => {
    const spec = one(
      [8, 3],
      { use: "conv1d", name: "conv.0", channels: 4, kernel: 5 },
      { use: "batch-norm", name: "norm.0" },
      { use: "lstm", name: "rnn", units: 2, bidirectional: true },
      { use: "dense", name: "out", units: 1, bias: false },
    );
    const { tensors, size, parameters } = inferModel(spec);
    expect(tensors.map((t) => `${t.name} [${t.shape}]${t.role === "buffer" ? " buffer" : ""}`)).toEqual([
      "conv.0.weight [4,3,5]",
      "conv.0.bias [4]",
      "norm.0.weight [4]",
      "norm.0.bias [4]",
      "norm.0.running_mean [4] buffer",
      "norm.0.running_var [4] buffer",
      "rnn.weight_ih_l0 [8,4]",
      "rnn.weight_hh_l0 [8,2]",
      "rnn.bias_ih_l0 [8]",
      "rnn.bias_hh_l0 [8]",
      "rnn.weight_ih_l0_reverse [8,4]",
      "rnn.weight_hh_l0_reverse [8,2]",
      "rnn.bias_ih_l0_reverse [8]",
      "rnn.bias_hh_l0_reverse [8]",
      "out.weight [1,4]",
    ]);
    let offset = 0;
    for (const tensor of tensors) {
      expect(tensor.offset).toBe(offset);
      offset += tensor.size;
    }
    expect(size).toBe(offset);
    expect(parameters).toBe(size - 8);
  });
});

describe("refusals name the layer, what was expected and what was found", () => {
  const dense: NodeSpec = { use: "dense", name: "d", units: 2 };
  const rows: readonly [string, ModelSpec, RegExp][] = [
    ["unknown source", one([3], { ...dense, from: "y" }), /MODEL_INVALID: layer "d".*earlier node or input \(x\), got "y"/],
    ["later source", one([3], { ...dense, from: "e" }, { ...dense, name: "e" }), /MODEL_INVALID.*got "e"/],
    ["itself", one([3], { ...dense, from: "d" }), /MODEL_INVALID.*got "d"/],
    ["two sources for one", one([3], { ...dense, from: ["x", "x"] }), /MODEL_INVALID.*one name in `from`/],
    ["duplicate name", one([3], dense, dense), /MODEL_INVALID.*a second "d"/],
    ["name of an input", one([3], { ...dense, name: "x" }), /MODEL_INVALID.*a second "x"/],
    ["bad name", one([3], { ...dense, name: "a/b" }), /MODEL_INVALID.*letters, digits/],
    ["name of nothing", one([3], { ...dense, name: "" }), /MODEL_INVALID/],
    ["no units", one([3], { ...dense, units: 0 }), /MODEL_INVALID: layer "d" \(dense\): expected units.*got 0/],
    ["half a unit", one([3], { ...dense, units: 1.5 }), /MODEL_INVALID.*1\.5/],
    ["NaN units", one([3], { ...dense, units: Number.NaN }), /MODEL_INVALID/],
    ["text for units", one([3], { ...dense, units: "4" as unknown as number }), /MODEL_INVALID.*"4"/],
    ["missing units", one([3], { use: "dense", name: "d" } as unknown as NodeSpec), /MODEL_INVALID.*nothing/],
    ["unknown layer", one([3], { use: "attention", name: "a" } as unknown as NodeSpec), /MODEL_INVALID.*"attention"/],
    ["empty input", one([0], dense), /MODEL_INVALID: input "x"/],
    ["input of four axes", one([2, 2, 2, 2], dense), /MODEL_INVALID: input "x"/],
    ["no nodes", one([3]), /MODEL_INVALID: nodes/],
    ["no inputs", { inputs: {}, nodes: [dense] }, /MODEL_INVALID: inputs/],
    ["unused layer", one([3], dense, { ...dense, name: "e", from: "x" }), /MODEL_INVALID: layer "d".*a path to the output "e"/],
    ["unused input", { inputs: { x: [3], y: [2] }, nodes: [dense] }, /MODEL_INVALID: input "y"/],
    ["output of no node", { ...one([3], dense), output: "x" }, /MODEL_INVALID: output/],
    [
      "kernel larger than padded input",
      one([3, 1], { use: "conv1d", name: "c", channels: 1, kernel: 6, padding: 1 }),
      /SHAPE_MISMATCH: layer "c" \(conv1d\): expected at least 6.*\[3, 1\]/,
    ],
    ["pool larger than input", one([3, 1], { use: "max-pool", name: "c", kernel: 4 }), /SHAPE_MISMATCH/],
    [
      "even kernel with same",
      one([3, 1], { use: "conv1d", name: "c", channels: 1, kernel: 2, padding: "same" }),
      /MODEL_INVALID.*odd kernel/,
    ],
    [
      "stride with same",
      one([3, 1], { use: "conv1d", name: "c", channels: 1, kernel: 3, stride: 2, padding: "same" }),
      /MODEL_INVALID.*stride 2/,
    ],
    ["negative padding", one([3, 1], { use: "conv1d", name: "c", channels: 1, kernel: 1, padding: -1 }), /MODEL_INVALID.*padding/],
    [
      "two kernels over time",
      one([3, 1], { use: "conv1d", name: "c", channels: 1, kernel: [1, 1] as unknown as number }),
      /MODEL_INVALID.*one number/,
    ],
    [
      "three kernels over space",
      one([3, 3, 1], { use: "conv2d", name: "c", channels: 1, kernel: [1, 1, 1] as unknown as number }),
      /MODEL_INVALID/,
    ],
    ["image to conv1d", one([3, 3, 1], { use: "conv1d", name: "c", channels: 1, kernel: 1 }), /SHAPE_MISMATCH.*\[T, C\].*\[3, 3, 1\]/],
    [
      "output padding",
      one([3, 1], { use: "conv-transpose1d", name: "c", channels: 1, kernel: 3, outputPadding: 1 }),
      /MODEL_INVALID.*outputPadding/,
    ],
    ["padding eats all", one([1, 1], { use: "conv-transpose1d", name: "c", channels: 1, kernel: 2, padding: 1 }), /SHAPE_MISMATCH/],
    ["groups", one([4, 6], { use: "group-norm", name: "g", groups: 4 }), /SHAPE_MISMATCH: layer "g".*divisible by 4.*6 channels/],
    ["vector to lstm", one([4], { use: "lstm", name: "l", units: 2 }), /SHAPE_MISMATCH/],
    ["sequence to repeat", one([4, 2], { use: "repeat", name: "r", times: 2 }), /SHAPE_MISMATCH/],
    ["reshape", one([4, 2], { use: "reshape", name: "r", shape: [3, 3] }), /SHAPE_MISMATCH.*9 values.*8 values/],
    ["dropout of all", one([4], { use: "dropout", name: "r", rate: 1 }), /MODEL_INVALID/],
    [
      "concat of ranks",
      { inputs: { x: [4], y: [2, 4] }, nodes: [{ use: "concat", name: "c", from: ["x", "y"] }] },
      /SHAPE_MISMATCH.*\[4\].*\[2, 4\]/,
    ],
    ["concat of lengths", { inputs: { x: [3, 4], y: [2, 4] }, nodes: [{ use: "concat", name: "c", from: ["x", "y"] }] }, /SHAPE_MISMATCH/],
    ["concat of one", one([4], { use: "concat", name: "c", from: ["x"] }), /MODEL_INVALID.*two or more/],
    ["add", { inputs: { x: [3], y: [2] }, nodes: [{ use: "add", name: "c", from: ["x", "y"] }] }, /SHAPE_MISMATCH/],
    ["too many parameters", one([5000], { use: "dense", name: "d", units: 5000 }), /MODEL_TOO_LARGE: layer "d".*20000000 parameters/],
    ["too many activations", one([5000], { use: "repeat", name: "r", times: 5000 }), /MODEL_TOO_LARGE: layer "r".*activations/],
    ["beyond every number", one([Number.MAX_SAFE_INTEGER], { ...dense, units: Number.MAX_SAFE_INTEGER }), /MODEL_TOO_LARGE/],
  ];
  it.each(rows)("%s", (_, spec, message) => {
    expect(refusal(spec)).toMatch(message);
  });

  it("limits can be lowered", () => {
    expect(refusal(one([3], dense), { parameters: 7 })).toMatch(/at most 7 parameters, got 8/);
    expect(refusal(one([3], dense, { ...dense, name: "e" }), { nodes: 1 })).toMatch(/MODEL_TOO_LARGE/);
  });
});

describe("any graph", () => {
  it("has the shapes that computing it gives", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { spec, values, inputs } = randomModel(seed);
        const { nodes } = referenceForward(spec, values, inputs, 2);
        for (const [name, { values: out }] of nodes) {
          expect(out.length).toBe(
            2 *
              inferModel(spec)
                .shapes.get(name)!
                .reduce((a, b) => a * b, 1),
          );
          expect(out.every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("is accepted or refused with a code, whatever is thrown at it", () => {
    const anything = fc.oneof(
      fc.integer({ min: -3, max: 9 }),
      fc.constantFrom("same", "x", null, undefined, Number.NaN, [2, 2], [], 1e300),
    );
    const use = fc.constantFrom(
      "dense",
      "conv1d",
      "conv2d",
      "conv-transpose1d",
      "group-norm",
      "average-pool",
      "gru",
      "repeat",
      "reshape",
      "concat",
      "add",
      "flatten",
      "?",
    );
    const field = fc.constantFrom(
      "units",
      "channels",
      "kernel",
      "stride",
      "padding",
      "groups",
      "times",
      "shape",
      "from",
      "outputPadding",
      "rate",
      "output",
    );
    const node = fc
      .tuple(use, fc.dictionary(field, anything))
      .map(([use, fields]) => ({ name: "n", use, ...fields }) as unknown as NodeSpec);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), node, (shape, n) => {
        expect(refusal(one(shape, n))).toMatch(/^(accepted|MODEL_INVALID|SHAPE_MISMATCH|MODEL_TOO_LARGE)/);
      }),
      { numRuns: 2000 },
    );
  });
});
