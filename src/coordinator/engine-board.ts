/**
 * What a node wants from its members, where every process can read it: a setting of the record names a blob with the open tasks, and each task
 * names the blob of its frame. It shows a committed state only, and only the holder of the node's lease writes it. A wake-up says
 * that there is a new one; whoever missed it looks again after a while.
 */
import type { BlobStore } from "../core/blobs.js";
import type { Clock } from "../core/ports.js";
import type { Fence, RecordStore, RunState } from "../core/record.js";
import { sha256 } from "../io/crypto/keys.js";
import type { ReferenceQueue } from "../io/engine/queue.js";
import { encodeMessage, keyOf, type Request } from "../round/messages.js";
import type { Waiting } from "../round/node.js";
import { ownFrame } from "./engine-record.js";

export interface Board {
  readonly format: "millwright-board/1";
  /** Run and node: no two boards are the same blob, so each can be thrown away without looking at others. */
  readonly of: string;
  readonly state: RunState;
  /** Blobs that are this board's own for the same reason (see ownFrame). */
  readonly frames: readonly { readonly sha256: string; readonly key: string; readonly size: number }[];
  /** By member: which frame waits for it. */
  readonly tasks: Readonly<Record<string, number>>;
  readonly waiting: Waiting;
  /** Too few members for the round's clock to run. */
  readonly lacking?: { readonly here: number; readonly needed: number };
  /** Until the wait ends by itself, when this was written; absent while the clock stands still. */
  readonly remainingMs?: number;
  /** The protocol's time, when this was written. */
  readonly now: number;
}

export type Shown = Omit<Board, "format" | "of" | "frames" | "tasks"> & {
  readonly pending: readonly { readonly to: string; readonly message: Request }[];
};

const settingOf = (run: string, node: string): string => `board of ${run}/${node}`;
export const boardTopic = (node: string): string => `board.${node}`;

/** The board as it is, or undefined before the first. `last` is the digest that the caller has. */
export async function readBoard(
  { record, blobs }: { readonly record: Pick<RecordStore, "setting">; readonly blobs: Pick<BlobStore, "get"> },
  run: string,
  node: string,
  last?: string,
): Promise<{ readonly sha256: string; readonly board: Board } | "same" | undefined> {
  // The blob goes when the next board is there: then the setting names that one.
  for (let tries = 0; tries < 5; tries++) {
    const named = await record.setting(settingOf(run, node));
    if (named === undefined) return undefined;
    if (named === last) return "same";
    const bytes = await blobs.get(named);
    if (bytes !== undefined) return { sha256: named, board: JSON.parse(new TextDecoder().decode(bytes)) as Board };
  }
  return undefined;
}

export interface BoardWriter {
  readonly write: (shown: Shown) => Promise<void>;
}

/** `previous` is what the last holder left: its frames go when nobody is asked for them any more. */
export async function boardWriter(parts: {
  readonly record: Pick<RecordStore, "setting" | "putSetting">;
  readonly blobs: Pick<BlobStore, "put" | "get" | "delete">;
  readonly queue: ReferenceQueue;
  readonly clock: Clock;
  readonly run: string;
  readonly node: string;
  readonly fence: Fence;
}): Promise<BoardWriter> {
  const { record, blobs, queue, run, node, fence } = parts;
  const found = await readBoard(parts, run, node);
  let before = typeof found === "object" ? { sha256: found.sha256, frames: found.board.frames.map((one) => one.sha256) } : undefined;
  const stored = new WeakMap<Request, Board["frames"][number]>();

  async function frameOf(message: Request): Promise<Board["frames"][number]> {
    const known = stored.get(message);
    if (known !== undefined) return known;
    const bytes = encodeMessage(message);
    const frame = { sha256: (await blobs.put(ownFrame(settingOf(run, node), bytes))).sha256, key: keyOf(message), size: bytes.length };
    stored.set(message, frame);
    return frame;
  }

  return {
    async write({ pending, ...shown }) {
      const frames: Board["frames"][number][] = [];
      const places = new Map<Request, number>();
      const tasks: Record<string, number> = Object.create(null);
      for (const { to, message } of pending) {
        let place = places.get(message);
        if (place === undefined) {
          place = frames.push(await frameOf(message)) - 1;
          places.set(message, place);
        }
        tasks[to] = place;
      }
      const board: Board = { format: "millwright-board/1", of: settingOf(run, node), ...shown, frames, tasks };
      const bytes = new TextEncoder().encode(JSON.stringify(board));
      const digest = sha256(bytes);
      if (digest === before?.sha256) return;
      await blobs.put(bytes);
      await record.putSetting(settingOf(run, node), digest, { fence });
      queue.wake(boardTopic(node));
      const old = before;
      const wanted = new Set(frames.map((one) => one.sha256));
      before = { sha256: digest, frames: [...wanted] };
      if (old === undefined) return;
      for (const frame of old.frames) if (!wanted.has(frame)) await blobs.delete(frame);
      await blobs.delete(old.sha256);
    },
  };
}
