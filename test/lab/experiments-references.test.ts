/** Figures that stand beside the models of a value task. */
import { describe, expect, it } from "vitest";
import { lastValueReference } from "../../src/lab/remarks.js";

describe("the last value", () => {
  const answers = (bases: number[] | undefined, values: number[]) => ({
    answers: {
      values: Float64Array.from(values),
      scale: 2,
      offset: 0,
      ...(bases === undefined ? {} : { bases: Float64Array.from(bases) }),
    },
  });

  it("is judged on all sites together", () => {
    const [reference] = lastValueReference([answers([1, 2], [2, 4]), answers([5], [5])]);
    expect(reference.name).toBe("last value");
    expect(reference.metrics.mae).toBeCloseTo(1, 12);
    expect(reference.metrics.rmse).toBeCloseTo(Math.sqrt(5 / 3), 12);
  });

  it("is left out where the model does not predict a difference, and where there is nothing to judge", () => {
    expect(lastValueReference([answers(undefined, [1])])).toEqual([]);
    expect(lastValueReference([answers([], [])])).toEqual([]);
    expect(lastValueReference([{}])).toEqual([]);
  });
});
