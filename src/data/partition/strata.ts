/** Classes by which rows or machines are stratified and skewed: their label, or the tenth of the target's range of ranks. */
import type { Dataset } from "../dataset.js";
import type { Run } from "../frame.js";
import type { ResolvedTask } from "../task.js";
import { columnAnswers, eventTimes } from "../windows.js";

const bins = 10;

/** Class of each row: its label for failure, anomaly and class tasks, the decile of its value otherwise. Rows without an answer are class 0. */
export function rowStrata(dataset: Dataset, task: ResolvedTask): Int32Array {
  const answers = columnAnswers(dataset, task);
  if (answers === undefined) return new Int32Array(dataset.readings.rows);
  if (task.spec.kind === "value") return deciles(answers);
  return Int32Array.from(answers, (v) => (Number.isNaN(v) ? 0 : v));
}

/** Class of each machine: its most frequent label, its number of events (failure) or the decile of its mean value or life. */
export function machineStrata(dataset: Dataset, task: ResolvedTask, runs: readonly Run[]): Int32Array {
  const answers = columnAnswers(dataset, task);
  if (task.byEvents) {
    const events = eventTimes(dataset, task, answers);
    if (task.spec.kind === "rul") return deciles(Float64Array.from(runs, (run) => run.to - run.from));
    return Int32Array.from(runs, (run) => Math.min(events(run.machine).length, bins - 1));
  }
  if (answers === undefined) return new Int32Array(runs.length);
  if (task.spec.kind === "value") return deciles(Float64Array.from(runs, (run) => meanOf(answers, run)));
  return Int32Array.from(runs, (run) => mostFrequent(answers, run));
}

function meanOf(values: Float64Array, run: Run): number {
  let sum = 0;
  let count = 0;
  for (let i = run.from; i < run.to; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i];
    count++;
  }
  return sum / count;
}

function mostFrequent(values: Float64Array, run: Run): number {
  const counts = new Map<number, number>();
  for (let i = run.from; i < run.to; i++) if (!Number.isNaN(values[i])) counts.set(values[i], (counts.get(values[i]) ?? 0) + 1);
  let best = 0;
  let most = 0;
  for (const [value, count] of [...counts].sort((a, b) => a[0] - b[0])) {
    if (count > most) {
      best = value;
      most = count;
    }
  }
  return best;
}

/** Equal values share a class, so that ties do not depend on order. */
function deciles(values: Float64Array): Int32Array {
  const known = values.filter((v) => !Number.isNaN(v)).sort();
  const borders = Array.from({ length: bins - 1 }, (_, i) => known[Math.floor(((i + 1) * known.length) / bins)]);
  return Int32Array.from(values, (v) => (Number.isNaN(v) ? 0 : borders.filter((border) => v >= border).length));
}
