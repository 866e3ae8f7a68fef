/** Model outputs of a regression turned back into answers. */
import type { Examples } from "./dataset.js";

/** Outputs (one per example) in the unit of the answer: rows of remaining life, or the target's own unit. */
export function inUnits({ answers }: Pick<Examples, "answers">, outputs: ArrayLike<number>): Float64Array {
  const { scale, offset, bases } = answers ?? { scale: 1, offset: 0, bases: undefined };
  return Float64Array.from(outputs, (output, i) => output * scale + offset + (bases?.[i] ?? 0));
}
