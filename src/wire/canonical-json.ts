/**
 * One text per JSON value (RFC 8785, JCS), so that what is signed can be compared byte by byte: keys in order of their UTF-16 code
 * units, no spaces, numbers and strings as ECMAScript writes them. The reader accepts only that text, which leaves no room for repeated
 * keys, other spellings of a number, or a second meaning. Depth and size are bounded.
 */
import { fail } from "../core/errors.js";

export const jsonLimits = { characters: 1 << 24, depth: 64 } as const;

/**
 * The canonical text. A key whose value is undefined is left out, as JSON.stringify does. Errors: MESSAGE_INVALID for what JSON cannot
 * say exactly (NaN, infinities, functions, big integers, lone surrogates, objects with a class), LIMIT_EXCEEDED beyond 64 levels.
 */
export function canonicalJson(value: unknown): string {
  return write(value, jsonLimits.depth, "");
}

/** The value of a canonical text; objects have no prototype. Errors: MESSAGE_INVALID when it is not the canonical text of its value, LIMIT_EXCEEDED. */
export function readCanonicalJson(text: string, where = "JSON"): unknown {
  if (text.length > jsonLimits.characters) {
    fail("LIMIT_EXCEEDED", { where, expected: `at most ${jsonLimits.characters} characters`, got: `${text.length}` });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    fail("MESSAGE_INVALID", { where, expected: "JSON", got: "something else" });
  }
  if (canonicalJson(value) !== text) {
    fail("MESSAGE_INVALID", { where, expected: "canonical JSON (RFC 8785)", got: "another spelling of it" });
  }
  return withoutPrototypes(value);
}

function write(value: unknown, depth: number, where: string): string {
  if (depth === 0) fail("LIMIT_EXCEEDED", { where, expected: `at most ${jsonLimits.depth} levels`, got: "more" });
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) unsayable(where, "a finite number", String(value));
    return JSON.stringify(value);
  }
  if (typeof value === "string") return quote(value, where);
  if (Array.isArray(value)) return `[${value.map((item, i) => write(item, depth - 1, `${where}[${i}]`)).join(",")}]`;
  if (typeof value !== "object") unsayable(where, "a JSON value", typeof value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) unsayable(where, "a plain object", "an object of a class");
  const fields = Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .sort();
  return `{${fields
    .map((key) => `${quote(key, where)}:${write((value as Record<string, unknown>)[key], depth - 1, `${where}.${key}`.slice(-80))}`)
    .join(",")}}`;
}

/** JSON.stringify writes a lone surrogate as an escape, which RFC 8785 forbids. */
function quote(text: string, where: string): string {
  if (/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text)) {
    unsayable(where, "text in Unicode", "a lone surrogate");
  }
  return JSON.stringify(text);
}

function withoutPrototypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPrototypes);
  if (typeof value !== "object" || value === null) return value;
  const bare: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    // Harmless here, and a trap for whoever copies it into an object that has a prototype.
    if (key === "__proto__") unsayable("", "keys other than __proto__", "that one");
    bare[key] = withoutPrototypes(item);
  }
  return bare;
}

function unsayable(where: string, expected: string, got: string): never {
  fail("MESSAGE_INVALID", { where: where === "" ? "JSON" : where.replace(/^\./, ""), expected, got });
}
