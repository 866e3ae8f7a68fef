/** Reading and writing the command's own files: results and reports. Writes go to a neighbour first and are renamed, so no half file is left. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../core/errors.js";
import type { AnyResult } from "../show/view.js";

/** Largest result file that is read: ten seeds of a hundred sites stay far below. */
const resultLimit = 256 * 1024 * 1024;

export function writeWhole(path: string, content: string | Uint8Array): void {
  const part = `${path}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(part, content);
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    fail("FILE_UNWRITABLE", { where: path, expected: "a place that can be written", got: reason(cause), cause });
  }
}

export function readText(path: string, limit = resultLimit): string {
  try {
    const { size } = statSync(path);
    if (size > limit) fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limit} bytes`, got: `${size} bytes` });
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && typeof cause.code === "string" && "syscall" in cause) {
      fail("FILE_UNREADABLE", { where: path, expected: "a file that can be read", got: reason(cause), cause });
    }
    throw cause;
  }
}

/** A file of a run, where its folder is named instead. */
export function inRun(path: string, name: string): string {
  const inside = join(path, name);
  return existsSync(inside) ? inside : path;
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A result written by `simulate`. Errors: FILE_UNREADABLE, DATA_INVALID where it is something else. */
export function readResult(given: string): AnyResult {
  const path = inRun(given, "result.json");
  const text = readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    fail("FILE_UNREADABLE", { where: path, expected: "a result JSON written by `millwright simulate`", got: reason(cause), cause });
  }
  const format = isRecord(value) ? value.format : undefined;
  if (isRecord(value)) {
    if (format === "millwright-result/1" && isRecord(value.scenarios) && isRecord(value.headline) && isRecord(value.environment)) {
      return value as unknown as AnyResult;
    }
    if (format === "millwright-seeds/1" && isRecord(value.scenarios) && Array.isArray(value.runs) && value.runs.length > 0) {
      return value as unknown as AnyResult;
    }
  }
  fail("DATA_INVALID", {
    where: path,
    expected: 'a result with format "millwright-result/1" or "millwright-seeds/1"',
    got: format === undefined ? "JSON without a format" : `format ${JSON.stringify(format)}`,
    remedy: "give the result.json that `millwright simulate` wrote",
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
