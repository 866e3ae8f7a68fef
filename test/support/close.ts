/** Agreement to 1e-4 of the larger of 1 and the expected value, place by place. */
import { expect } from "vitest";

export function close(got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++)
    expect(Math.abs(got[i] - expected[i]), `value ${i}: ${got[i]} for ${expected[i]}`).toBeLessThanOrEqual(
      1e-4 * Math.max(1, Math.abs(expected[i])),
    );
}
