/** What may be kept: every store refuses the same values, so that none keeps what another would change or lose. */
import { fail } from "../../core/errors.js";

/** Longest text of a key column, a name, a reason. PEM certificates and settings have their own. */
export const textLimit = 1000;
export const longTextLimit = 65_536;

const lone = /\p{Surrogate}/u;

/** Whether a value can be in a store at all: what cannot be there is not looked for. */
export function storable(value: unknown): boolean {
  return typeof value !== "string" || !(value.includes("\u0000") || lone.test(value));
}

/** PostgreSQL cannot keep U+0000, and no store keeps half a surrogate pair. */
export function text(where: string, value: string, limit = textLimit): string {
  if (typeof value !== "string") fail("RECORD_INVALID", { where, expected: "a text", got: typeof value });
  if (value.length > limit) {
    fail("LIMIT_EXCEEDED", { where, expected: `at most ${limit} characters`, got: String(value.length) });
  }
  if (!storable(value)) {
    fail("RECORD_INVALID", { where, expected: "Unicode text without U+0000", got: JSON.stringify(value.slice(0, 60)) });
  }
  return value;
}

/** A text that names something. */
export function name(where: string, value: string): string {
  if (text(where, value, 200) === "") fail("RECORD_INVALID", { where, expected: "a name", got: "an empty text" });
  return value;
}

export function hash(where: string, value: string): string {
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) {
    fail("RECORD_INVALID", { where, expected: "64 hexadecimal digits of a SHA-256", got: JSON.stringify(String(value).slice(0, 80)) });
  }
  return value;
}

export function whole(where: string, value: number, least = 0): number {
  if (!Number.isSafeInteger(value) || value < least) {
    fail("RECORD_INVALID", { where, expected: `a whole number from ${least}`, got: String(value) });
  }
  return value;
}

export function finite(where: string, value: number): number {
  if (!Number.isFinite(value)) fail("RECORD_INVALID", { where, expected: "a finite number", got: String(value) });
  // SQLite keeps no negative zero.
  return value + 0;
}

export function oneOf<T extends string>(where: string, value: T, among: readonly T[]): T {
  if (!among.includes(value)) fail("RECORD_INVALID", { where, expected: among.join(", "), got: JSON.stringify(value) });
  return value;
}

/** JSON text of plain data. Keys whose value is undefined are left out; numbers must be finite, since JSON would make null of them. */
export function json(where: string, value: unknown, limit: number): string {
  const written = JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === "number" && !Number.isFinite(one)) {
      fail("RECORD_INVALID", { where, expected: "finite numbers", got: String(one) });
    }
    if (typeof one === "bigint" || typeof one === "function" || typeof one === "symbol") {
      fail("RECORD_INVALID", { where, expected: "plain data", got: typeof one });
    }
    return one;
  });
  if (written === undefined) fail("RECORD_INVALID", { where, expected: "plain data", got: "undefined" });
  // JSON.stringify escapes lone surrogates and U+0000, so the text itself is sound.
  if (written.length > limit)
    fail("LIMIT_EXCEEDED", { where, expected: `at most ${limit} characters of JSON`, got: String(written.length) });
  return written;
}

/** Reads what `json` wrote. */
export function parsed<T>(where: string, written: string): T {
  try {
    return JSON.parse(written) as T;
  } catch (cause) {
    return fail("RECORD_DAMAGED", { where, expected: "JSON", got: JSON.stringify(written.slice(0, 60)), cause });
  }
}

/** An optional field: absent is null in a row. */
export function orNull<T, R>(value: T | undefined, make: (value: T) => R): R | null {
  return value === undefined ? null : make(value);
}
