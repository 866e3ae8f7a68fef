/**
 * What members may read and write of a coordinator's blobs, with the frames of open tasks among them: those are in memory, made once for
 * everybody, and gone when nobody needs them.
 */
import type { BlobStore } from "../core/blobs.js";
import type { Caller } from "../core/route.js";
import type { BlobAsk } from "../io/transport/blob-routes.js";
import type { Exchange } from "./exchange.js";

export interface TaskFrames {
  /** Bytes of a frame that is open for somebody. */
  readonly find: (sha256: string) => Uint8Array | undefined;
}

/** The store as the network sees it. Frames are only read; everything else is the store's. */
export function withTasks(blobs: BlobStore, frames: TaskFrames): BlobStore {
  return {
    ...blobs,
    has: async (sha256) => frames.find(sha256) !== undefined || blobs.has(sha256),
    stat: async (sha256) => {
      const frame = frames.find(sha256);
      return frame === undefined ? blobs.stat(sha256) : { sha256, size: frame.length };
    },
    get: async (sha256, limit) => frames.find(sha256) ?? blobs.get(sha256, limit),
    read: async (sha256, offset, length) => {
      const frame = frames.find(sha256);
      return frame === undefined ? blobs.read(sha256, offset, length) : frame.subarray(offset, offset + length);
    },
  };
}

/** Blobs that a member may send for one task: its reply, and the reply of a restart that lost the first. */
const uploadsPerTask = 4;

/**
 * A member reads the frame of its own task and writes replies to it, as large as its model makes them and a few of them, so that nobody can
 * fill the disk. Everything else has routes of its own.
 */
export function mayTouch(
  exchange: Pick<Exchange, "taskBytes" | "taskKey">,
  takesPart: (role: Caller["role"]) => boolean,
  frameLimit: () => number,
): (caller: Caller, ask: BlobAsk) => boolean {
  const sent = new Map<string, { readonly key: string; readonly digests: Set<string> }>();
  return (caller, ask) => {
    if (!takesPart(caller.role)) return false;
    if (ask.action === "read") return exchange.taskBytes(caller.name, ask.sha256) !== undefined;
    const key = exchange.taskKey(caller.name);
    if (key === undefined || (ask.size ?? 0) > frameLimit()) return false;
    const before = sent.get(caller.name);
    const digests = before?.key === key ? before.digests : new Set<string>();
    if (!digests.has(ask.sha256) && digests.size >= uploadsPerTask) return false;
    sent.set(caller.name, { key, digests: digests.add(ask.sha256) });
    return true;
  };
}
