/**
 * References in NATS JetStream through `@nats-io/transport-node` and `@nats-io/jetstream` (optional): one work-queue stream per federation,
 * one durable consumer per topic, explicit acknowledgements. Wake-ups go by plain NATS.
 *
 * JetStream acknowledges before it syncs (every two minutes unless told otherwise), so it may lose what it took: nothing here depends on its
 * word. Stream and consumers are made again when they are gone.
 */
import { fail } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { millis } from "../../core/quantities.js";
import { loadPackage } from "./package.js";
import type { Reference, ReferenceQueue } from "./queue.js";

export interface NatsOptions {
  /** For example "nats://10.0.0.5:4222" or "tls://nats.example:4222". */
  readonly servers: readonly string[];
  /** Separates federations that share a server: letters, digits, "-" and "_". */
  readonly name: string;
  readonly clock: Clock;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** PEM files of the client and of the authority that signed the server. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  readonly limits?: Partial<NatsLimits>;
}

export interface NatsLimits {
  /** References in the stream; more are refused and stay in the outbox. */
  readonly messages: number;
  /** References handled at the same time by one consumer. */
  readonly inFlight: number;
  /** Millis after which a reference that was not acknowledged comes again. */
  readonly ackWait: number;
  /** Millis that an answer of the server may take. */
  readonly patience: number;
}

export const natsLimits: NatsLimits = { messages: 1_000_000, inFlight: 64, ackWait: 30_000, patience: 5_000 };

/** The parts of the packages that are used here, so that they need not be installed to compile. */
interface Connection {
  publish(subject: string): void;
  subscribe(subject: string, options: { callback: () => void }): { unsubscribe(): void };
  status(): AsyncIterable<{ readonly type: string }>;
  close(): Promise<void>;
}
interface Transport {
  connect(options: Readonly<Record<string, unknown>>): Promise<Connection>;
}
interface Delivered {
  readonly data: Uint8Array;
  ack(): void;
  nak(delay: number): void;
  term(reason: string): void;
}
interface JetStream {
  jetstream(
    connection: Connection,
    options: object,
  ): {
    publish(subject: string, data: Uint8Array, options: object): Promise<unknown>;
    readonly consumers: {
      get(stream: string, name: string): Promise<{ fetch(options: object): Promise<AsyncIterable<Delivered> & { stop(): void }> }>;
    };
  };
  jetstreamManager(
    connection: Connection,
    options: object,
  ): Promise<{
    readonly streams: { add(config: object): Promise<unknown> };
    readonly consumers: { add(stream: string, config: object): Promise<unknown> };
  }>;
}

/** How long one request for work stays open at the server. */
const pull = 2_000;

/** Connects, or goes on trying while the program runs. Errors: PACKAGE_MISSING, REQUEST_INVALID for a name that cannot be a subject. */
export async function natsQueue(options: NatsOptions): Promise<ReferenceQueue> {
  const limits = { ...natsLimits, ...options.limits };
  const { clock, name } = options;
  if (!/^[\w-]{1,64}$/.test(name)) {
    fail("REQUEST_INVALID", { where: "nats name", expected: "letters, digits, dashes and underscores", got: JSON.stringify(name) });
  }
  const transport = await loadPackage<Transport>("@nats-io/transport-node", ["connect"], "engine: nats");
  const js = await loadPackage<JetStream>("@nats-io/jetstream", ["jetstream", "jetstreamManager"], "engine: nats");
  const stream = `millwright-${name}`;
  const work = (topic: string): string => `millwright.${name}.work.${topic}`;
  const wakes = (topic: string): string => `millwright.${name}.wake.${topic}`;
  const durable = (topic: string): string => topic.replace(/[^\w-]/g, "_");
  let trouble: string | undefined = "not connected yet";
  let cut = false;
  let closed = false;
  const stops = new Set<() => Promise<void>>();
  const listeners = new Map<string, Set<() => void>>();
  const subscribed = new Map<string, { unsubscribe(): void }>();

  const nap = (ms: number): Promise<void> => new Promise((resolve) => void clock.at(millis(clock.now() + ms), resolve));
  const note = (error: unknown): void => {
    trouble = error instanceof Error ? error.message.slice(0, 200) : String(error);
  };

  let connection: Connection | undefined;
  const connecting = (async () => {
    while (!closed && connection === undefined) {
      try {
        connection = await transport.connect({
          servers: [...options.servers],
          name: "millwright",
          timeout: limits.patience,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 500,
          ...(options.user === undefined ? {} : { user: options.user, pass: options.password }),
          ...(options.token === undefined ? {} : { token: options.token }),
          ...(options.tls === undefined ? {} : { tls: options.tls }),
        });
        trouble = undefined;
        watch(connection).catch(note);
        for (const topic of listeners.keys()) listen(topic);
      } catch (error) {
        note(error);
        await nap(500);
      }
    }
    if (closed) await connection?.close();
  })();

  /** While the connection is gone nothing is tried: whoever publishes must not wait for it. */
  async function watch(one: Connection): Promise<void> {
    for await (const { type } of one.status()) {
      if (type === "disconnect") [cut, trouble] = [true, "the connection to the server is lost"];
      if (type === "reconnect") [cut, trouble] = [false, undefined];
    }
  }

  function listen(topic: string): void {
    if (connection === undefined || subscribed.has(topic)) return;
    const callback = () => {
      for (const woken of listeners.get(topic) ?? []) woken();
    };
    subscribed.set(topic, connection.subscribe(wakes(topic), { callback }));
  }

  /** The stream, as it ought to be: nothing happens where it is. */
  async function ensureStream(): Promise<Awaited<ReturnType<JetStream["jetstreamManager"]>>> {
    if (connection === undefined || cut) throw new Error(trouble);
    const manager = await js.jetstreamManager(connection, { timeout: limits.patience, checkAPI: false });
    await manager.streams.add({
      name: stream,
      subjects: [work(">")],
      retention: "workqueue",
      storage: "file",
      max_msgs: limits.messages,
      discard: "new",
    });
    return manager;
  }

  async function take(topic: string, handle: (reference: Reference) => Promise<void>, open: Set<Promise<void>>, halt: () => boolean) {
    const manager = await ensureStream();
    await manager.consumers.add(stream, {
      durable_name: durable(topic),
      filter_subject: work(topic),
      ack_policy: "explicit",
      ack_wait: limits.ackWait * 1_000_000,
      max_ack_pending: limits.messages,
    });
    const consumer = await js.jetstream(connection as Connection, { timeout: limits.patience }).consumers.get(stream, durable(topic));
    trouble = undefined;
    while (!halt()) {
      const messages = await consumer.fetch({ max_messages: limits.inFlight - open.size, expires: pull });
      let came = 0;
      for await (const message of messages) {
        came++;
        const one = handled(message, handle).finally(() => open.delete(one));
        open.add(one);
      }
      while (open.size >= limits.inFlight) await Promise.race(open);
      // An empty answer may mean that stream or consumer are gone: look, and make them again.
      if (came === 0) return;
    }
  }

  async function handled(message: Delivered, handle: (reference: Reference) => Promise<void>): Promise<void> {
    const reference = parse(message.data);
    if (reference === undefined) return message.term("no reference");
    try {
      await handle(reference);
      message.ack();
    } catch {
      message.nak(1000);
    }
  }

  return {
    kind: "nats",
    async publish(topic, { id, ref }) {
      if (connection === undefined || cut || closed) return false;
      const data = new TextEncoder().encode(JSON.stringify([id, ref]));
      for (const tries of [1, 2]) {
        try {
          await js.jetstream(connection, { timeout: limits.patience }).publish(work(topic), data, { timeout: limits.patience });
          return true;
        } catch (error) {
          note(error);
          if (
            tries === 2 ||
            !(await ensureStream().then(
              () => true,
              () => false,
            ))
          )
            return false;
        }
      }
      return false;
    },
    consume(topic, handle) {
      let stopped = false;
      const open = new Set<Promise<void>>();
      const loop = (async () => {
        while (!stopped && !closed) {
          try {
            await take(topic, handle, open, () => stopped || closed);
          } catch (error) {
            note(error);
            await nap(300);
          }
        }
        await Promise.all(open);
      })();
      const stop = async () => {
        stopped = true;
        stops.delete(stop);
        await loop;
      };
      stops.add(stop);
      return stop;
    },
    wake(topic) {
      try {
        connection?.publish(wakes(topic));
      } catch (error) {
        note(error);
      }
    },
    onWake(topic, woken) {
      const mine = listeners.get(topic) ?? new Set();
      listeners.set(topic, mine.add(woken));
      listen(topic);
      return () => {
        mine.delete(woken);
        if (mine.size > 0) return;
        listeners.delete(topic);
        subscribed.get(topic)?.unsubscribe();
        subscribed.delete(topic);
      };
    },
    trouble: () => trouble,
    async close() {
      closed = true;
      await Promise.all([...stops].map((stop) => stop()));
      await connecting;
      await connection?.close();
    },
  };
}

function parse(data: Uint8Array): Reference | undefined {
  try {
    const [id, ref] = JSON.parse(new TextDecoder().decode(data)) as unknown[];
    return typeof id === "string" && typeof ref === "string" ? { id, ref } : undefined;
  } catch {
    return undefined;
  }
}
