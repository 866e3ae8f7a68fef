import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ErrorCode, MillwrightError } from "../../src/core/errors.js";
import { seeded } from "../../src/core/random.js";
import { initialise } from "../../src/model/init.js";
import { matchTensors, readSafetensors, writeSafetensors } from "../../src/model/safetensors.js";
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec, TensorInfo } from "../../src/model/spec.js";
import { randomModel } from "../support/random-model.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/model/safetensors.json", import.meta.url), "utf8")) as {
  base64: string;
  single: string;
  metadata: Record<string, string>;
  tensors: Record<string, { shape: number[]; values: number[] }>;
};
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

/** A file with this header, followed by `size` bytes of zeros. */
function file(header: unknown, size = 0): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + size);
  new DataView(out.buffer).setUint32(0, json.length, true);
  out.set(json, 8);
  return out;
}

function codeOf(read: () => unknown): ErrorCode | "accepted" {
  try {
    read();
  } catch (error) {
    if (error instanceof MillwrightError) return error.code;
    throw error;
  }
  return "accepted";
}

const spec: ModelSpec = {
  inputs: { x: [8, 3] },
  nodes: [
    { use: "conv1d", name: "conv.0", channels: 4, kernel: 3 },
    { use: "batch-norm", name: "norm.0" },
    { use: "gru", name: "gru", units: 2 },
  ],
};
const { tensors } = inferModel(spec);
const values = initialise(spec, seeded(4));

describe("safetensors", () => {
  it("reads what the Python package wrote, in every dtype", () => {
    const read = readSafetensors(bytes(vectors.base64));
    expect(read.metadata).toEqual(vectors.metadata);
    expect(read.tensors.map((t) => t.name).sort()).toEqual(Object.keys(vectors.tensors).sort());
    for (const { name, shape, values: got } of read.tensors) {
      expect(shape).toEqual(vectors.tensors[name].shape);
      expect([...got]).toEqual(vectors.tensors[name].values);
    }
  });

  it("writes the bytes the Python package writes", () => {
    const read = readSafetensors(bytes(vectors.single));
    let offset = 0;
    const infos: TensorInfo[] = read.tensors.map(({ name, shape, values: { length: size } }) => {
      offset += size;
      return { name, shape, size, offset: offset - size, role: "parameter" };
    });
    const flat = Float32Array.from(read.tensors.flatMap((t) => [...t.values]));
    expect(Buffer.from(writeSafetensors(infos, flat, read.metadata)).toString("base64")).toBe(vectors.single);
  });

  it("brings back a model, its names and its metadata, whatever the model", () => {
    fc.assert(
      fc.property(fc.integer(), fc.dictionary(fc.string(), fc.string()), (seed, metadata) => {
        const model = randomModel(seed);
        const infos = inferModel(model.spec).tensors;
        const read = readSafetensors(writeSafetensors(infos, model.values, metadata));
        expect(matchTensors(read, infos)).toEqual(model.values);
        expect(read.tensors.map((t) => t.name)).toEqual(infos.map((t) => t.name));
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
      }),
      { numRuns: 100 },
    );
  });

  it("reads from the middle of a larger buffer", () => {
    const written = writeSafetensors(tensors, values);
    const larger = new Uint8Array(written.length + 10);
    larger.set(written, 5);
    expect(matchTensors(readSafetensors(larger.subarray(5, 5 + written.length)), tensors)).toEqual(values);
  });

  it("matches by name: other order is fine, a missing, foreign or misshapen tensor is not", () => {
    const back = readSafetensors(writeSafetensors(tensors, values));
    const extra = { name: "norm.0.num_batches_tracked", dtype: "F32", shape: [], values: new Float32Array(1) } as const;
    expect(matchTensors({ ...back, tensors: [extra, ...back.tensors].reverse() }, tensors)).toEqual(values);
    expect(() => matchTensors({ ...back, tensors: back.tensors.slice(1) }, tensors)).toThrow(
      /SHAPE_MISMATCH: tensor "conv.0.weight".*none of this name/,
    );
    expect(() => matchTensors({ ...back, tensors: [...back.tensors, { ...extra, name: "more" }] }, tensors)).toThrow(
      /SHAPE_MISMATCH: tensor "more"/,
    );
    const turned = back.tensors.map((t) => (t.name === "conv.0.weight" ? { ...t, shape: [4, 9] } : t));
    expect(() => matchTensors({ ...back, tensors: turned }, tensors)).toThrow(/expected shape \[4,3,3\], got \[4,9\]/);
    expect(() => writeSafetensors(tensors, values.subarray(1))).toThrow(/SHAPE_MISMATCH/);
    const holed = values.slice();
    holed[tensors[1].offset + 2] = Number.NaN;
    expect(() => writeSafetensors(tensors, holed)).toThrow(/NOT_FINITE: tensor "conv.0.bias", value 2/);
  });

  const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: "F32", shape, data_offsets: [begin, end] });
  const malformed: readonly [string, Uint8Array, ErrorCode][] = [
    ["nothing", new Uint8Array(0), "FILE_UNREADABLE"],
    ["half a length", new Uint8Array(7), "FILE_UNREADABLE"],
    ["a header longer than the file", new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0, 123]), "FILE_UNREADABLE"],
    ["a header of 2 MB", new Uint8Array([0, 0, 32, 0, 0, 0, 0, 0]), "LIMIT_EXCEEDED"],
    ["a header of exabytes", new Uint8Array(8).fill(255), "LIMIT_EXCEEDED"],
    ["no JSON", file("{"), "FILE_UNREADABLE"],
    ["a list", file([]), "FILE_UNREADABLE"],
    ["null", file("null"), "FILE_UNREADABLE"],
    ["bytes that are not UTF-8", new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 255]), "FILE_UNREADABLE"],
    ["a tensor that is text", file({ a: "b" }), "FILE_UNREADABLE"],
    ["an unknown dtype", file({ a: { dtype: "I8", shape: [1], data_offsets: [0, 1] } }, 1), "FILE_UNREADABLE"],
    ["a dtype of Object", file({ a: { dtype: "toString", shape: [1], data_offsets: [0, 1] } }, 1), "FILE_UNREADABLE"],
    ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), "FILE_UNREADABLE"],
    ["a negative size", file({ a: f32([-1], 0, -4) }), "FILE_UNREADABLE"],
    ["half a size", file({ a: f32([0.5], 0, 2) }, 2), "FILE_UNREADABLE"],
    ["a shape beyond every number", file({ a: f32([1e15, 1e15], 0, 4) }, 4), "FILE_UNREADABLE"],
    ["more values than bytes", file({ a: f32([2], 0, 4) }, 4), "FILE_UNREADABLE"],
    ["offsets backwards", file({ a: f32([1], 4, 0) }, 4), "FILE_UNREADABLE"],
    ["three offsets", file({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, 4), "FILE_UNREADABLE"],
    ["offsets behind the end", file({ a: f32([1], 0, 4) }), "FILE_UNREADABLE"],
    ["overlapping tensors", file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), "FILE_UNREADABLE"],
    ["a hole", file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), "FILE_UNREADABLE"],
    ["bytes that belong to nobody", file({ a: f32([1], 0, 4) }, 8), "FILE_UNREADABLE"],
    ["metadata that is a number", file({ __metadata__: { a: 1 } }), "FILE_UNREADABLE"],
    [
      "an infinite value",
      (() => {
        const one = file({ a: f32([1], 0, 4) }, 4);
        one.set([0, 0, 0x80, 0x7f], one.length - 4);
        return one;
      })(),
      "NOT_FINITE",
    ],
  ];
  it.each(malformed)("refuses %s", (_, input, code) => {
    expect(codeOf(() => readSafetensors(input))).toBe(code);
  });

  it("knows limits on tensors and values", () => {
    const written = writeSafetensors(tensors, values);
    expect(codeOf(() => readSafetensors(written, { tensors: 3 }))).toBe("LIMIT_EXCEEDED");
    expect(codeOf(() => readSafetensors(written, { values: 20 }))).toBe("LIMIT_EXCEEDED");
    expect(codeOf(() => readSafetensors(written, { headerBytes: 64 }))).toBe("LIMIT_EXCEEDED");
  });

  it("takes names such as __proto__ as names", () => {
    const read = readSafetensors(file(`{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4));
    expect(read.tensors.map((t) => t.name)).toEqual(["__proto__"]);
    expect(({} as { dtype?: string }).dtype).toBeUndefined();
  });

  it("reads or refuses mutated files with a code, and never grows", () => {
    const written = writeSafetensors(tensors, values, { format: "pt" });
    const change = fc.tuple(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: written.length + 8 }), (changes, length) => {
        const mutated = new Uint8Array(length);
        mutated.set(written.subarray(0, length));
        for (const [at, to] of changes) if (at < length) mutated[at] = to;
        expect(codeOf(() => readSafetensors(mutated))).toMatch(/^(accepted|FILE_UNREADABLE|LIMIT_EXCEEDED|NOT_FINITE)$/);
      }),
      { numRuns: 3000 },
    );
    // Changes inside the JSON alone, with the length right, reach deeper.
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const mutated = written.slice();
        for (const [at, to] of changes) if (at >= 8 && at < written.length) mutated[at] = 32 + (to % 95);
        expect(codeOf(() => readSafetensors(mutated))).toMatch(/^(accepted|FILE_UNREADABLE|LIMIT_EXCEEDED|NOT_FINITE)$/);
      }),
      { numRuns: 3000 },
    );
  });
});
