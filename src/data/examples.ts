/** A site's examples for training, validation and test. */
import { fail } from "../core/errors.js";
import { lastKnown } from "./answers.js";
import { assemble } from "./assemble.js";
import { categoryColumn } from "./columns.js";
import type { Answers, Dataset, Examples } from "./dataset.js";
import { applyFeatures } from "./features/registry.js";
import type { Frame } from "./frame.js";
import type { SitePart } from "./partition/partition.js";
import { type DataPlan, type ResolvedPlan, resolvePlan } from "./plan.js";
import type { PreparedDataset } from "./prepare.js";
import { planUnits, unitsOf } from "./privacy-units.js";
import type { Scaler } from "./scaler.js";
import { checkVolume, emptyFrame } from "./shapes.js";
import { type WindowedFrame, windowed } from "./site-frames.js";
import { test, train, validation } from "./split.js";
import { targetKey } from "./statistic.js";
import { tensorOf } from "./tensor.js";
import { columnAnswers } from "./windows.js";

/** A site's examples by part of the split. No window lies in two parts. */
export interface SiteExamples {
  readonly train: Examples;
  readonly validation: Examples;
  readonly test: Examples;
}

const splitLabels = { train, validation, test } as const;

/** One example of the site: where it is and what its answer is. */
interface Item {
  readonly frame: Frame;
  readonly last: number;
  readonly target: number;
  readonly labelTo: number;
}

/**
 * Cuts, scales and labels a site's windows. `only` leaves the other parts of the split empty, at a fraction of the time.
 * Errors: DATA_INVALID, DATA_EMPTY, LIMIT_EXCEEDED, FILE_INVALID.
 *
 * @example
 * ```ts
 * import { addStatistics, fitScaler, partitionSites, siteExamples, siteStatistic } from "millwright/data";
 *
 * const parts = partitionSites(dataset, plan, 7);
 * const scaler = fitScaler(parts.map((part) => siteStatistic(part, plan)).reduce(addStatistics));
 * const { train, test } = siteExamples(parts[0], scaler, plan);
 * train.count > test.count && test.count > 0; // => true
 * train.inputs.sequence.shape; // => [8, 1]
 * ```
 */
export function siteExamples(part: SitePart, scaler: Scaler, plan: DataPlan, only?: readonly (keyof SiteExamples)[]): SiteExamples {
  const resolved = resolvePlan(plan, part.dataset);
  const answers = resolved.task.spec.kind === "anomaly" ? columnAnswers(part.dataset, resolved.task) : undefined;
  const found = windowed(part, plan, only?.map((name) => splitLabels[name]) ?? [train, validation, test]);
  const bases = residualBases(found, part, resolved);
  const frames = found.map(({ frame }) => frame);
  checkVolume(part.site, part.dataset, resolved, frames);
  for (const frame of frames) applyFeatures(frame, resolved.features, { scaler });
  const assembled = assemble(
    frames.length > 0 ? frames : [emptyFrame(part.dataset, resolved)],
    tensorOf(part.dataset, resolved.task, resolved.features, scaler),
  );
  const items = found.flatMap(({ frame, labelled }) =>
    Array.from(labelled.lasts, (last, i): Item => ({ frame, last, target: labelled.targets[i], labelTo: labelled.labelTo[i] })),
  );
  const split = found.flatMap(({ labelled }) => Array.from(labelled.split));
  const scale = targetScale(resolved, scaler);
  const flags = answers === undefined ? undefined : rowFlags(frames, assembled.rowAt, assembled.sequenceRows, answers);
  const units = planUnits(part.dataset, machineCount(part.dataset), resolved.task.horizon ?? resolved.task.ahead * resolved.task.tick);

  const of = (label: number): Examples => {
    const chosen = Int32Array.from(split.flatMap((part, i) => (part === label ? [i] : [])));
    const mine = Array.from(chosen, (i) => items[i]);
    return {
      count: mine.length,
      inputs: assembled.take(chosen),
      ...targetsOf(mine, chosen, resolved, scale, bases),
      ...(flags === undefined ? {} : { flags }),
      machines: Int32Array.from(mine, (item) => item.frame.machine),
      times: Float64Array.from(mine, (item) => item.frame.time[item.last]),
      ...unitsRead(mine, resolved, part.dataset, units),
    };
  };
  return { train: of(train), validation: of(validation), test: of(test) };
}

/** How the answers of a regression are scaled: RUL by its cap (or the largest training life), values by mean and sd, differences by sd alone. */
function targetScale({ task }: ResolvedPlan, scaler: Scaler): { offset: number; scale: number } | undefined {
  const { spec } = task;
  if (spec.kind !== "rul" && spec.kind !== "value") return undefined;
  if (task.cap !== undefined) return { offset: 0, scale: task.cap };
  const measured = scaler.columns[targetKey];
  if (measured === undefined) fail("DATA_EMPTY", { where: "task", expected: "training examples with an answer", got: "none at any site" });
  if (spec.kind === "rul") return { offset: 0, scale: measured.max > 0 ? measured.max : 1 };
  return { offset: spec.residual === true ? 0 : measured.mean, scale: measured.sd > 0 ? measured.sd : 1 };
}

function targetsOf(
  items: readonly Item[],
  chosen: Int32Array,
  { task }: ResolvedPlan,
  scale: { offset: number; scale: number } | undefined,
  bases: Float64Array | undefined,
): Pick<Examples, "targets" | "targetWidth" | "answers"> {
  if (scale === undefined) return { targets: Float32Array.from(items, (item) => item.target), targetWidth: 1 };
  const values = Float64Array.from(items, (item) => item.target);
  const base = bases === undefined ? undefined : Float64Array.from(chosen, (i) => bases[i]);
  const cap = task.cap ?? Number.POSITIVE_INFINITY;
  const targets = Float32Array.from(values, (value, i) => (Math.min(value, cap) - scale.offset - (base?.[i] ?? 0)) / scale.scale);
  const answers: Answers = { values, ...scale, ...(base === undefined ? {} : { bases: base }) };
  return { targets, targetWidth: 1, answers };
}

/** Last known value of the target at each window, for tasks that predict the difference to it. */
function residualBases(found: readonly WindowedFrame[], part: SitePart, { task }: ResolvedPlan): Float64Array | undefined {
  const base = lastKnown(part.dataset, task);
  if (base === undefined) return undefined;
  return Float64Array.from(found.flatMap(({ frame, labelled }) => Array.from(labelled.lasts, (last) => base(frame, last))));
}

function rowFlags(frames: readonly Frame[], rowAt: readonly Int32Array[], rows: number, answers: Float64Array): Uint8Array {
  const flags = new Uint8Array(rows).fill(255);
  frames.forEach((frame, f) => {
    rowAt[f]?.forEach((at, row) => {
      const answer = answers[frame.source[row]];
      if (at >= 0 && !Number.isNaN(answer)) flags[at] = answer;
    });
  });
  return flags;
}

function unitsRead(
  items: readonly Item[],
  { history, features }: ResolvedPlan,
  dataset: PreparedDataset,
  plan: ReturnType<typeof planUnits>,
) {
  const offsets = new Int32Array(items.length + 1);
  const ids: number[] = [];
  const own = features.reduce((rows, spec) => (spec.use === "scale" && spec.own !== undefined ? Math.max(rows, spec.own.rows) : rows), 0);
  items.forEach(({ frame, last, labelTo }, i) => {
    unitsOf(frame, last, history.read, labelTo, plan, dataset.fillSpan ?? 0, own, ids);
    offsets[i + 1] = ids.length;
  });
  return { unitOffsets: offsets, unitIds: Int32Array.from(ids) };
}

function machineCount(dataset: Dataset): number {
  return dataset.machine === undefined ? 1 : categoryColumn(dataset.readings, dataset.machine, "data.machine").labels.length;
}
