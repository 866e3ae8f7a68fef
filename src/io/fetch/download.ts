/**
 * One file over HTTP, whole or not at all: it grows as NAME.part, which a later call resumes with a Range request, and
 * becomes NAME only after its length and hash are right and it is on the disk (fsync of file, rename, fsync of folder).
 *
 * Left behind after a failure: nothing, or a NAME.part whose bytes came from the origin and can be continued.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fail, MillwrightError } from "../../core/errors.js";

/** The file operations of a download, so that a test can let the disk be full. */
export interface DownloadDisk {
  open(path: string, flags: string): Promise<Pick<FileHandle, "write" | "sync" | "close">>;
  rename(from: string, to: string): Promise<void>;
}

export interface DownloadOptions {
  /** Length in bytes where it is known beforehand. */
  readonly bytes?: number;
  /** Refuses anything longer than this. */
  readonly limit?: number;
  /** Milliseconds without a byte after which the connection counts as dead. */
  readonly patience?: number;
  readonly fetch?: typeof fetch;
  readonly disk?: DownloadDisk;
  /** Bytes that are there, and in all where that is known. */
  readonly onBytes?: (received: number, total: number | undefined) => void;
  /** Says what is wrong with the finished .part, or undefined. */
  readonly check: (part: string) => Promise<{ readonly expected: string; readonly got: string } | undefined>;
}

const realDisk: DownloadDisk = { open, rename };

/** Downloads `url` to `target`. Errors: DOWNLOAD_FAILED, LIMIT_EXCEEDED. */
export async function download(url: string, target: string, options: DownloadOptions): Promise<void> {
  const part = `${target}.part`;
  const disk = options.disk ?? realDisk;
  await mkdir(dirname(target), { recursive: true });
  const have = await sizeOf(part);
  // A .part that is already as long as the file should be is only in want of its check.
  if (have === 0 || have !== options.bytes) await receive(url, part, have, disk, options);
  const size = await sizeOf(part);
  if (options.bytes !== undefined && size !== options.bytes) {
    await rm(part, { force: true });
    refuse(url, `${options.bytes} bytes`, `${size} bytes`, "the origin has changed; nothing was kept");
  }
  const wrong = await options.check(part);
  if (wrong !== undefined) {
    await rm(part, { force: true });
    refuse(url, wrong.expected, wrong.got, "the file is not the one this version knows; nothing was kept");
  }
  try {
    await disk.rename(part, target);
    await syncFolder(dirname(target));
  } catch (cause) {
    refuse(url, `the file ${target}`, reason(cause), "run the same command again: the bytes are there already", cause);
  }
}

async function receive(url: string, part: string, have: number, disk: DownloadDisk, options: DownloadOptions): Promise<void> {
  const stop = new AbortController();
  const watch = watchdog(stop, options.patience ?? 30_000);
  try {
    // identity: a length and a range mean bytes of the file, not of some encoding of it.
    const headers: Record<string, string> = { "accept-encoding": "identity", ...(have > 0 && { range: `bytes=${have}-` }) };
    const response = await (options.fetch ?? fetch)(url, { headers, signal: stop.signal }).catch((cause) => {
      const why = unreachable(cause);
      if (why === undefined) throw cause;
      const ways = "check the network, name a mirror with --origin URL, or bring the file from a machine that can reach it, to";
      return refuse(url, `an answer from ${new URL(url).host}`, `none: ${why} (${reason(cause)})`, `${ways} ${dirname(part)}`, cause);
    });
    const plan = await judge(url, response, part, have, options);
    if (plan === "again") {
      await response.body?.cancel();
      watch.end();
      return await receive(url, part, 0, disk, options);
    }
    await keep(url, response, part, plan, disk, options, watch.reset);
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    refuse(url, "the whole file", reason(cause), "run the same command again: it continues where this stopped", cause);
  } finally {
    watch.end();
  }
}

interface Plan {
  readonly from: number;
  readonly total: number | undefined;
}

/** What an answer means: where its bytes go, or that the .part is of no use and the file must be asked for whole. */
async function judge(url: string, response: Response, part: string, have: number, options: DownloadOptions): Promise<Plan | "again"> {
  if (response.status === 416 && have > 0) {
    await rm(part, { force: true });
    return "again";
  }
  if (response.status !== 200 && response.status !== 206) refuse(url, "status 200", `status ${response.status}`, "try later");
  const encoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
  const length = encoded ? undefined : lengthOf(response.headers.get("content-length"));
  if (response.status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    if (encoded || range === null || Number(range[1]) !== have) {
      if (have === 0) refuse(url, "the whole file", "a part of it", "try later");
      await rm(part, { force: true });
      return "again";
    }
    return checked(url, { from: have, total: length === undefined ? undefined : have + length }, part, options);
  }
  return checked(url, { from: 0, total: length }, part, options);
}

async function checked(url: string, plan: Plan, part: string, options: DownloadOptions): Promise<Plan> {
  const limit = options.limit ?? 536_870_912;
  if (plan.total !== undefined && plan.total > limit) {
    fail("LIMIT_EXCEEDED", { where: url, expected: `at most ${limit} bytes`, got: `${plan.total}` });
  }
  if (options.bytes !== undefined && plan.total !== undefined && plan.total !== options.bytes) {
    await rm(part, { force: true });
    refuse(url, `${options.bytes} bytes`, `an answer of ${plan.total} bytes`, "the origin has changed; nothing was kept");
  }
  return plan;
}

async function keep(
  url: string,
  response: Response,
  part: string,
  plan: Plan,
  disk: DownloadDisk,
  options: DownloadOptions,
  alive: () => void,
): Promise<void> {
  const limit = options.limit ?? 536_870_912;
  let received = plan.from;
  try {
    const handle = await disk.open(part, plan.from > 0 ? "a" : "w");
    try {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        alive();
        received += chunk.length;
        if (received > limit) fail("LIMIT_EXCEEDED", { where: url, expected: `at most ${limit} bytes`, got: "more" });
        for (let done = 0; done < chunk.length; ) done += (await handle.write(chunk, done)).bytesWritten;
        options.onBytes?.(received, plan.total ?? options.bytes);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const full = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
    // A full disk wants its space back; a limit that is exceeded will be exceeded again.
    if (full || cause instanceof MillwrightError) await rm(part, { force: true });
    if (full) refuse(url, "room on the disk", String(code), "free some space; the partial file was removed", cause);
    throw cause;
  }
  if (plan.total !== undefined && received < plan.total) {
    refuse(url, `${plan.total} bytes`, `${received} bytes`, "run the same command again: it continues where this stopped");
  }
}

/** Aborts after a time without life. */
function watchdog(stop: AbortController, patience: number): { readonly reset: () => void; readonly end: () => void } {
  const arm = () => setTimeout(() => stop.abort(new Error(`nothing arrived for ${patience} ms`)), patience);
  let timer = arm();
  return {
    reset() {
      clearTimeout(timer);
      timer = arm();
    },
    end() {
      clearTimeout(timer);
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (info) => info.size,
    () => 0,
  );
}

/** Puts the new name itself on the disk. Some systems cannot open a folder; there the rename is as durable as they make it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  try {
    await handle?.sync();
  } catch (cause) {
    if (!["EINVAL", "EPERM", "EISDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
  } finally {
    await handle?.close();
  }
}

function lengthOf(header: string | null): number | undefined {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** What the system says where nobody can be talked to at all; such a download has not begun. */
const noWay: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name is not known here",
  EAI_AGAIN: "its name cannot be looked up now",
  ECONNREFUSED: "it refuses connections",
  ENETUNREACH: "there is no network to it",
  EHOSTUNREACH: "there is no way to it",
  ETIMEDOUT: "it does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
};

/** Why the origin cannot be reached, or undefined where the failure is another one. */
function unreachable(cause: unknown): string | undefined {
  for (let error = cause, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (Object.hasOwn(noWay, code)) return noWay[code];
  }
  return undefined;
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

function refuse(url: string, expected: string, got: string, remedy: string, cause?: unknown): never {
  fail("DOWNLOAD_FAILED", { where: url, expected, got, remedy, ...(cause !== undefined && { cause }) });
}
