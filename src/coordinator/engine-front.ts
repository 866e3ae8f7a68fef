/**
 * What members talk to in an engine: any number of processes, each the same. A front knows nothing that is not in the record or the blobs: it
 * reads boards, hands out their frames, and posts replies. In the coordinator's routes it stands where the driver stands in a single
 * process, so the routes are the same.
 */
import type { BlobStore } from "../core/blobs.js";
import { fail } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";
import type { RecordStore, RunState } from "../core/record.js";
import type { ReferenceQueue } from "../io/engine/queue.js";
import { decodeMessage, encodeMessage, keyOf, type Message, type Request } from "../round/messages.js";
import { operator, type Waiting } from "../round/node.js";
import type { Driver, Task } from "./driver.js";
import { type Board, boardTopic, readBoard } from "./engine-board.js";
import { pause } from "./engine-node.js";
import { createPost } from "./engine-post.js";
import { nodeBlobs, ownFrame } from "./engine-record.js";
import type { EngineRole, EngineShape } from "./engine-roles.js";

export interface FrontOptions {
  readonly shape: EngineShape;
  readonly run: string;
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly queue: ReferenceQueue;
  readonly clock: Clock;
  /** Somebody's task changed. */
  readonly tasks: () => void;
  /** Millis after which boards are looked at although nobody said that they are new. */
  readonly look?: number;
}

export interface Front {
  /** The driver's place in the exchange. `submit` resolves when the reply is durable: whether it counts is its node's to say. */
  readonly driver: Driver;
  readonly state: () => RunState;
  readonly lacking: () => Board["lacking"];
  /** The operator's word: about a member to whoever counts its replies, else to the root. Durable when it resolves. */
  readonly order: (message: Extract<Message, { type: "order" }>) => Promise<void>;
  readonly trouble: () => string | undefined;
  readonly close: () => Promise<void>;
}

interface Seen {
  readonly sha256: string;
  readonly board: Board;
  readonly at: Millis;
  readonly frames: readonly Task[];
}

/** Millis after which a member whose reply changed nothing is asked again. */
const tellAgain = 30_000;
/** Frames of models that are kept in memory, over all boards. */
const keptFrames = 8;

export async function openFront(options: FrontOptions): Promise<Front> {
  const { shape, run, record, blobs, queue, clock } = options;
  const uptime = clock.uptime ?? clock.now;
  const opened = nodeBlobs(blobs);
  const boards = new Map<string, Seen>();
  const frames = new Map<string, Task>();
  /** What each member has told here: its board may not know it yet. */
  const told = new Map<string, { readonly key: string; readonly at: number }>();
  const post = createPost({ run, record, queue, clock, republish: 0 });
  let closed = false;
  let orders = 0;
  let trouble: string | undefined;

  async function frameOf(named: Board["frames"][number]): Promise<Task | undefined> {
    const known = frames.get(named.sha256);
    if (known !== undefined) return known;
    const bytes = await opened.get(named.sha256);
    if (bytes === undefined) return undefined;
    const message = decodeMessage(bytes) as Request;
    const task = { key: keyOf(message), message, bytes };
    frames.set(named.sha256, task);
    for (const old of [...frames.keys()].slice(0, -keptFrames)) frames.delete(old);
    return task;
  }

  async function look(role: EngineRole): Promise<void> {
    const before = boards.get(role.slug);
    const found = await readBoard({ record, blobs }, run, role.slug, before?.sha256);
    if (typeof found !== "object" || closed) return;
    const read: Task[] = [];
    for (const named of found.board.frames) {
      const task = await frameOf(named);
      // Thrown away: a newer board is there, and its wake-up on the way.
      if (task === undefined) return;
      read.push(task);
    }
    boards.set(role.slug, { ...found, at: millis(uptime()), frames: read });
    for (const { site } of role.children) {
      const place = found.board.tasks[site];
      if (place === undefined || read[place]?.key !== told.get(site)?.key) told.delete(site);
    }
    options.tasks();
  }

  const looking = new Map<string, { again: boolean }>();
  /** One look per board at a time; a wake-up in the meantime makes another. */
  async function lookAt(role: EngineRole): Promise<void> {
    const under = looking.get(role.slug);
    if (under !== undefined) {
      under.again = true;
      return;
    }
    const mine = { again: true };
    looking.set(role.slug, mine);
    try {
      while (mine.again && !closed) {
        mine.again = false;
        await look(role);
      }
      trouble = undefined;
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    } finally {
      looking.delete(role.slug);
    }
  }

  const unlisten = shape.roles.map((role) => queue.onWake(boardTopic(role.slug), () => void lookAt(role)));
  await Promise.all(shape.roles.map(lookAt));
  const every = options.look ?? (queue.kind === "none" ? 250 : 2000);
  const loop = (async () => {
    while (!closed) {
      await pause(clock, every);
      await Promise.all(shape.roles.map(lookAt));
    }
  })();

  const root = (): Seen | undefined => boards.get(shape.root.slug);

  function taskOf(member: string): Task | undefined {
    const role = shape.of(member);
    const seen = role === undefined ? undefined : boards.get(role.slug);
    const place = seen?.board.tasks[member];
    const task = place === undefined ? undefined : seen?.frames[place];
    const said = told.get(member);
    return task !== undefined && said?.key === task.key && uptime() - said.at < tellAgain ? undefined : task;
  }

  /** What the root waits for, in names of members. */
  function waiting(): Waiting {
    const seen = root();
    if (seen === undefined) return { what: "a worker that holds the root", since: millis(0), answered: [], missing: [], refused: [] };
    const own = seen.board.waiting;
    if (shape.shards.length === 0) return own;
    const below = shape.shards.flatMap((shard) => {
      const there = boards.get(shard.slug)?.board.waiting;
      return there?.what === own.what ? [there] : [];
    });
    const silent = shape.shards.filter(
      (shard) => own.missing.includes(shard.name) && boards.get(shard.slug)?.board.waiting.what !== own.what,
    );
    return {
      ...own,
      answered: below.flatMap((one) => one.answered),
      missing: [...below.flatMap((one) => one.missing), ...silent.map((one) => one.name)],
      refused: [...own.refused, ...below.flatMap((one) => one.refused)],
    };
  }

  const passed = (seen: Seen): number => Math.max(0, uptime() - seen.at);
  const driver: Driver = {
    start: async () => {},
    parent: async () => {},
    hold: () => {},
    holds: () => true,
    task: taskOf,
    async submit(member, { sha256: blob, message }) {
      const role = shape.of(member);
      if (role === undefined) fail("AUTH_FORBIDDEN", { where: "reply", expected: "a member that takes part", got: member });
      const key = keyOf(message);
      await post.send(role.slug, { from: member, key, blob });
      told.set(member, { key, at: uptime() });
      return true;
    },
    waiting,
    remaining() {
      const seen = root();
      return seen?.board.remainingMs === undefined ? undefined : Math.max(0, seen.board.remainingMs - passed(seen));
    },
    now() {
      const seen = root();
      return millis(seen === undefined ? 0 : Math.floor(seen.board.now + (seen.board.remainingMs === undefined ? 0 : passed(seen))));
    },
    largestTask: () => [...frames.values()].reduce((most, { bytes }) => Math.max(most, bytes.length), 0),
    close: async () => {},
  };
  return {
    driver,
    state: () => root()?.board.state ?? "running",
    lacking: () => root()?.board.lacking,
    async order(message) {
      const role = message.site === undefined ? shape.root : (shape.of(message.site) ?? shape.root);
      // The same order may be given again later: each is a blob and a row of its own.
      const own = `order at ${clock.now()}.${orders++}`;
      const { sha256: blob } = await blobs.put(ownFrame(own, encodeMessage(message)));
      await post.send(role.slug, { from: operator, key: own, blob });
    },
    trouble: () => trouble ?? post.trouble(),
    async close() {
      closed = true;
      for (const end of unlisten) end();
      await loop;
    },
  };
}
