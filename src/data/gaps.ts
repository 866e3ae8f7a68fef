/** Gaps in the readings of a machine, treated by the rules described in src/data/prepare.ts. */
import { parseDuration } from "../core/duration.js";
import { fail } from "../core/errors.js";
import { columnNamed, numericColumn } from "./columns.js";
import { machineRuns, type Run } from "./frame.js";
import type { GapsSpec, PreparedDataset } from "./prepare.js";
import { countUp, gatheredCodes } from "./rows.js";
import type { Column } from "./table.js";

/** Where each row of the result comes from. */
interface Layout {
  /** Row of the readings, or of the last reading before a made row. */
  readonly from: number[];
  /** Number of the made row after that reading (0: the reading itself). */
  readonly made: number[];
  readonly restarts: number[];
}

export function fillGaps(dataset: PreparedDataset, gaps: GapsSpec | undefined, rowLimit: number): PreparedDataset {
  if (dataset.time === undefined || (dataset.step === undefined && gaps === undefined)) return dataset;
  const time = numericColumn(dataset.readings, dataset.time, "data.time").values;
  const fills = gaps?.rule === "hold" || gaps?.rule === "interpolate";
  if (gaps !== undefined && dataset.step === undefined && gaps.rule !== "drop") {
    fail("FILE_INVALID", { where: "gaps", expected: "a regular clock", got: "data without a step", remedy: "resample first" });
  }
  const step = dataset.step ?? 1;
  const limit =
    gaps?.limit === undefined ? (gaps?.rule === "drop" ? Number.POSITIVE_INFINITY : 0) : parseDuration(gaps.limit, "gaps.limit");
  const inputs = dataset.inputs.flatMap((name) => {
    const column = columnNamed(dataset.readings, name, "data.inputs");
    return column.kind === "number" ? [column.values] : [];
  });
  const holes = gaps === undefined ? undefined : (row: number): boolean => inputs.some((values) => Number.isNaN(values[row]));
  if (!fills && !anyHole(inputs, gaps !== undefined, dataset.readings.rows)) return broken(dataset, time, step, limit);
  const layout: Layout = { from: [], made: [], restarts: [] };
  const all = countUp(dataset.readings.rows);
  for (const run of machineRuns(dataset, all)) {
    layRun(layout, run, time, step, limit, gaps?.rule ?? "break", fills ? undefined : holes);
    if (layout.from.length > rowLimit) {
      fail("LIMIT_EXCEEDED", { where: "gaps", expected: `at most ${rowLimit} rows after filling`, got: String(layout.from.length) });
    }
  }
  const filled = Uint8Array.from(layout.made, (n) => (n > 0 ? (gaps?.rule === "interpolate" ? 3 : 1) : 0));
  const columns = dataset.readings.columns.map((column) => rebuild(column, layout, step, column.name === dataset.time));
  const result: PreparedDataset = {
    ...dataset,
    readings: { rows: layout.from.length, columns },
    restarts: Uint8Array.from(layout.restarts),
    filled,
    ...(fills ? { fillSpan: limit } : {}),
  };
  if (!fills) return result;
  const asRead = Object.fromEntries(
    result.readings.columns.flatMap((c) =>
      c.kind === "number" && result.inputs.includes(c.name) ? [[c.name, c.values.slice()] as const] : [],
    ),
  );
  fillCells(result, gaps.rule === "interpolate", Math.floor(limit / step), step);
  return { ...result, asRead };
}

function anyHole(inputs: readonly Float64Array[], treated: boolean, rows: number): boolean {
  if (!treated) return false;
  for (const values of inputs) for (let row = 0; row < rows; row++) if (Number.isNaN(values[row])) return true;
  return false;
}

/** The common case of readings that stay as they are: only mark where history breaks. */
function broken(dataset: PreparedDataset, time: Float64Array, step: number, limit: number): PreparedDataset {
  const restarts = new Uint8Array(dataset.readings.rows);
  let any = false;
  for (const run of machineRuns(dataset, countUp(dataset.readings.rows))) {
    for (let row = run.from + 1; row < run.to; row++) {
      if (time[row] - time[row - 1] - step <= limit) continue;
      restarts[row] = 1;
      any = true;
    }
  }
  return any ? { ...dataset, restarts } : dataset;
}

/** Decides for one machine which rows stay, which are made, and where history breaks. */
function layRun(
  layout: Layout,
  run: Run,
  time: Float64Array,
  step: number,
  limit: number,
  rule: GapsSpec["rule"],
  holes?: (row: number) => boolean,
): void {
  let previous = -1;
  for (let row = run.from; row < run.to; row++) {
    if (holes?.(row) === true) continue;
    let broken = 0;
    if (previous >= 0) {
      const distance = time[row] - time[previous];
      if (distance > step) {
        if (distance - step > limit) broken = 1;
        else if (rule === "hold" || rule === "interpolate") {
          const missing = distance / step - 1;
          if (!Number.isInteger(missing)) {
            fail("DATA_INVALID", {
              where: `machine ${JSON.stringify(run.name)}, time ${time[row]}`,
              expected: `readings ${step} ms apart`,
              got: `${distance} ms`,
              remedy: "resample first",
            });
          }
          for (let n = 1; n <= missing; n++) {
            layout.from.push(previous);
            layout.made.push(n);
            layout.restarts.push(0);
          }
        } else if (rule === "break") broken = 1;
      }
    }
    layout.from.push(row);
    layout.made.push(0);
    layout.restarts.push(broken);
    previous = row;
  }
}

/** Made rows: time continues, labels are held, numbers are missing until filled. */
function rebuild(column: Column, { from, made }: Layout, step: number, clock: boolean): Column {
  if (column.kind === "category") return { ...column, codes: gatheredCodes(column.codes, from) };
  if (column.kind === "tensor") {
    fail("FILE_INVALID", { where: "gaps", expected: "number and category columns", got: `tensor ${column.name}` });
  }
  const values = Float64Array.from(from, (row, i) =>
    made[i] === 0 ? column.values[row] : clock ? column.values[row] + made[i] * step : Number.NaN,
  );
  return { ...column, values };
}

/** Fills missing inputs of made and of real rows, in place, within runs and up to `limit` rows. */
function fillCells(dataset: PreparedDataset, interpolate: boolean, limit: number, step: number): void {
  const all = countUp(dataset.readings.rows);
  const time = numericColumn(dataset.readings, dataset.time as string, "data.time").values;
  const { restarts, filled } = dataset as { restarts: Uint8Array; filled: Uint8Array };
  for (const run of machineRuns(dataset, all)) {
    for (const name of dataset.inputs) {
      const column = columnNamed(dataset.readings, name, "data.inputs");
      if (column.kind !== "number") continue;
      const { values } = column;
      let known = -1;
      for (let row = run.from; row < run.to; row++) {
        if (restarts[row] === 1) known = -1;
        if (Number.isNaN(values[row])) {
          // Holding needs no later reading, so it never waits to see how long the gap will be.
          if (!interpolate && known >= 0 && time[row] - time[known] <= limit * step) values[row] = values[known];
          continue;
        }
        if (interpolate && known >= 0 && row - known - 1 <= limit) {
          for (let i = known + 1; i < row; i++) {
            const share = (time[i] - time[known]) / (time[row] - time[known]);
            values[i] = values[known] + share * (values[row] - values[known]);
            filled[i] |= 2;
          }
        }
        known = row;
      }
    }
  }
  isolateOpenRows(dataset, restarts, filled);
}

/** A row that still lacks an input belongs to no window: history breaks before and after it. */
function isolateOpenRows(dataset: PreparedDataset, restarts: Uint8Array, filled: Uint8Array): void {
  const open = new Uint8Array(dataset.readings.rows);
  for (const name of dataset.inputs) {
    const column = columnNamed(dataset.readings, name, "data.inputs");
    if (column.kind !== "number") continue;
    for (let row = 0; row < open.length; row++) if (Number.isNaN(column.values[row])) open[row] = 1;
  }
  for (let row = 0; row < open.length; row++) {
    if (open[row] === 0) continue;
    filled[row] |= 3;
    restarts[row] = 1;
    if (row + 1 < restarts.length) restarts[row + 1] = 1;
  }
}
