/** `data fetch NAME`: every file of a named data set that is not there yet, each held to its hash. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../../core/errors.js";
import type { SetName } from "../../data/source-spec.js";
import { type DownloadDisk, download } from "./download.js";
import { type DataFile, manifest, type Origin } from "./manifest.js";
import { fileHash, valuesHash } from "./values.js";

export interface FetchOptions {
  /** Replaces https://raw.githubusercontent.com, for a mirror: ORIGIN/owner/repository/commit/path. */
  readonly origin?: string;
  readonly fetch?: typeof fetch;
  readonly disk?: DownloadDisk;
  /** Milliseconds without a byte after which a connection counts as dead. Default 30 s. */
  readonly patience?: number;
  readonly onProgress?: (progress: FetchProgress) => void;
  /** Other files than the manifest's, for a mirror or a test. */
  readonly files?: readonly DataFile[];
}

export interface FetchProgress {
  readonly file: string;
  /** Number of this file, from 1, and of all files. */
  readonly index: number;
  readonly count: number;
  readonly received: number;
  readonly total?: number;
}

export interface FetchReport {
  readonly folder: string;
  readonly fetched: readonly string[];
  /** Were there already, with the right hash. */
  readonly present: readonly string[];
  /** Are not there and cannot be downloaded whole; the user must bring them. */
  readonly missing: readonly { readonly file: string; readonly reason: string }[];
}

const defaultOrigin = "https://raw.githubusercontent.com";

/**
 * Fetches a named data set into `folder`/NAME. Calling it again fetches what is missing and continues what was cut off.
 * Errors: DOWNLOAD_FAILED (connection, length, hash, disk), DATA_INVALID (a file that is there has another hash), LIMIT_EXCEEDED.
 */
export async function fetchDataset(name: SetName, folder: string, options: FetchOptions = {}): Promise<FetchReport> {
  const files = options.files ?? manifest[name];
  const fetched: string[] = [];
  const present: string[] = [];
  const missing: { file: string; reason: string }[] = [];
  for (const [i, file] of files.entries()) {
    const target = safePath(join(folder, name), file.path);
    const there = await firstThere([target, ...(file.also === undefined ? [] : [safePath(join(folder, name), file.also)])]);
    if (there !== undefined) {
      await confirm(there, file, there === target);
      present.push(file.path);
      continue;
    }
    if (file.origin === undefined) {
      missing.push({ file: file.path, reason: file.missing ?? "no origin is known" });
      continue;
    }
    await download(address(file.origin, options.origin), target, {
      bytes: file.bytes,
      fetch: options.fetch,
      disk: options.disk,
      patience: options.patience,
      check: (part) => difference(part, file),
      onBytes: (received, total) =>
        options.onProgress?.({ file: file.path, index: i + 1, count: files.length, received, ...(total !== undefined && { total }) }),
    });
    fetched.push(file.path);
  }
  return { folder: join(folder, name), fetched, present, missing };
}

function address(origin: Origin, base = defaultOrigin): string {
  const path = [...origin.repository.split("/"), origin.commit, ...origin.path.split("/")].map(encodeURIComponent).join("/");
  return `${base.replace(/\/$/, "")}/${path}`;
}

/** A path below a folder; the manifest is ours, but `files` may be somebody's. */
function safePath(folder: string, path: string): string {
  if (path.startsWith("/") || path.includes("\\") || path.split("/").some((piece) => piece === ".." || piece === "")) {
    fail("DOWNLOAD_FAILED", { where: path, expected: "a path inside the data set's folder", got: JSON.stringify(path) });
  }
  return join(folder, ...path.split("/"));
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

/** A file that is there is used only with the right content: a half-written or foreign file would poison every result. */
async function confirm(path: string, file: DataFile, sameName: boolean): Promise<void> {
  // Under its other name the file is gzipped, and what counts is inside.
  const wrong = await difference(path, file, !sameName).catch((cause) => ({ expected: "a readable file", got: String(cause) }));
  if (wrong === undefined) return;
  fail("DATA_INVALID", { where: path, expected: wrong.expected, got: wrong.got, remedy: "remove the file and fetch it again" });
}

async function difference(path: string, file: DataFile, unpack = false): Promise<{ expected: string; got: string } | undefined> {
  if (file.values !== undefined) {
    const got = await valuesHash(path);
    return got === file.values ? undefined : { expected: `values with SHA-256 ${file.values}`, got };
  }
  const expected = file.sha256 ?? [];
  const got = await fileHash(path, unpack);
  return expected.includes(got) ? undefined : { expected: `SHA-256 ${expected.join(" or ")}`, got };
}
