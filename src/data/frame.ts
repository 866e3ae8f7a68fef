/**
 * A frame is one machine's rows on their way from raw columns to model inputs. Features change it in place, in the
 * order of the file: row features act on `channels` (one value per row), window features add to `columns` (one value
 * per window). Values are f64 here and become f32 once, at the end.
 */
import { fail } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { categoryColumn, columnNamed, listed, numericColumn } from "./columns.js";
import type { Dataset } from "./dataset.js";
import type { PreparedDataset } from "./prepare.js";
import { bytes, gathered, gatheredCodes } from "./rows.js";
import type { ResolvedTask } from "./task.js";

export interface Channel {
  readonly name: string;
  readonly values: Float64Array;
}

export interface Category {
  readonly name: string;
  readonly codes: Int32Array;
  readonly labels: readonly string[];
}

export interface Frame {
  /** Code of the machine in the data set's machine column (0 without one). */
  readonly machine: number;
  readonly machineName: string;
  readonly rows: number;
  /** Row of the data set behind each row of the frame. */
  readonly source: Int32Array;
  /** "time": milliseconds; "count": a cycle or row number; "none": rows stand alone and have no order. */
  readonly clock: "time" | "count" | "none";
  readonly time: Float64Array;
  readonly tick: number;
  /** Clock at which the observation of the machine ends, also where the site holds fewer rows: events are known until then. */
  readonly observedTo: number;
  /** First row of the unbroken run each row lies in. */
  readonly runStart: Int32Array;
  /** 1 where a row was filled in by a gap rule that looked at a later reading. */
  readonly filled: Uint8Array | undefined;
  channels: Channel[];
  /** Category inputs that no feature has turned into numbers yet. */
  categories: Category[];
  /** Every category column of the readings, for regimes. */
  readonly labels: (name: string) => Category;
  /** Last row of each window, rows per window, rows from the last row to the predicted one. */
  lasts: Int32Array;
  /** 1 for windows that train; set where a site measures its data. */
  trains?: Uint8Array;
  readonly length: number;
  readonly ahead: number;
  readonly tabular: boolean;
  columns: Channel[];
  /** Channels that log1p has acted on: they are scaled by other sums. */
  readonly logged: string[];
}

/** Distortion of one site's sensors (feature skew): value * gain + offset + noise * standard normal. */
export interface SensorSkew {
  readonly seed: string;
  readonly columns: Readonly<Record<string, { readonly gain: number; readonly offset: number; readonly noise: number }>>;
}

/** Ranges [from, to) of `rows` that belong to one machine. `rows` ascend and machines lie together. */
export interface Run {
  readonly machine: number;
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Splits ascending rows of a data set into the runs of its machines. */
export function machineRuns(dataset: Dataset, rows: Int32Array): Run[] {
  if (rows.length === 0) return [];
  if (dataset.machine === undefined) return [{ machine: 0, name: "", from: 0, to: rows.length }];
  const { codes, labels } = categoryColumn(dataset.readings, dataset.machine, "data.machine");
  const runs: Run[] = [];
  let from = 0;
  for (let i = 1; i <= rows.length; i++) {
    if (i < rows.length && codes[rows[i]] === codes[rows[from]]) continue;
    const machine = codes[rows[from]];
    if (machine < 0) fail("DATA_INVALID", { where: `row ${rows[from]}`, expected: "the name of a machine", got: "a missing value" });
    runs.push({ machine, name: labels[machine], from, to: i });
    from = i;
  }
  return runs;
}

/** The clock of a data set: kind and times per row. */
export function clockOf(dataset: Dataset): { readonly clock: Frame["clock"]; readonly values: Float64Array | undefined } {
  if (dataset.time !== undefined) {
    const column = numericColumn(dataset.readings, dataset.time, "data.time");
    return { clock: column.kind === "time" ? "time" : "count", values: column.values };
  }
  return { clock: dataset.machine === undefined ? "none" : "count", values: undefined };
}

/** A frame of the given rows (one machine), without windows. Errors: DATA_INVALID, DATA_MISSING, FILE_INVALID. */
export function buildFrame(dataset: PreparedDataset, rows: Int32Array, run: Run, task: ResolvedTask, skew?: SensorSkew): Frame {
  const source = rows.subarray(run.from, run.to);
  const count = source.length;
  const { clock, values } = clockOf(dataset);
  const time = new Float64Array(count);
  for (let i = 0; i < count; i++) time[i] = values === undefined ? i : values[source[i]];
  const channels: Channel[] = [];
  const categories: Category[] = [];
  const labels = (name: string): Category => {
    const column = categoryColumn(dataset.readings, name, "features");
    return { name, codes: gatheredCodes(column.codes, source), labels: column.labels };
  };
  for (const name of dataset.inputs) {
    const column = columnNamed(dataset.readings, name, "data.inputs");
    if (column.kind === "tensor") continue;
    if (column.kind === "category") categories.push(labels(name));
    else if (column.kind === "number") channels.push({ name, values: gathered(column.values, source) });
    else
      fail("FILE_INVALID", {
        where: "data.inputs",
        expected: "number, category or tensor columns",
        got: `time column ${JSON.stringify(name)}`,
        remedy: "use the calendar feature",
      });
  }
  if (skew !== undefined) distort(channels, skew, run.name);
  return {
    machine: run.machine,
    machineName: run.name,
    rows: count,
    source,
    clock,
    time,
    tick: task.tick,
    observedTo: values === undefined || count === 0 ? count : values[lastRow(dataset, source[count - 1])] + task.tick,
    runStart: runStarts(dataset, source),
    filled: dataset.filled === undefined ? undefined : bytes(count, (i) => (dataset.filled as Uint8Array)[source[i]]),
    channels,
    categories,
    labels,
    lasts: new Int32Array(0),
    length: task.window,
    ahead: task.ahead,
    tabular: task.tabular,
    columns: [],
    logged: [],
  };
}

/** Last row of the machine that a row belongs to, in the whole data set. */
function lastRow(dataset: Dataset, row: number): number {
  if (dataset.machine === undefined) return dataset.readings.rows - 1;
  const { codes } = categoryColumn(dataset.readings, dataset.machine, "data.machine");
  let last = row;
  while (last + 1 < codes.length && codes[last + 1] === codes[row]) last++;
  return last;
}

/** A row starts a new run where a gap rule broke the history, or where the site's rows are not consecutive. */
function runStarts(dataset: PreparedDataset, source: Int32Array): Int32Array {
  const starts = new Int32Array(source.length);
  for (let i = 1; i < source.length; i++) {
    const broken = source[i] !== source[i - 1] + 1 || (dataset.restarts !== undefined && dataset.restarts[source[i]] === 1);
    starts[i] = broken ? i : starts[i - 1];
  }
  return starts;
}

function distort(channels: readonly Channel[], skew: SensorSkew, machine: string): void {
  for (const { name, values } of channels) {
    const sensor = skew.columns[name];
    if (sensor === undefined) continue;
    const random = seeded(skew.seed, "noise", name, machine);
    for (let i = 0; i < values.length; i++) values[i] = values[i] * sensor.gain + sensor.offset + sensor.noise * random.normal();
  }
}

/** Channels and columns a feature means: those named (patterns allowed), or all. Errors: FILE_INVALID where a name means nothing. */
export function chosen(frame: Frame, patterns: readonly string[] | undefined, where: string, from: "rows" | "windows" | "both"): Channel[] {
  const pool = [...(from === "windows" ? [] : frame.channels), ...(from === "rows" ? [] : frame.columns)];
  if (patterns === undefined) return pool;
  return select(pool, patterns, where);
}

/** Items meant by patterns, in the order of the pool. Errors: FILE_INVALID where a pattern means nothing. */
export function select<T extends { readonly name: string }>(pool: readonly T[], patterns: readonly string[], where: string): T[] {
  const kept = new Set<T>();
  for (const pattern of patterns) {
    const hits = pool.filter(
      (item) => item.name === pattern || (pattern.includes("*") && new RegExp(`^${literal(pattern)}$`, "s").test(item.name)),
    );
    if (hits.length === 0) {
      fail("FILE_INVALID", { where, expected: `one of ${listed(pool.map((item) => item.name))}`, got: JSON.stringify(pattern) });
    }
    for (const hit of hits) kept.add(hit);
  }
  return pool.filter((item) => kept.has(item));
}

const literal = (pattern: string): string =>
  pattern
    .split("*")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");

/** Refuses features that need an order where rows have none. */
export function needsOrder(frame: Frame, feature: string): void {
  if (frame.clock !== "none") return;
  fail("FILE_INVALID", {
    where: `features.${feature}`,
    expected: "rows in order (a machine or time column)",
    got: "rows that stand alone",
  });
}
