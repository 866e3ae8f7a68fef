/**
 * Data in kernel memory: rows are copied once per call, checked once, and batches are gathered from there. A batch is
 * a list of example numbers filled up to whole octets by repeating its first example with weight zero.
 */
import { fail } from "../../core/errors.js";
import type { KernelInstance } from "../../kernels/instance.js";
import type { ExampleData, InputData } from "../engine.js";
import { showShape, sizeOf } from "../geometry.js";
import type { LossSpec, ModelSpec } from "../spec.js";
import { targetWidth } from "./losses.js";
import type { BatchFacts, Source } from "./program.js";

const invalid = (where: string, expected: string, got: string, remedy?: string): never =>
  fail("DATA_INVALID", { where, expected, got, ...(remedy === undefined ? {} : { remedy }) });

/** Checks the data against the model without looking at the values. Errors: DATA_EMPTY, DATA_INVALID, DATA_MISSING, SHAPE_MISMATCH. */
export function checkData(spec: ModelSpec, data: ExampleData, outputSize: number, loss: LossSpec | undefined): void {
  if (!Number.isInteger(data.count) || data.count < 1) {
    fail("DATA_EMPTY", { where: "data", expected: "at least one example", got: String(data.count) });
  }
  for (const [name, shape] of Object.entries(spec.inputs)) {
    const where = `input "${name}"`;
    const input = data.inputs[name];
    if (input === undefined) {
      fail("DATA_MISSING", { where, expected: "values for this input of the model", got: Object.keys(data.inputs).join(", ") || "none" });
    }
    const { rows, starts, width, length } = input;
    if (width * length !== sizeOf(shape)) {
      fail("SHAPE_MISMATCH", {
        where,
        expected: `${sizeOf(shape)} values per example ${showShape(shape)}`,
        got: `${length} rows of ${width}`,
      });
    }
    if (starts.length !== data.count) invalid(where, `${data.count} starts`, `${starts.length}`);
    const available = Math.floor(rows.length / width);
    for (let i = 0; i < starts.length; i++) {
      if (starts[i] < 0 || starts[i] + length > available) {
        invalid(`${where}, example ${i}`, `rows within 0..${available - 1}`, `rows ${starts[i]}..${starts[i] + length - 1}`);
      }
    }
  }
  if (loss !== undefined) checkTargets(data, outputSize, loss);
}

function checkTargets(data: ExampleData, outputSize: number, loss: LossSpec): void {
  const { targets } = data;
  if (targets === undefined) fail("DATA_MISSING", { where: "targets", expected: "targets to compare with", got: "none" });
  if (targets === "input") {
    if (loss.use === "cross-entropy" || loss.use === "bce") invalid("targets", "a regression loss for reconstruction", loss.use);
    return;
  }
  const width = targetWidth(loss, outputSize);
  if ((data.targetWidth ?? 1) !== width) {
    fail("SHAPE_MISMATCH", {
      where: "targets",
      expected: `${width} values per example for ${loss.use}`,
      got: String(data.targetWidth ?? 1),
    });
  }
  if (targets.length !== data.count * width) invalid("targets", `${data.count * width} values`, `${targets.length}`);
  for (let i = 0; i < targets.length; i++) {
    const t = targets[i];
    const where = () => `targets, example ${Math.floor(i / width)}`;
    if (!Number.isFinite(t)) invalid(where(), "a finite number", String(t));
    if (loss.use === "cross-entropy" && !(Number.isInteger(t) && t >= 0 && t < outputSize)) {
      invalid(where(), `a class number in 0..${outputSize - 1}`, String(t));
    }
    if (loss.use === "bce" && !(t >= 0 && t <= 1)) invalid(where(), "a value in 0..1", String(t));
  }
}

const align = (value: number) => Math.ceil(value / 64) * 64;

/** Copies inputs (and targets) to memory from `start`; returns where they lie and the end. Errors: DATA_INVALID for NaN and infinity. */
export function copyData(instance: KernelInstance, spec: ModelSpec, data: ExampleData, start: number): { sources: Source[]; end: number } {
  const sources: Source[] = [];
  let end = align(start);
  const put = (values: Float32Array, starts: Int32Array, width: number, where: string): void => {
    const rowsAt = end;
    const startsAt = align(rowsAt + values.length * 4 + 16);
    end = align(startsAt + starts.length * 4);
    instance.reserve(end, where);
    instance.floats().set(values, rowsAt >> 2);
    instance.integers().set(starts, startsAt >> 2);
    sources.push({ rows: rowsAt, starts: startsAt, width });
  };
  for (const name of Object.keys(spec.inputs)) {
    const input = data.inputs[name];
    put(input.rows, input.starts, input.width, `rows of input "${name}"`);
    if (instance.kernels.firstNotFinite(sources[sources.length - 1].rows, input.rows.length) >= 0) checkFinite(name, input);
  }
  if (data.targets !== undefined && data.targets !== "input") {
    const iota = Int32Array.from({ length: data.count }, (_, i) => i);
    put(data.targets, iota, data.targetWidth ?? 1, "targets");
  }
  return { sources, end };
}

/** Rows that no example reads (gaps between windows) may hold anything; the others must be finite. */
function checkFinite(name: string, { rows, starts, width, length }: InputData): void {
  const read = new Uint8Array(Math.floor(rows.length / width));
  for (const start of starts) read.fill(1, start, start + length);
  for (let i = 0; i < read.length * width; i++) {
    if (read[Math.floor(i / width)] === 1 && !Number.isFinite(rows[i])) {
      const row = Math.floor(i / width);
      const where = `input "${name}", row ${row}, column ${i % width}`;
      invalid(where, "a finite number", String(rows[i]), "fill, drop or resample the gap");
    }
  }
}

/** Memory for the facts of a batch of up to `octets` octets. Returns its end. */
export function placeFacts(facts: BatchFacts, start: number, octets: number): number {
  let end = align(start);
  const take = (bytes: number) => {
    const first = end;
    end = align(end + bytes);
    return first;
  };
  facts.order = take(octets * 32);
  facts.valid = take(octets * 32);
  facts.scale = take(octets * 32);
  facts.flags = take(octets * 8);
  return end;
}

/** How much each example counts in the mean loss: class weights count as PyTorch's do. */
export function exampleWeight(data: ExampleData, loss: LossSpec): (example: number) => number {
  if (loss.use !== "cross-entropy" || loss.classWeights === undefined) return () => 1;
  const { targets } = data;
  const weights = loss.classWeights;
  return (example) => weights[(targets as Float32Array)[example]];
}

/**
 * Fills the facts of one batch; `order[i]` is an example number or -1 for a place left empty. `scaleOf` gives the loss
 * scale of an example. Returns the number of octets.
 */
export function fillBatch(instance: KernelInstance, facts: BatchFacts, order: Int32Array, scale: number): number {
  const octets = Math.ceil(order.length / 8);
  const integers = instance.integers();
  const floats = instance.floats();
  const [from, valid, weights] = [facts.order >> 2, facts.valid >> 2, facts.scale >> 2];
  let spare = 0;
  for (let i = order.length - 1; i >= 0; i--) if (order[i] >= 0) spare = order[i];
  for (let i = 0; i < octets * 8; i++) {
    const example = i < order.length ? order[i] : -1;
    integers[from + i] = example >= 0 ? example : spare;
    floats[valid + i] = example >= 0 ? 1 : 0;
    floats[weights + i] = example >= 0 ? scale : 0;
  }
  facts.count = order.length;
  return octets;
}
