/** Examples of several sites as one: what the centralised scenario trains on. Only a simulation can do this. */
import { fail } from "../core/errors.js";
import { valueLimit } from "./assemble.js";
import type { Answers, ExampleInput, Examples } from "./dataset.js";

/**
 * Joins examples of the same plan, in the order given. Only a simulation can do this. Errors: DATA_EMPTY, LIMIT_EXCEEDED, SHAPE_MISMATCH.
 *
 * @example
 * ```ts
 * import { addStatistics, fitScaler, partitionSites, poolExamples, siteExamples, siteStatistic } from "millwright/data";
 *
 * const parts = partitionSites(dataset, plan, 7);
 * const scaler = fitScaler(parts.map((part) => siteStatistic(part, plan)).reduce(addStatistics));
 * const each = parts.map((part) => siteExamples(part, scaler, plan).train);
 * poolExamples(each).count === each.reduce((sum, { count }) => sum + count, 0); // => true
 * ```
 */
export function poolExamples(parts: readonly Examples[]): Examples {
  // Sites without examples of this split carry inputs without rows; they add nothing.
  const filled = parts.filter((part) => part.count > 0);
  const used = filled.length > 0 ? filled : parts.slice(0, 1);
  if (used.length === 0) fail("DATA_EMPTY", { where: "pooled examples", expected: "at least one site", got: "none" });
  const inputs: Record<string, ExampleInput> = {};
  for (const name of Object.keys(used[0].inputs))
    inputs[name] = poolInput(
      name,
      used.map((part) => part.inputs[name]),
    );
  const offsets = new Int32Array(used.reduce((sum, part) => sum + part.count, 0) + 1);
  let at = 0;
  let units = 0;
  for (const part of used) {
    for (let i = 0; i < part.count; i++) offsets[++at] = units + part.unitOffsets[i + 1];
    units += part.unitIds.length;
  }
  const answers = poolAnswers(used);
  const flags = used.every((part) => part.flags !== undefined) ? used.map((part) => part.flags as Uint8Array) : undefined;
  return {
    count: offsets.length - 1,
    inputs,
    targets: joined(
      used.map((part) => part.targets),
      (n) => new Float32Array(n),
    ),
    targetWidth: used[0].targetWidth,
    machines: joined(
      used.map((part) => part.machines),
      (n) => new Int32Array(n),
    ),
    times: joined(
      used.map((part) => part.times),
      (n) => new Float64Array(n),
    ),
    unitOffsets: offsets,
    unitIds: joined(
      used.map((part) => part.unitIds),
      (n) => new Int32Array(n),
    ),
    ...(answers === undefined ? {} : { answers }),
    ...(flags === undefined ? {} : { flags: joined(flags, (n) => new Uint8Array(n)) }),
  };
}

function poolInput(name: string, inputs: readonly ExampleInput[]): ExampleInput {
  const { width, length, shape, names } = inputs[0];
  for (const other of inputs) {
    if (other.width !== width || other.length !== length) {
      fail("SHAPE_MISMATCH", {
        where: `input ${name}`,
        expected: `${length} x ${width} at every site`,
        got: `${other.length} x ${other.width}`,
      });
    }
  }
  const total = inputs.reduce((sum, input) => sum + input.rows.length, 0);
  if (total > valueLimit)
    fail("LIMIT_EXCEEDED", { where: `input ${name} of all sites`, expected: `at most ${valueLimit} values`, got: String(total) });
  const starts = new Int32Array(inputs.reduce((sum, input) => sum + input.starts.length, 0));
  let at = 0;
  let rows = 0;
  for (const input of inputs) {
    for (const start of input.starts) starts[at++] = start + rows;
    rows += input.rows.length / width;
  }
  return {
    rows: joined(
      inputs.map((input) => input.rows),
      (n) => new Float32Array(n),
    ),
    width,
    starts,
    length,
    shape,
    names,
  };
}

function poolAnswers(parts: readonly Examples[]): Answers | undefined {
  const all = parts.flatMap((part) => (part.answers === undefined ? [] : [part.answers]));
  if (all.length !== parts.length) return undefined;
  const bases = all.flatMap((answers) => (answers.bases === undefined ? [] : [answers.bases]));
  return {
    values: joined(
      all.map((answers) => answers.values),
      (n) => new Float64Array(n),
    ),
    scale: all[0].scale,
    offset: all[0].offset,
    ...(bases.length === all.length ? { bases: joined(bases, (n) => new Float64Array(n)) } : {}),
  };
}

function joined<T extends { readonly length: number; set(values: T, at: number): void }>(
  parts: readonly T[],
  make: (length: number) => T,
): T {
  const out = make(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
