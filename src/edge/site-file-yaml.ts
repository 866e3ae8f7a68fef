/**
 * Reads a YAML or JSON text against a schema, for the files a plant keeps: every fault at once, each with its path, what was expected
 * and what was got. The same manners as the federation file (src/round/file.ts); `page` is where the keys are explained.
 */
import { parseDocument } from "yaml";
import type { z } from "zod";
import { type ErrorDetail, fail, MillwrightError } from "../core/errors.js";

/** Largest file that is read. */
const mostCharacters = 1 << 20;

/** The content of a YAML or JSON text, unchecked. Errors: FILE_INVALID. */
export function yamlOf(text: string, where: string): unknown {
  if (text.length > mostCharacters)
    fail("FILE_INVALID", { where, expected: `at most ${mostCharacters} characters`, got: String(text.length) });
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  if (document.errors.length > 0) {
    const faults = document.errors.slice(0, 20).map((error) => ({
      where: `${where}, line ${error.linePos?.[0].line ?? 1}`,
      expected: "YAML or JSON",
      got: error.message.split("\n")[0].replace(/ at line \d+, column \d+:$/, ""),
    }));
    // One slip often makes the parser say the same several times.
    const different = faults.filter((fault, i) => faults.findIndex((f) => f.where === fault.where && f.got === fault.got) === i);
    throw new MillwrightError("FILE_INVALID", different[0], different);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    return fail("FILE_INVALID", { where, expected: "YAML whose references can be followed", got, cause });
  }
}

/** A value checked against a schema, defaults filled in. Errors: FILE_INVALID with every fault found. */
export function checkedBy<T extends z.ZodType>(schema: T, value: unknown, where: string, page: string): z.output<T> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 50).flatMap((issue) => faultsOf(issue, where, page));
  throw new MillwrightError("FILE_INVALID", faults[0], faults);
}

function faultsOf(issue: z.core.$ZodIssue, where: string, page: string): ErrorDetail[] {
  const path = pathOf(issue.path, where);
  if (issue.code === "unrecognized_keys") {
    const got = issue.keys.map((key) => JSON.stringify(key)).join(", ");
    return [{ where: path, expected: "only known fields", got, remedy: `remove it, or see ${page} for the names` }];
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map((inner) => ({
      where: path,
      expected: inner.message.replace(/^Invalid input: expected /, ""),
      got: "another name",
    }));
  }
  const expected = issue.message
    .replace(/^Invalid (input|option|string): /, "")
    .replace(/^(Too (small|big): )?expected /, "")
    .replace(/, received .*$/, "");
  if (issue.input === undefined && issue.code === "invalid_type")
    return [{ where: path, expected, got: "nothing", remedy: `this field is needed; ${page} shows it` }];
  return [{ where: path, expected: expected === "int" ? "a whole number" : expected, got: short(issue.input) }];
}

function pathOf(path: readonly PropertyKey[], where: string): string {
  if (path.length === 0) return where;
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

function short(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
