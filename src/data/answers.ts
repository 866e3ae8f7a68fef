/** Model outputs of a regression turned back into answers. */
import { fail } from "../core/errors.js";
import { numericColumn } from "./columns.js";
import type { Dataset, Examples } from "./dataset.js";
import type { Frame } from "./frame.js";
import type { ResolvedTask } from "./task.js";

/**
 * Outputs (one per example) in the unit of the answer: rows of remaining life, or the target's own unit.
 * `answers` of the examples tell how: output * scale + offset (+ the last known value where the model predicts a difference).
 *
 * @example
 * ```ts
 * import { inUnits } from "millwright/data";
 *
 * Array.from(inUnits({ answers: { values: new Float64Array(2), scale: 125, offset: 0 } }, [0.5, 1])); // => [62.5, 125]
 * ```
 */
export function inUnits({ answers }: Pick<Examples, "answers">, outputs: ArrayLike<number>): Float64Array {
  const { scale, offset, bases } = answers ?? { scale: 1, offset: 0, bases: undefined };
  return Float64Array.from(outputs, (output, i) => output * scale + offset + (bases?.[i] ?? 0));
}

/**
 * For tasks that predict the difference to the last known value: that value at a row of a frame. Undefined for other tasks.
 * Errors of the function: DATA_INVALID where the value is missing.
 */
export function lastKnown(dataset: Dataset, task: ResolvedTask): ((frame: Frame, last: number) => number) | undefined {
  const { spec, target } = task;
  if (spec.kind !== "value" || spec.residual !== true || target === undefined) return undefined;
  const { values } = numericColumn(dataset.readings, target, "task.target");
  return (frame, last) => {
    const value = values[frame.source[last]];
    if (Number.isFinite(value)) return value;
    return fail("DATA_INVALID", {
      where: `column ${target}, row ${frame.source[last]}`,
      expected: "a last known value to predict the difference to",
      got: "a missing value",
    });
  };
}
