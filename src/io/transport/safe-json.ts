/**
 * JSON from another party: objects without a prototype, no key that reaches one, bounded depth. JSON.parse itself is safe; what is done
 * with its objects later (Object.assign, spreading into options) is not, so the keys are refused at the door.
 */
import { fail } from "../../core/errors.js";

const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/** Errors: REQUEST_INVALID. */
export function parseJson(bytes: Uint8Array, depth = 32): unknown {
  let value: unknown;
  try {
    // fatal: two texts that differ must not become the same value.
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail("REQUEST_INVALID", { where: "body", expected: "JSON in UTF-8", got: "something else" });
  }
  return bare(value, depth);
}

function bare(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) fail("REQUEST_INVALID", { where: "body", expected: "JSON of bounded depth", got: "deeper nesting" });
  if (Array.isArray(value)) return value.map((entry) => bare(entry, depth - 1));
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of Object.entries(value)) {
    if (forbidden.has(key)) fail("REQUEST_INVALID", { where: "body", expected: "keys of the protocol", got: `the key ${key}` });
    result[key] = bare(entry, depth - 1);
  }
  return result;
}
