/** Tensor inputs (images): copied once per site as f32, normalised by one federated mean and sd where the file asks for it. */
import { fail } from "../core/errors.js";
import { tensorColumn } from "./columns.js";
import type { Dataset, ExampleInput } from "./dataset.js";
import type { FeatureSpec } from "./features/registry.js";
import type { Frame } from "./frame.js";
import type { Scaler } from "./scaler.js";
import { imageKey } from "./statistic.js";
import type { TensorColumn } from "./table.js";
import type { ResolvedTask } from "./task.js";

export interface Tensor {
  readonly column: TensorColumn;
  /** Mean and sd of each channel (last axis), or one pair for all. */
  readonly means: readonly number[];
  readonly sds: readonly number[];
}

/** The tensor input of a data set, if it has one. Without the image feature values stay as they are. Errors: FILE_INVALID. */
export function tensorOf(
  dataset: Dataset,
  task: ResolvedTask,
  features: readonly FeatureSpec[],
  scaler: Scaler | undefined,
): Tensor | undefined {
  const column = tensorColumn(dataset.readings, dataset.inputs);
  const wanted = features.some((feature) => feature.use === "image");
  if (column === undefined) {
    if (wanted) fail("FILE_INVALID", { where: "features", expected: "a tensor input for the image feature", got: "none" });
    return undefined;
  }
  if (!task.tabular)
    fail("FILE_INVALID", { where: "task.window", expected: `no window (${column.name} is one tensor per row)`, got: String(task.window) });
  const scales = imageKeys(column, features).map((key) => scaler?.columns[key]);
  return { column, means: scales.map((s) => s?.mean ?? 0), sds: scales.map((s) => (s === undefined || s.sd === 0 ? 1 : s.sd)) };
}

/** Keys of the moments of a tensor: one for all values or one per channel; value k of a row belongs to key k modulo their number. */
export function imageKeys(column: TensorColumn, features: readonly FeatureSpec[]): string[] {
  const perChannel = features.some((feature) => feature.use === "image" && feature.per === "channel");
  const channels = perChannel ? column.shape[column.shape.length - 1] : 1;
  return Array.from({ length: channels }, (_, c) => (perChannel ? `${imageKey}/${c}` : imageKey));
}

/** Values per example. */
export function tensorSize(column: TensorColumn): number {
  return column.shape.reduce((size, n) => size * n, 1);
}

/** The chosen windows' tensors. Errors: NOT_FINITE. */
export function tensorInput(tensor: Tensor, frames: readonly Frame[], windows: Int32Array): ExampleInput {
  const { column, means, sds } = tensor;
  const channels = means.length;
  const width = tensorSize(column);
  const sourceRows = frames.flatMap((frame) => Array.from(frame.lasts, (last) => frame.source[last]));
  const rows = new Float32Array(windows.length * width);
  windows.forEach((window, i) => {
    const from = sourceRows[window] * width;
    for (let k = 0; k < width; k++) {
      const value = (column.values[from + k] - means[k % channels]) / sds[k % channels];
      if (!Number.isFinite(value))
        fail("NOT_FINITE", { where: `column ${column.name}, row ${sourceRows[window]}`, expected: "finite values", got: String(value) });
      rows[i * width + k] = value;
    }
  });
  return { rows, width, starts: Int32Array.from(windows, (_, i) => i), length: 1, shape: column.shape, names: [column.name] };
}
