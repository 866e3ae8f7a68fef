/**
 * Frames become examples: rows are written once as f32 and windows point into them, so that overlapping windows share
 * their values. A window longer than its machine's history gets rows of its own, the first one repeated in front.
 */
import { fail } from "../core/errors.js";
import { listed } from "./columns.js";
import type { ExampleInput } from "./dataset.js";
import type { Frame } from "./frame.js";
import { type Tensor, tensorInput } from "./tensor.js";

/** f32 values one input of one site may hold (512 MiB), and columns of the statistics input. */
export const valueLimit = 134_217_728;
export const columnLimit = 65_536;

/** The inputs of all windows of all frames, in order. `choose` lists which windows of each frame an Examples takes. */
export interface Assembled {
  /** Inputs restricted to chosen windows: numbers of windows counted over all frames. */
  readonly take: (windows: Int32Array) => Record<string, ExampleInput>;
  /** Row of "sequence" for each row of each frame, or -1. */
  readonly rowAt: readonly Int32Array[];
  readonly sequenceRows: number;
}

/** Assembles frames whose features have been applied. Errors: DATA_INVALID for missing values, LIMIT_EXCEEDED, FILE_INVALID. */
export function assemble(frames: readonly Frame[], tensor: Tensor | undefined): Assembled {
  for (const frame of frames) checkEncoded(frame);
  const total = frames.reduce((sum, frame) => sum + frame.lasts.length, 0);
  const sequence = frames.length === 0 || frames[0].tabular ? undefined : writeSequence(frames, total);
  const statistics = writeStatistics(frames, total);
  const take = (windows: Int32Array): Record<string, ExampleInput> => {
    const inputs: Record<string, ExampleInput> = {};
    if (tensor !== undefined) inputs.sequence = tensorInput(tensor, frames, windows);
    else if (sequence !== undefined)
      inputs.sequence = { ...sequence.input, starts: Int32Array.from(windows, (i) => sequence.input.starts[i]) };
    if (statistics !== undefined) {
      const { width } = statistics;
      const rows = new Float32Array(windows.length * width);
      windows.forEach((window, i) => {
        rows.set(statistics.rows.subarray(window * width, (window + 1) * width), i * width);
      });
      inputs.statistics = { ...statistics, rows, starts: Int32Array.from(windows, (_, i) => i) };
    }
    return inputs;
  };
  return { take, rowAt: sequence?.rowAt ?? [], sequenceRows: sequence === undefined ? 0 : sequence.rows };
}

/** Refuses inputs that no feature has turned into numbers. */
function checkEncoded(frame: Frame): void {
  if (frame.categories.length === 0) return;
  fail("FILE_INVALID", {
    where: "features",
    expected: "number inputs only",
    got: `category inputs ${listed(frame.categories.map((c) => c.name))}`,
    remedy: "add { use: one-hot }, or drop them",
  });
}

function checkSize(rows: number, width: number, where: string): void {
  if (rows * width > valueLimit) {
    fail("LIMIT_EXCEEDED", {
      where,
      expected: `at most ${valueLimit} values per site`,
      got: `${rows} rows x ${width} columns = ${rows * width}`,
      remedy: "use fewer columns, a longer stride or more sites",
    });
  }
}

function writeSequence(frames: readonly Frame[], total: number): { input: ExampleInput; rowAt: Int32Array[]; rows: number } | undefined {
  const names = frames[0].channels.map((channel) => channel.name);
  const width = names.length;
  if (width === 0) return undefined;
  const { length } = frames[0];
  const used = frames.map(usedRows);
  let rows = 0;
  frames.forEach((frame, f) => {
    for (const row of used[f]) rows += row;
    for (const last of frame.lasts) if (last - length + 1 < frame.runStart[last]) rows += length;
  });
  checkSize(rows, width, "sequence");
  const values = new Float32Array(rows * width);
  const starts = new Int32Array(total);
  let next = 0;
  let window = 0;
  const rowAt = frames.map((frame, f) => {
    const at = new Int32Array(frame.rows).fill(-1);
    for (let row = 0; row < frame.rows; row++) {
      if (used[f][row] === 0) continue;
      at[row] = next;
      writeRow(values, next++, frame, row);
    }
    for (const last of frame.lasts) {
      const first = last - length + 1;
      if (first >= frame.runStart[last]) {
        starts[window++] = at[first];
        continue;
      }
      starts[window++] = next;
      for (let row = first; row <= last; row++) writeRow(values, next++, frame, Math.max(row, frame.runStart[last]));
    }
    return at;
  });
  return { input: { rows: values, width, starts, length, shape: [length, width], names }, rowAt, rows };
}

/** 1 for rows that an unpadded window reads. */
function usedRows(frame: Frame): Uint8Array {
  const used = new Uint8Array(frame.rows);
  for (const last of frame.lasts) {
    const first = last - frame.length + 1;
    if (first >= frame.runStart[last]) used.fill(1, first, last + 1);
  }
  return used;
}

function writeRow(values: Float32Array, at: number, frame: Frame, row: number): void {
  const width = frame.channels.length;
  for (let c = 0; c < width; c++) {
    const value = frame.channels[c].values[row];
    if (!Number.isFinite(value)) missing(frame, frame.channels[c].name, row, value);
    values[at * width + c] = value;
  }
}

function missing(frame: Frame, name: string, row: number, value: number): never {
  const machine = frame.machineName === "" ? "" : `, machine ${JSON.stringify(frame.machineName)}`;
  fail("DATA_INVALID", {
    where: `column ${JSON.stringify(name)}${machine}, row ${frame.source[row]}`,
    expected: "a finite number",
    got: Number.isNaN(value) ? "a missing value" : String(value),
    remedy: frame.clock === "none" ? "add { use: impute } after scale, or drop the column" : "set gaps, or add { use: impute } after scale",
  });
}

/** "statistics": in tabular tasks the row itself and then the window columns; otherwise the window columns. */
function writeStatistics(frames: readonly Frame[], total: number): ExampleInput | undefined {
  if (frames.length === 0) return undefined;
  const columnsOf = (frame: Frame) => [
    ...(frame.tabular ? frame.channels.map((c) => ({ ...c, perRow: true })) : []),
    ...frame.columns.map((c) => ({ ...c, perRow: false })),
  ];
  const names = columnsOf(frames[0]).map((column) => column.name);
  const width = names.length;
  if (width === 0) return undefined;
  if (width > columnLimit) fail("LIMIT_EXCEEDED", { where: "statistics", expected: `at most ${columnLimit} columns`, got: String(width) });
  checkSize(total, width, "statistics");
  const rows = new Float32Array(total * width);
  let base = 0;
  for (const frame of frames) {
    columnsOf(frame).forEach(({ name, values, perRow }, c) => {
      for (let i = 0; i < frame.lasts.length; i++) {
        const value = values[perRow ? frame.lasts[i] : i];
        if (!Number.isFinite(value)) missing(frame, name, frame.lasts[i], value);
        rows[(base + i) * width + c] = value;
      }
    });
    base += frame.lasts.length;
  }
  return { rows, width, starts: Int32Array.from({ length: total }, (_, i) => i), length: 1, shape: [width], names };
}
