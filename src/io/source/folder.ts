/** Where named data sets lie, and what is said when one is not there. */
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../../core/errors.js";

/** MILLWRIGHT_DATA where it is set, else ~/.cache/millwright. */
export function defaultDataRoot(): string {
  const root = process.env.MILLWRIGHT_DATA;
  return root === undefined || root === "" ? join(homedir(), ".cache", "millwright") : root;
}

/** A file of a named data set. Errors: DATA_MISSING naming the command that fetches it. */
export async function setFile(root: string, set: string, ...path: string[]): Promise<string> {
  const file = join(root, set, ...path);
  try {
    await access(file);
  } catch (cause) {
    fail("DATA_MISSING", {
      where: `data set ${set}`,
      expected: `the file ${file}`,
      got: "no such file",
      remedy: `run: millwright data fetch ${set}, or set MILLWRIGHT_DATA to the folder that holds the folder ${set}`,
      cause,
    });
  }
  return file;
}

/** The first of several spellings of a file that is there, for data sets that travel plain or gzipped. */
export async function setFileEither(root: string, set: string, names: readonly string[]): Promise<string> {
  for (const name of names) {
    const file = join(root, set, name);
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) return file;
  }
  return setFile(root, set, names[0]);
}
