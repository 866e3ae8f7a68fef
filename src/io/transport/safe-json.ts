/**
 * JSON from another party: objects without a prototype, no key that reaches one or is said twice, bounded depth. JSON.parse itself is safe;
 * what is done with its objects later (Object.assign, spreading into options) is not, so the keys are refused at the door.
 */
import { fail } from "../../core/errors.js";
import { jsonFault } from "../../wire/json-scan.js";

const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/** Errors: REQUEST_INVALID. */
export function parseJson(bytes: Uint8Array, depth = 32): unknown {
  let value: unknown;
  let text: string;
  try {
    // fatal: two texts that differ must not become the same value.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return fail("REQUEST_INVALID", { where: "body", expected: "JSON in UTF-8", got: "something else" });
  }
  const fault = jsonFault(text, { depth, forbidden });
  if (fault !== undefined) fail("REQUEST_INVALID", { where: "body", expected: "keys of the protocol, once, in bounded depth", got: fault });
  return bare(value);
}

function bare(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(bare);
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of Object.entries(value)) result[key] = bare(entry);
  return result;
}
