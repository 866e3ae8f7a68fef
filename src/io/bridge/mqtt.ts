/**
 * Readings of thin devices from an MQTT broker in the plant, through `mqtt` (optional): QoS 1 with a persistent session, so that the broker keeps
 * what comes while this is down. A message is acknowledged after its rows are durable; what comes again is written once. Never weights.
 *
 * One message at a time: the broker holds the rest, so memory is bounded by one message and the keys of the days in use. Not promised: rows
 * that the broker dropped because its own queue was full, or that a device sent with QoS 0.
 */
import { MillwrightError } from "../../core/errors.js";
import type { Clock, Disk } from "../../core/ports.js";
import { millis } from "../../core/quantities.js";
import { loadPackage } from "../engine/package.js";
import { type DayFileLimits, dayFiles } from "./day-files.js";
import { deviceOf, type RowForm, readRows, subscription } from "./rows.js";

export interface CollectOptions extends RowForm {
  /** For example "mqtt://10.0.0.9:1883" or "mqtts://broker:8883". */
  readonly url: string;
  /** Names the session at the broker: one collector at a time may use it. */
  readonly client: string;
  readonly user?: string;
  readonly password?: string;
  /** PEM texts for mqtts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly limits?: DayFileLimits;
  /** A table of the last days, for a site file to name; written anew this often where something came. */
  readonly table?: { readonly path: string; readonly days: number; readonly every: number };
  readonly log: (level: "info" | "warn", event: string, detail: Readonly<Record<string, unknown>>) => void;
}

export interface Collector {
  readonly counts: () => { readonly messages: number; readonly rows: number; readonly repeated: number; readonly refused: number };
  /** What it waits for, as one line. */
  readonly waiting: () => string;
  readonly close: () => Promise<void>;
}

/** The part of the package that is used here, so that it need not be installed to compile. */
interface Packet {
  readonly topic: string;
  readonly payload: Uint8Array | string;
}
interface Client {
  handleMessage: (packet: Packet, done: (error?: Error) => void) => void;
  on(event: string, heard: (...told: never[]) => void): void;
  subscribe(topic: string, options: { qos: 1 }, done: (error: Error | null) => void): void;
  end(force: boolean, options: object, done: () => void): void;
}
interface Mqtt {
  connect(url: string, options: Readonly<Record<string, unknown>>): Client;
}

const again = 2_000;

/** Starts, and goes on through lost connections until it is closed. Errors: PACKAGE_MISSING, those of the folder. */
export async function collect(options: CollectOptions): Promise<Collector> {
  const { clock, log } = options;
  const mqtt = await loadPackage<Mqtt>("mqtt", ["connect"], "collect: mqtt");
  const files = await dayFiles(options.disk, options.folder, options.columns, options.limits);
  const counts = { messages: 0, rows: 0, repeated: 0, refused: 0 };
  let waiting = "the broker";
  let closed = false;
  let client: Client | undefined;

  async function take({ topic, payload }: Packet): Promise<void> {
    const device = deviceOf(options.topic, topic);
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    let rows: ReturnType<typeof readRows>;
    try {
      if (device === undefined)
        throw new MillwrightError("DATA_INVALID", { where: "topic", expected: options.topic, got: topic.slice(0, 200) });
      rows = readRows(options, device, bytes);
    } catch (error) {
      if (!(error instanceof MillwrightError)) throw error;
      // Acknowledged all the same: it would come again for ever.
      counts.refused++;
      log("warn", "collect.refused", { device, code: error.code, error: error.message });
      return;
    }
    const fresh = await files.add(rows);
    counts.messages++;
    counts.rows += fresh;
    counts.repeated += rows.length - fresh;
  }

  function open(): void {
    if (closed) return;
    const one = mqtt.connect(options.url, {
      clientId: options.client,
      clean: false,
      protocolVersion: 4,
      reconnectPeriod: again,
      resubscribe: false,
      ...(options.user === undefined ? {} : { username: options.user, password: options.password }),
      ...options.tls,
    });
    client = one;
    one.handleMessage = (packet, done) => {
      take(packet).then(
        () => done(),
        (error) => {
          // Not acknowledged: after a new connection the broker sends it again.
          log("warn", "collect.unwritten", { error: String(error) });
          waiting = `the disk: ${String(error).slice(0, 200)}`;
          one.end(true, {}, () => clock.at(millis(clock.now() + again), open));
        },
      );
    };
    one.on("connect", () => {
      one.subscribe(subscription(options.topic), { qos: 1 }, (error) => {
        waiting = error === null || error === undefined ? "readings" : `the broker: ${error.message}`;
        log(waiting === "readings" ? "info" : "warn", "collect.connected", { topic: options.topic, waiting });
      });
    });
    one.on("error", (error: Error) => {
      waiting = `the broker: ${error.message}`;
      log("warn", "collect.broker", { error: error.message });
    });
    one.on("close", () => {
      if (waiting === "readings") waiting = "the broker";
    });
  }

  const { table } = options;
  let joined = -1;
  let cancel = () => {};
  async function join(): Promise<void> {
    if (table === undefined) return;
    const rows = counts.rows;
    if (rows !== joined)
      await files.join(table.path, table.days).then(
        () => (joined = rows),
        (error) => log("warn", "collect.table", { error: String(error) }),
      );
    if (!closed) cancel = clock.at(millis(clock.now() + table.every), () => void join());
  }

  open();
  await join();
  return {
    counts: () => ({ ...counts }),
    waiting: () => waiting,
    async close() {
      closed = true;
      cancel();
      await new Promise<void>((resolve) => (client === undefined ? resolve() : client.end(false, {}, resolve)));
      await join();
    },
  };
}
