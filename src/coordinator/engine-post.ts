/**
 * Replies on their way to the node that counts them. What a member is told is durable: the frame is a blob, a row of the record's outbox
 * names it under the digest of (run, node, member, key, frame), and only then anybody is acknowledged. The queue gets the row's reference;
 * whatever it loses is published again from the outbox until the row is done. Repeats have the same id, so they are one row.
 */
import type { Clock } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { OutboxEntry, RecordStore } from "../core/record.js";
import { sha256 } from "../io/crypto/keys.js";
import type { Reference, ReferenceQueue } from "../io/engine/queue.js";

export interface Posted {
  readonly from: string;
  readonly key: string;
  /** The frame's digest; the blob is durable. */
  readonly blob: string;
}

export interface Post {
  /** Resolved: the row is in the record. */
  readonly send: (node: string, posted: Posted) => Promise<void>;
  /** Publishes what is not done: new rows at once, others after `republish`. Gives what the queue did not take to `take`. */
  readonly sweep: (take: (node: string, reference: Reference) => void) => Promise<void>;
  /** The row is done: what it tells of is counted, or will never count. */
  readonly done: (id: string) => Promise<void>;
  readonly trouble: () => string | undefined;
}

export interface PostOptions {
  readonly run: string;
  readonly record: Pick<RecordStore, "markDone" | "markPublished" | "outbox">;
  readonly queue: ReferenceQueue;
  readonly clock: Clock;
  /** Millis after which a reference that is not done is published again. */
  readonly republish: number;
}

/** Rows looked at in one sweep. */
const swept = 500;

export function createPost({ run, record, queue, clock, republish }: PostOptions): Post {
  const prefix = `${run}/`;
  const add = together<OutboxEntry>((outbox) => record.markDone([], clock.now(), { outbox }));
  const published = together<string>((ids) => record.markPublished(ids, clock.now()));
  const finished = together<string>((ids) => record.markDone(ids, clock.now()));

  async function publish(topic: string, reference: Reference): Promise<boolean> {
    if (!(await queue.publish(topic, reference))) return false;
    await published(reference.id);
    return true;
  }

  return {
    async send(node, { from, key, blob }) {
      const id = sha256(new TextEncoder().encode(JSON.stringify([run, node, from, key, blob])));
      const ref = JSON.stringify([from, blob]);
      await add({ id, topic: prefix + node, ref, createdAt: clock.now() });
      // Nobody waits for this: a sweep repeats it.
      publish(node, { id, ref }).catch(() => undefined);
    },
    async sweep(take) {
      const rows = await record.outbox(millis(clock.now() - republish), swept);
      for (const { id, topic, ref } of rows) {
        // A record has one open run: what was for another came too late.
        if (!topic.startsWith(prefix)) await finished(id);
        else if (!(await publish(topic.slice(prefix.length), { id, ref }))) take(topic.slice(prefix.length), { id, ref });
      }
    },
    done: finished,
    trouble: queue.trouble,
  };
}

/** What a reference says; undefined where it is none. */
export function readPosted(ref: string): { readonly from: string; readonly blob: string } | undefined {
  try {
    const [from, blob] = JSON.parse(ref) as unknown[];
    return typeof from === "string" && typeof blob === "string" ? { from, blob } : undefined;
  } catch {
    return undefined;
  }
}

/** Most items that go together. */
const most = 500;

/** A group commit: what comes while one write is under way goes together in the next. */
export function together<T>(write: (items: T[]) => Promise<void>): (item: T) => Promise<void> {
  let waiting: { readonly item: T; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  let running = false;
  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const taken = waiting.slice(0, most);
      waiting = waiting.slice(most);
      try {
        await write(taken.map(({ item }) => item));
        for (const one of taken) one.resolve();
      } catch (error) {
        for (const one of taken) one.reject(error);
      }
    }
    running = false;
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void run();
    });
}
