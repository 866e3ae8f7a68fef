/** A file as text. */
import { readFileSync } from "node:fs";
import { fail } from "../core/errors.js";

/** Errors: FILE_UNREADABLE with the system's reason. */
export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    fail("FILE_UNREADABLE", { where: path, expected: what, got: (cause as Error).message, remedy: "check the path", cause });
  }
}
