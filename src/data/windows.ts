/**
 * Where windows lie in a frame, what their answers are, and which part of the split they belong to. Nothing is copied
 * here: a window is the number of its last row.
 */
import { fail } from "../core/errors.js";
import { categoryColumn, columnNamed, numericColumn } from "./columns.js";
import type { Dataset } from "./dataset.js";
import type { History } from "./features/registry.js";
import { clockOf, type Frame, machineRuns } from "./frame.js";
import type { PreparedDataset } from "./prepare.js";
import { countUp } from "./rows.js";
import { type SplitPlan, test, train, unused, validation } from "./split.js";
import { classLabels, type ResolvedTask } from "./task.js";

/** Candidates of one frame. All arrays run over windows, in the order of their last rows. */
export interface Windows {
  readonly lasts: Int32Array;
  /** 1 where the window lies on the stride; 0 for the final window that only a test of last windows uses. */
  readonly onGrid: Uint8Array;
}

/** Windows with a known answer and their place in the split. */
export interface LabelledWindows {
  readonly lasts: Int32Array;
  readonly split: Uint8Array;
  readonly targets: Float64Array;
  /** Clock interval [from, to) the answer is made from. */
  readonly labelTo: Float64Array;
}

/** Places windows: each needs `history.needed` rows of unbroken history, then every `stride` rows. With `final`, the last row of the frame too, however short its history. */
export function placeWindows(frame: Frame, stride: number, needed: number, final: boolean): Windows {
  const lasts: number[] = [];
  const grid: number[] = [];
  for (let row = 0; row < frame.rows; row++) {
    const past = row - frame.runStart[row] + 1;
    const ready = past >= needed && (past - needed) % stride === 0 && ((frame.filled?.[row] ?? 0) & 2) === 0;
    const closing = final && row === frame.rows - 1;
    if (!ready && !closing) continue;
    lasts.push(row);
    grid.push(ready ? 1 : 0);
  }
  return { lasts: Int32Array.from(lasts), onGrid: Uint8Array.from(grid) };
}

/** Event times of each machine, ascending, of the kinds that count. */
export type EventTimes = (machine: number) => Float64Array;

/**
 * Reads the events a task counts: from the table of events, or the times at which the answers (the target column) are
 * positive. Errors: DATA_INVALID, FILE_INVALID for kinds that do not occur.
 */
export function eventTimes(dataset: Dataset, task: ResolvedTask, answers: Float64Array | undefined): EventTimes {
  if (!task.byEvents) return () => new Float64Array(0);
  const kinds = "events" in task.spec ? task.spec.events : undefined;
  const { events } = dataset;
  if (events === undefined) {
    if (kinds !== undefined) fail("FILE_INVALID", { where: "task.events", expected: "a table of events", got: "a target column" });
    return flaggedTimes(dataset, answers ?? new Float64Array(0));
  }
  const time = numericColumn(events, "time", "events.time").values;
  const kind = categoryColumn(events, "kind", "events.kind");
  for (const wanted of kinds ?? []) {
    if (!kind.labels.includes(wanted)) {
      fail("FILE_INVALID", {
        where: "task.events",
        expected: `kinds of events that occur (${kind.labels.join(", ")})`,
        got: JSON.stringify(wanted),
      });
    }
  }
  const byName = new Map<string, number[]>();
  const machine = dataset.machine === undefined ? undefined : categoryColumn(events, "machine", "events.machine");
  for (let i = 0; i < events.rows; i++) {
    if (kinds !== undefined && !kinds.includes(kind.labels[kind.codes[i]])) continue;
    if (Number.isNaN(time[i])) fail("DATA_INVALID", { where: `events, row ${i}`, expected: "a time", got: "a missing value" });
    const name = machine === undefined ? "" : (machine.labels[machine.codes[i]] ?? "");
    const list = byName.get(name);
    if (list === undefined) byName.set(name, [time[i]]);
    else list.push(time[i]);
  }
  const names = dataset.machine === undefined ? [""] : categoryColumn(dataset.readings, dataset.machine, "data.machine").labels;
  const sorted = names.map((name) => Float64Array.from(byName.get(name) ?? []).sort());
  return (code) => sorted[code];
}

function flaggedTimes(dataset: Dataset, answers: Float64Array): EventTimes {
  const { values } = clockOf(dataset);
  const byMachine = new Map<number, Float64Array>();
  for (const run of machineRuns(dataset, countUp(dataset.readings.rows))) {
    const times: number[] = [];
    for (let row = run.from; row < run.to; row++) if (answers[row] === 1 && values !== undefined) times.push(values[row]);
    byMachine.set(run.machine, Float64Array.from(times));
  }
  return (machine) => byMachine.get(machine) ?? new Float64Array(0);
}

/** The answer of each row where it is a column: 0/1, class number or value; NaN where missing. */
export function columnAnswers(dataset: PreparedDataset, task: ResolvedTask): Float64Array | undefined {
  if (task.target === undefined) return undefined;
  const column = columnNamed(dataset.readings, task.target, "task.target");
  const { spec } = task;
  if (spec.kind === "class") {
    if (column.kind === "category") return Float64Array.from(column.codes, (code) => (code < 0 ? Number.NaN : code));
    const labels = classLabels(dataset, task.target);
    const codes = new Map(labels.map((label, code) => [Number(label), code]));
    return Float64Array.from(numericColumn(dataset.readings, task.target, "task.target").values, (v) => codes.get(v) ?? Number.NaN);
  }
  if (spec.kind !== "value") {
    const positive = String(spec.positive ?? 1);
    if (column.kind === "category") {
      if (!column.labels.includes(positive)) {
        fail("FILE_INVALID", {
          where: "task.positive",
          expected: `a label of ${column.name} (${column.labels.join(", ")})`,
          got: positive,
        });
      }
      return Float64Array.from(column.codes, (code) => (code < 0 ? Number.NaN : column.labels[code] === positive ? 1 : 0));
    }
    const wanted = Number(positive);
    const { values } = numericColumn(dataset.readings, task.target, "task.target");
    return values.map((v) => (Number.isNaN(v) ? Number.NaN : v === wanted ? 1 : 0));
  }
  return dataset.asRead?.[task.target] ?? numericColumn(dataset.readings, task.target, "task.target").values;
}

export interface LabelSources {
  readonly task: ResolvedTask;
  readonly history: History;
  readonly split: SplitPlan;
  readonly events: EventTimes;
  readonly answers: Float64Array | undefined;
  /** Rows that may be the last row of an example at this site; all when absent. */
  readonly anchors: Uint8Array | undefined;
  /** Labels of the split that are asked for; all when absent. */
  readonly wanted?: readonly number[] | undefined;
}

/** Answers and split of each window; windows without a known answer, or across a border of the split, are left out. */
export function labelWindows(frame: Frame, windows: Windows, sources: LabelSources): LabelledWindows {
  const lasts: number[] = [];
  const split: number[] = [];
  const targets: number[] = [];
  const labelTo: number[] = [];
  const { task, anchors } = sources;
  const events = sources.events(frame.machine);
  for (let i = 0; i < windows.lasts.length; i++) {
    const last = windows.lasts[i];
    if (anchors !== undefined && anchors[frame.source[last]] === 0) continue;
    const answer = answerOf(frame, last, events, sources);
    if (answer === undefined || Number.isNaN(answer.value)) continue;
    const part = partOf(frame, last, answer.to, sources);
    if (part === unused || sources.wanted?.includes(part) === false) continue;
    const finalOnly = part === test && task.last;
    if (finalOnly ? last !== frame.rows - 1 : windows.onGrid[i] === 0) continue;
    lasts.push(last);
    split.push(part);
    targets.push(answer.value);
    labelTo.push(answer.to);
  }
  return {
    lasts: Int32Array.from(lasts),
    split: Uint8Array.from(split),
    targets: Float64Array.from(targets),
    labelTo: Float64Array.from(labelTo),
  };
}

/** Value and end of the clock interval it is made from. Undefined where the answer lies outside what was observed. */
function answerOf(
  frame: Frame,
  last: number,
  events: Float64Array,
  { task, answers }: LabelSources,
): { value: number; to: number } | undefined {
  const t = frame.time[last] + frame.tick;
  if (task.spec.kind === "rul") {
    const next = events[firstAtLeast(events, frame.time[last])];
    if (next === undefined) return undefined;
    const left = (next - frame.time[last]) / frame.tick;
    const seen = task.cap === undefined ? next : Math.min(next, frame.time[last] + task.cap * frame.tick);
    return { value: left, to: Math.max(t, seen) };
  }
  if (task.horizon !== undefined) {
    const to = t + task.horizon;
    // Not observed to its end: a failure may still come.
    if (to > frame.observedTo) return undefined;
    const next = events[firstAtLeast(events, t)];
    return { value: next !== undefined && next < to ? 1 : 0, to };
  }
  const row = last + task.ahead;
  if (row >= frame.rows || frame.runStart[row] !== frame.runStart[last]) return undefined;
  if (answers === undefined) return { value: 0, to: t };
  if (((frame.filled?.[row] ?? 0) & 1) === 1) return undefined;
  return { value: answers[frame.source[row]], to: frame.time[row] + frame.tick };
}

/** Index of the first of ascending values that is >= bound. */
function firstAtLeast(values: Float64Array, bound: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Part of the split an example belongs to, or `unused`. */
function partOf(frame: Frame, last: number, labelTo: number, { task, history, split }: LabelSources): number {
  const { labels, time } = split;
  const runStart = frame.runStart[last];
  if (time === undefined) {
    const part = labels[frame.source[last]];
    const end = endRow(frame, last, task, labelTo);
    for (let row = Math.max(runStart, last - task.window + 1); row <= end; row++) if (labels[frame.source[row]] !== part) return unused;
    return part;
  }
  const t = frame.time[last] + frame.tick;
  // Where the answer is made: from the end of the window on, or the last row itself when it carries the answer.
  const fixed = task.horizon ?? task.ahead * frame.tick;
  const ownRow = task.horizon === undefined && task.spec.kind !== "rul";
  const labelFrom = ownRow ? frame.time[last] + task.ahead * frame.tick : t;
  const read = time.purge === "history" ? history.read : task.window - 1;
  const firstTime = frame.time[Math.max(runStart, last - read)];
  const clear = (border: number): boolean => labelFrom >= border && (time.purge === "none" || firstTime >= border - fixed);
  if (labelTo <= (time.validation ?? time.test)) return train;
  if (time.validation !== undefined && labelTo <= time.test) return clear(time.validation) ? validation : unused;
  return clear(time.test) ? test : unused;
}

/** Last row of the frame that an answer is made from. */
function endRow(frame: Frame, last: number, task: ResolvedTask, labelTo: number): number {
  if (task.ahead > 0) return last + task.ahead;
  let end = last;
  if (task.horizon !== undefined) while (end + 1 < frame.rows && frame.time[end + 1] < labelTo) end++;
  return end;
}
