/**
 * Blobs over a line that breaks: each attempt goes on where the last one ended, and gives up only after several in a row that brought
 * nothing. What arrives counts when its SHA-256 is right, not before.
 */
import { createHash } from "node:crypto";
import { type BlobWriter, checkedDigest } from "../../core/blobs.js";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { millis } from "../../core/quantities.js";
import type { Answer, Ask, ClientLimits } from "./client.js";
import { refusedOf } from "./network-errors.js";
import { pause } from "./pace.js";

interface Requests {
  readonly request: (ask: Ask) => Promise<Answer>;
}

export interface DownloadTo {
  /** Of BlobStore.writer, or anything that keeps its promises. */
  readonly writer: BlobWriter;
  readonly signal?: AbortSignal;
  /** Bytes that are there, for whoever watches. */
  readonly onBytes?: (received: number) => void;
}

export interface UploadFrom {
  readonly size: number;
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  readonly signal?: AbortSignal;
  readonly onBytes?: (sent: number) => void;
}

/** Pieces below this are gathered before they are written: a TLS record is 16 kB, and a write for each would be most of the work. */
const gather = 262_144;

export async function download(client: Requests, clock: Clock, limits: ClientLimits, sha256: string, to: DownloadTo): Promise<void> {
  const path = `/v1/blobs/${checkedDigest(sha256)}`;
  const { writer, signal } = to;
  await persist(clock, limits, signal, async () => {
    const from = writer.received();
    if (from === writer.size) return "done";
    let pieces: Uint8Array[] = [];
    let waiting = 0;
    const flush = async (): Promise<void> => {
      if (waiting === 0) return;
      const chunk = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
      pieces = [];
      waiting = 0;
      const received = await writer.write(chunk, writer.received());
      to.onBytes?.(received);
    };
    let left = writer.size - from;
    try {
      await client.request({
        method: "GET",
        path,
        headers: { range: `bytes=${from}-` },
        traffic: "bulk",
        ...(signal !== undefined && { signal }),
        onChunk: async (chunk, { status, headers }) => {
          const range = `bytes ${from}-${writer.size - 1}/${writer.size}`;
          if (status !== 206 || headers["content-range"] !== range || chunk.length > left) {
            damaged(path, range, `status ${status}, ${(headers["content-range"] ?? "no range").slice(0, 80)}`);
          }
          left -= chunk.length;
          waiting += chunk.length;
          pieces.push(chunk);
          if (waiting >= gather) await flush();
        },
      });
    } finally {
      // What came before the line broke need not come again.
      await flush();
    }
    if (writer.received() === writer.size) return "done";
    return writer.received() > from ? "more" : "nothing";
  });
  await writer.finish();
}

export async function downloadBytes(
  client: Requests,
  clock: Clock,
  limits: ClientLimits,
  sha256: string,
  size: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (!(Number.isSafeInteger(size) && size >= 0 && size <= 1_073_741_824)) {
    fail("LIMIT_EXCEEDED", { where: `blob ${sha256}`, expected: "at most 1 GiB", got: `${size} bytes` });
  }
  const bytes = new Uint8Array(size);
  let received = 0;
  const writer: BlobWriter = {
    sha256,
    size,
    received: () => received,
    write: async (chunk, offset) => {
      bytes.set(chunk, offset);
      received = offset + chunk.length;
      return received;
    },
    finish: async () => {
      const got = createHash("sha256").update(bytes).digest("hex");
      if (got !== sha256) fail("BLOB_MISMATCH", { where: `blob ${sha256}`, expected: `SHA-256 ${sha256}`, got });
      return { sha256, size };
    },
    abort: async () => {},
  };
  await download(client, clock, limits, sha256, { writer, ...(signal !== undefined && { signal }) });
  return bytes;
}

export async function upload(client: Requests, clock: Clock, limits: ClientLimits, sha256: string, from: UploadFrom): Promise<void> {
  const path = `/v1/uploads/${checkedDigest(sha256)}`;
  const { size, signal } = from;
  const stop = signal === undefined ? {} : { signal };
  let offset: number | undefined;
  await persist(clock, limits, signal, async () => {
    if (offset === undefined) {
      const { headers } = await client.request({ method: "HEAD", path, ...stop });
      const text = headers["upload-offset"] ?? "";
      offset = /^\d{1,15}$/.test(text) ? Number(text) : damaged(path, "an upload-offset", text.slice(0, 40));
      if (offset > size) damaged(path, `an offset of at most ${size}`, text);
      if (headers["upload-complete"] === "?1") return "done";
    }
    const at = offset;
    // Unknown until the answer is there: the piece may have arrived without it.
    offset = undefined;
    const piece = await from.read(at, Math.min(limits.chunkBytes, size - at));
    const ask: Ask = { method: "PUT", path: `${path}?offset=${at}&size=${size}`, bytes: piece, traffic: "bulk", ...stop };
    const { received, complete } = ((await client.request(ask)).json ?? {}) as { received?: unknown; complete?: unknown };
    if (typeof received !== "number" || received < at || received > size)
      damaged(path, `between ${at} and ${size} bytes received`, String(received));
    offset = received;
    from.onBytes?.(received);
    if (complete === true) return "done";
    return received > at ? "more" : "nothing";
  });
}

/** Repeats until done. Attempts that bring something are free; the others are few, and further and further apart. */
async function persist(
  clock: Clock,
  limits: ClientLimits,
  signal: AbortSignal | undefined,
  attempt: () => Promise<"done" | "more" | "nothing">,
): Promise<void> {
  for (let vain = 0; ; ) {
    let wait = 0;
    let last: unknown;
    try {
      const how = await attempt();
      if (how === "done") return;
      vain = how === "more" ? 0 : vain + 1;
    } catch (error) {
      last = error;
      wait = patience(error);
      vain++;
    }
    if (vain === 0) continue;
    if (vain >= limits.attempts) throw last ?? new MillwrightError("TRANSPORT_UNREACHABLE", stuck(vain));
    await pause(clock, millis(Math.max(wait, 125 * (1 << Math.min(vain, 7)))), signal);
  }
}

const stuck = (vain: number) => ({
  expected: "a transfer that goes on",
  got: `${vain} attempts that brought nothing`,
  remedy: "try again later",
});

/** How long to wait after an error; errors that the next attempt would meet again are thrown at once. */
function patience(error: unknown): number {
  if (!(error instanceof MillwrightError)) throw error;
  if (error.code === "TRANSPORT_UNREACHABLE") return 0;
  const refused = refusedOf(error);
  // A gap means that the server stands elsewhere than we thought: it is asked again.
  const passing = refused !== undefined && (refused.status >= 429 || refused.status === 409 || refused.body.code === "ABORTED");
  if (!passing) throw error;
  return refused.body.retryAfterMs;
}

function damaged(where: string, expected: string, got: string): never {
  return fail("TRANSPORT_DAMAGED", { where, expected, got, remedy: "the other end is no coordinator of this version" });
}
