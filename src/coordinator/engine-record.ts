/**
 * The record and the blobs as one holder of a lease uses them: every write is refused once the lease has passed on (a fencing token), the
 * state that a commit made is known when the commit is, and what a snapshot replaced goes.
 *
 * Equal frames have equal digests, and whoever is done with one deletes it: so what several nodes may hold (a question, which a shard passes on
 * as it came) is stored under a digest of each owner's own.
 */
import type { BlobStore } from "../core/blobs.js";
import type { Fence, LoggedInput, RecordStore, RoundRow } from "../core/record.js";
import type { Node, NodeState } from "../round/node.js";
import { decodeFrame, encodeFrame } from "../wire/frame.js";
import type { DriverBlobs, DriverOptions } from "./driver.js";

export interface Watched {
  readonly node: Node;
  /** The state that the last commit made: nothing else may be shown to anybody. */
  readonly committed: () => NodeState;
  readonly commit: <T>(write: () => Promise<T>) => Promise<T>;
  /** After a rebuild everything that was applied is in the record. */
  readonly rebuilt: () => void;
}

/** A node whose states are seen as they come. A driver steps and commits in turn, so the latest state is the one a commit is about. */
export function watched(node: Node): Watched {
  let latest = node.initial;
  let committed = node.initial;
  return {
    node: {
      ...node,
      step(state, input, now) {
        const result = node.step(state, input, now);
        latest = result[0];
        return result;
      },
      restore(bytes) {
        latest = node.restore(bytes);
        return latest;
      },
    },
    committed: () => committed,
    async commit(write) {
      const state = latest;
      const result = await write();
      committed = state;
      return result;
    },
    rebuilt() {
      committed = latest;
    },
  };
}

export function fencedRecord(parts: {
  readonly record: RecordStore;
  readonly blobs: Pick<BlobStore, "delete">;
  readonly fence: Fence;
  readonly watch: Watched;
  /** The row as it goes into the record. */
  readonly closing: (row: RoundRow) => Promise<RoundRow>;
}): DriverOptions["record"] {
  const { record, blobs, fence, watch, closing } = parts;
  return {
    run: record.run,
    inputs: record.inputs,
    appendInputs: (run, inputs: readonly LoggedInput[]) => watch.commit(() => record.appendInputs(run, inputs, { fence })),
    async closeRound(run, row, snapshot) {
      const old = (await record.run(run))?.snapshot?.blob;
      await record.closeRound(run, await closing(row), snapshot, { fence });
      if (old !== undefined && old !== snapshot.blob) await blobs.delete(old);
    },
    setRunState: (run, state, error) => record.setRunState(run, state, error, { fence }),
  };
}

const format = "millwright-parent-frame/1";

/** A frame under a digest that is this owner's alone, so that it can be thrown away when its owner is done with it. */
export const ownFrame = (node: string, bytes: Uint8Array): Uint8Array => encodeFrame({ format, node }, bytes);

export function nodeBlobs(blobs: BlobStore): DriverBlobs {
  return {
    put: (bytes) => blobs.put(bytes),
    delete: blobs.delete,
    async get(digest) {
      const bytes = await blobs.get(digest);
      if (bytes === undefined) return undefined;
      const opened = tryFrame(bytes);
      return opened?.header.format === format ? opened.payload : bytes;
    },
  };
}

/** Models and other blobs are no frames. */
function tryFrame(bytes: Uint8Array): ReturnType<typeof decodeFrame> | undefined {
  try {
    return decodeFrame(bytes);
  } catch {
    return undefined;
  }
}
