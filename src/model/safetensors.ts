/**
 * safetensors (Hugging Face's format for weights): 8 bytes of header length, a JSON header, then raw little-endian
 * values. Written with PyTorch's names and layouts as F32; F64, F32, F16 and BF16 are read. The file may come from
 * anyone: every size is checked before memory is touched, and nothing in it is run. Portable: no I/O here.
 */
import { fail } from "../core/errors.js";
import type { Shape, TensorInfo } from "./spec.js";

/** How large a file may be before it is refused. */
export interface SafetensorsLimits {
  readonly headerBytes: number;
  readonly tensors: number;
  /** Values of all tensors together. */
  readonly values: number;
}

export const safetensorsLimits: SafetensorsLimits = { headerBytes: 1_048_576, tensors: 10_000, values: 40_000_000 };

export interface ReadTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** What a file holds; values of every type are read as float32. */
export interface SafetensorsFile {
  /** In the order of the file's values. */
  readonly tensors: readonly ReadTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

type Dtype = keyof typeof bytesPer;
const bytesPer = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;

/**
 * The file for `values` laid out as `tensors` says (`inferModel(spec).tensors`). `metadata` is text by key.
 * Errors: SHAPE_MISMATCH where the vector has another length than the tensors; NOT_FINITE.
 *
 * @example
 * ```ts
 * import { inferModel, writeSafetensors } from "millwright/model";
 *
 * const bytes = writeSafetensors(inferModel(spec).tensors, Float32Array.of(1, 1, 1, 0), { format: "pt" });
 * bytes.length % 8; // => 0
 * ```
 */
export function writeSafetensors(
  tensors: readonly TensorInfo[],
  values: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const total = tensors.reduce((sum, { size }) => sum + size, 0);
  if (total !== values.length) {
    fail("SHAPE_MISMATCH", { where: "safetensors", expected: `${total} values for ${tensors.length} tensors`, got: String(values.length) });
  }
  const header: Record<string, unknown> = {};
  // Keys in order, so that equal models give equal bytes.
  if (Object.keys(metadata).length > 0) {
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
  let at = 0;
  for (const { name, shape, size } of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + 4 * size] };
    at += 4 * size;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // The values begin at a multiple of 8; blanks after the JSON are part of the format.
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + at);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, padded, true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.length, 8 + padded);
  let place = 8 + padded;
  for (const { name, offset, size } of tensors) {
    for (let i = offset; i < offset + size; i++, place += 4) {
      if (!Number.isFinite(values[i])) notFinite(name, i - offset, values[i]);
      view.setFloat32(place, values[i], true);
    }
  }
  return bytes;
}

/**
 * Reads a safetensors file (F64, F32, F16, BF16). Errors: FILE_UNREADABLE naming the tensor and what is wrong; LIMIT_EXCEEDED;
 * NOT_FINITE where a value is NaN or infinite.
 *
 * @example
 * ```ts
 * import { inferModel, readSafetensors, writeSafetensors } from "millwright/model";
 *
 * const file = readSafetensors(writeSafetensors(inferModel(spec).tensors, Float32Array.of(1, 1, 1, 0)));
 * file.tensors.map(({ name, shape }) => [name, shape]); // => [["out.weight", [1, 3]], ["out.bias", [1]]]
 * ```
 */
export function readSafetensors(bytes: Uint8Array, limits: Partial<SafetensorsLimits> = {}): SafetensorsFile {
  const most = { ...safetensorsLimits, ...limits };
  if (bytes.length < 8) unreadable("header", "8 bytes of header length", `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true) * 4294967296 + view.getUint32(0, true);
  if (length > most.headerBytes) exceeded("header", `${most.headerBytes} bytes`, `${length}`);
  if (length > bytes.length - 8) unreadable("header", `${length} bytes of header`, `a file of ${bytes.length} bytes`);
  const header = parseHeader(bytes.subarray(8, 8 + length));
  const start = 8 + length;

  const entries: { name: string; dtype: Dtype; shape: Shape; size: number; begin: number; end: number }[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  let total = 0;
  for (const name of Object.keys(header)) {
    if (name === "__metadata__") {
      metadata = readMetadata(header[name]);
      continue;
    }
    const entry = readEntry(name, header[name]);
    total += entry.size;
    if (entries.length >= most.tensors) exceeded(`tensor ${quote(name)}`, `${most.tensors} tensors`, "more");
    if (total > most.values) exceeded(`tensor ${quote(name)}`, `${most.values} values`, `${total} or more`);
    entries.push(entry);
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end || (a.name < b.name ? -1 : 1));
  let expected = 0;
  for (const { name, begin, end } of entries) {
    // The format has neither overlaps nor holes, so that a file cannot hide anything.
    if (begin !== expected) unreadable(`tensor ${quote(name)}`, `values from byte ${expected}`, `from byte ${begin}`);
    expected = end;
  }
  if (expected !== bytes.length - start) unreadable("values", `${expected} bytes`, `${bytes.length - start}`);
  return {
    tensors: entries.map(({ name, dtype, shape, size, begin }) => ({
      name,
      dtype,
      shape,
      values: decode(view, start + begin, size, dtype, name),
    })),
    metadata,
  };
}

/**
 * The flat vector of a model from a file's tensors, matched by name; extra tensors in the file (PyTorch's
 * num_batches_tracked) are ignored only where `ignore` accepts them. Errors: SHAPE_MISMATCH naming the tensor.
 *
 * @example
 * ```ts
 * import { inferModel, matchTensors, readSafetensors, writeSafetensors } from "millwright/model";
 *
 * const { tensors } = inferModel(spec);
 * const file = readSafetensors(writeSafetensors(tensors, Float32Array.of(1, 1, 1, 0)));
 * Array.from(matchTensors(file, tensors)); // => [1, 1, 1, 0]
 * ```
 */
export function matchTensors(
  file: SafetensorsFile,
  tensors: readonly TensorInfo[],
  ignore: (name: string) => boolean = (name) => name.endsWith(".num_batches_tracked"),
): Float32Array {
  const byName = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const values = new Float32Array(tensors.reduce((sum, { size }) => sum + size, 0));
  for (const { name, shape, offset } of tensors) {
    const found = byName.get(name);
    if (found === undefined)
      fail("SHAPE_MISMATCH", { where: `tensor ${quote(name)}`, expected: `a tensor of shape [${shape}]`, got: "none of this name" });
    if (found.shape.length !== shape.length || found.shape.some((extent, i) => extent !== shape[i])) {
      fail("SHAPE_MISMATCH", { where: `tensor ${quote(name)}`, expected: `shape [${shape}]`, got: `[${found.shape}]` });
    }
    values.set(found.values, offset);
    byName.delete(name);
  }
  for (const name of byName.keys()) {
    if (!ignore(name))
      fail("SHAPE_MISMATCH", { where: `tensor ${quote(name)}`, expected: "tensors of this model only", got: "another one" });
  }
  return values;
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    fail("FILE_UNREADABLE", { where: "safetensors header", expected: "JSON in UTF-8", got: "something else", cause });
  }
  return record("header", parsed);
}

/** A copy without a prototype: a tensor called `__proto__` or `constructor` is a name like any other. */
function record(where: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) unreadable(where, "a JSON object", shown(value));
  return Object.assign(Object.create(null), value) as Readonly<Record<string, unknown>>;
}

function readMetadata(value: unknown): Readonly<Record<string, string>> {
  const fields = record("__metadata__", value);
  for (const key of Object.keys(fields)) {
    if (typeof fields[key] !== "string") unreadable(`__metadata__.${key}`, "text", shown(fields[key]));
  }
  return fields as Readonly<Record<string, string>>;
}

function readEntry(name: string, value: unknown) {
  const where = `tensor ${quote(name)}`;
  const { dtype, shape, data_offsets: offsets } = record(where, value);
  if (typeof dtype !== "string" || !Object.hasOwn(bytesPer, dtype))
    unreadable(where, `dtype ${Object.keys(bytesPer).join(", ")}`, shown(dtype));
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isWhole))
    unreadable(where, "a shape of up to 8 whole numbers", shown(shape));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isWhole))
    unreadable(where, "two whole numbers as data_offsets", shown(offsets));
  const [begin, end] = offsets as [number, number];
  const size = (shape as number[]).reduce((product, extent) => product * extent, 1);
  const width = bytesPer[dtype as Dtype];
  if (end - begin !== size * width) unreadable(where, `${size * width} bytes for ${dtype} [${shape}]`, `${end - begin}`);
  return { name, dtype: dtype as Dtype, shape: shape as Shape, size, begin, end };
}

function decode(view: DataView, start: number, size: number, dtype: Dtype, name: string): Float32Array {
  const values = new Float32Array(size);
  const width = bytesPer[dtype];
  for (let i = 0; i < size; i++) {
    const at = start + i * width;
    values[i] =
      dtype === "F32" ? view.getFloat32(at, true) : dtype === "F64" ? view.getFloat64(at, true) : half(view.getUint16(at, true), dtype);
    if (!Number.isFinite(values[i])) notFinite(name, i, values[i]);
  }
  return values;
}

const word = new DataView(new ArrayBuffer(4));

function half(bits: number, dtype: "F16" | "BF16"): number {
  if (dtype === "BF16") {
    word.setUint32(0, bits * 65536);
    return word.getFloat32(0);
  }
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // 2^-24 times the fraction below 2^-14; else (1024 + fraction) * 2^(exponent - 25).
  if (exponent === 0) return (sign * fraction) / 16777216;
  word.setUint32(0, ((exponent + 102) << 23) >>> 0);
  return sign * (1024 + fraction) * word.getFloat32(0);
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function notFinite(name: string, i: number, value: number): never {
  fail("NOT_FINITE", { where: `tensor ${quote(name)}, value ${i}`, expected: "a finite number in single precision", got: String(value) });
}

function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function unreadable(where: string, expected: string, got: string): never {
  fail("FILE_UNREADABLE", { where: `safetensors ${where}`, expected, got });
}

function exceeded(where: string, most: string, got: string): never {
  fail("LIMIT_EXCEEDED", { where: `safetensors ${where}`, expected: `at most ${most}`, got });
}
