/** Errors need a code from the table and say what was expected and got. */
import { type ErrorCode, fail, type MillwrightError } from "../../src/core/errors.js";

export function finite(value: number): number {
  return Number.isFinite(value) ? value : fail("NOT_FINITE", { expected: "a finite number", got: String(value) });
}

// @ts-expect-error not in the table
export const unknown: ErrorCode = "SOMETHING_ELSE";
// @ts-expect-error what was got must be said
export const silent = (): never => fail("NOT_FINITE", { expected: "a finite number" });
// @ts-expect-error got is text
export const raw = (): never => fail("NOT_FINITE", { expected: "a finite number", got: 5 });
export function change(error: MillwrightError): void {
  // @ts-expect-error a code does not change after the fact
  error.code = "INTERNAL";
}
