/**
 * `millwright serve` without its command line: the coordinator on a real machine. A root signs its plan and runs the federation; a relay
 * (given a parent) fetches its parent's plan, which it passes on as it is, and is a site to its parent and a coordinator to its own.
 */
import { dirname, join, resolve } from "node:path";
import { fail, MillwrightError } from "../core/errors.js";
import { millis } from "../core/quantities.js";
import type { RecordStore } from "../core/record.js";
import { connect } from "../edge/connection.js";
import { type Door, identityHere } from "../edge/enrolment.js";
import { createMember, type Member } from "../edge/member.js";
import { pinnedModules } from "../edge/plan-modules.js";
import { systemClock } from "../io/clock.js";
import { importPublicKey, publicPem, sha256 } from "../io/crypto/keys.js";
import { openPlan, type SignedPlan, signPlan } from "../io/crypto/plan-envelope.js";
import { systemJitter, systemRandom } from "../io/crypto/system-random.js";
import { folderDisk } from "../io/disk/folder.js";
import { readText } from "../io/read-text.js";
import { openRecord } from "../io/record/open.js";
import { fileBlobs } from "../io/store/blobs.js";
import { keyVariable, loadStoreKey } from "../io/store/key.js";
import { lockStore } from "../io/store/lock.js";
import { loadTelemetry } from "../io/telemetry.js";
import type { Log } from "../io/transport/server.js";
import { kernelVersion } from "../kernels/instance.js";
import { parseFederation, readFederationFile } from "../round/file.js";
import { encodeMessage, keyOf, type Message } from "../round/messages.js";
import type { Home } from "./home.js";
import { nodeOf } from "./node.js";
import { membersOf, rootName, tierOf } from "./plan-members.js";
import { type Coordinator, startCoordinator } from "./program.js";
import { recordSetting } from "./release.js";

export interface ServeOptions {
  /** Root: the federation file. A relay has none: its parent's signed plan names it. */
  readonly file?: string;
  /** Relay: the token its parent gave it, needed once. */
  readonly parentToken?: string;
  readonly parent?: boolean;
  readonly data: string;
  readonly host: string;
  readonly port: number;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** Root: the sites that take part, where the file does not name them. */
  readonly sites?: readonly string[];
  /** Folder of the modules that the plan names; default: that of the file. */
  readonly modules?: string;
  /** Run the same plan again although its run is over. */
  readonly again?: boolean;
  readonly org: string;
  /** Default: SQLite in the data folder. */
  readonly record?: string;
  readonly automaticRelease: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly halted: (error: unknown) => void;
  readonly ended?: (state: "finished" | "failed", error?: MillwrightError) => void;
}

export interface Served extends Coordinator {
  /** Whose word a relay is: what it waits for from its parent. */
  readonly parent?: Member;
  readonly record: RecordStore;
}

/** Starts and returns when members can connect. Errors: STORE_LOCKED, PLAN_REFUSED, FILE_*, TOKEN_REFUSED, TRANSPORT_*, RECORD_*. */
export async function serve(options: ServeOptions): Promise<Served> {
  // Before a folder is made: a file that cannot run leaves nothing behind.
  const own = options.file === undefined ? undefined : readFile(options.file);
  const root = resolve(options.data);
  const disk = folderDisk(root);
  const clock = systemClock;
  const random = systemRandom;
  await disk.makeFolder("");
  const lock = await lockStore(disk, random);
  const closing: (() => Promise<void>)[] = [() => lock.release()];
  try {
    const record = await openRecord({ url: options.record ?? `sqlite:${join(root, "record.sqlite")}` });
    closing.unshift(() => record.close());
    const blobs = await fileBlobs(disk);
    await collect(record, blobs);
    const up = options.file === undefined ? await reachParent(options, disk) : undefined;
    if (up !== undefined) closing.unshift(up.close);
    const federation = up?.federation ?? (own as NonNullable<typeof own>).federation;
    const name = up?.name ?? rootName;
    const modules = options.modules ?? (options.file === undefined ? "." : dirname(options.file));
    const stop = new AbortController();
    let parent: Member | undefined;
    let upPlan = "";
    const followed = <P extends { readonly sha256: string }>(plan: P): P => {
      upPlan = plan.sha256;
      return plan;
    };
    const coordinator = await startCoordinator({
      disk,
      record,
      blobs,
      clock,
      random,
      log: options.log,
      host: options.host,
      port: options.port,
      names: options.names,
      addresses: options.addresses,
      passphrase: options.env.MILLWRIGHT_AUTHORITY_PASSPHRASE,
      federation,
      name,
      plan:
        up === undefined
          ? (home) => ownPlan(options, home, record, blobs)
          : async () => followed(await parentPlan(up, { record, blobs, log: options.log })),
      ...(up === undefined ? {} : { trust: up.trust }),
      node: (plan) => nodeOf(plan, name, modules),
      reply: (message) => parent?.send(outgoing(message)),
      automaticRelease: options.automaticRelease,
      halted: options.halted,
      ended: options.ended,
      telemetry: await loadTelemetry(),
      memory: () => process.memoryUsage.rss(),
      processorSeconds: () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    });
    closing.unshift(() => coordinator.close());
    if (up !== undefined) {
      const { bandwidth } = tierOf(parseFederation(coordinator.plan.file), coordinator.plan.members, name);
      if (bandwidth !== undefined) up.limit(bandwidth);
      parent = createMember({
        link: up.link,
        clock,
        random: systemJitter,
        worker: {
          async receive({ bytes, sha256: blob, message }) {
            await blobs.put(bytes, { sha256: blob });
            await coordinator.driver.parent({ sha256: blob, message });
          },
          doing: () => coordinator.driver.waiting().what,
        },
        plan: upPlan,
        log: ({ kind, ...event }) => options.log(kind === "unreachable" || kind === "refused" ? "warn" : "info", `parent.${kind}`, event),
        stateIs: coordinator.follow,
        once: false,
        signal: stop.signal,
      });
      parent.run().then(
        (how) => {
          // The parent's plan is another one now: this process ends and its next start reads it.
          if (how === "new plan") options.halted(new Error("the parent has a new plan: start again"));
        },
        (error) => options.halted(error),
      );
    }
    return {
      ...coordinator,
      parent,
      record,
      async close() {
        stop.abort();
        await closeAll(closing);
      },
    };
  } catch (error) {
    await closeAll(closing).catch(() => undefined);
    throw error;
  }
}

/** Longest pause between two attempts to reach the parent for its first plan. */
const longestPause = 30_000;

/**
 * The parent's plan, kept beside the record that names it. A relay whose parent is away starts with the plan it had, so that its own
 * children are served; where it has none yet it asks until the parent answers.
 */
async function parentPlan(up: Awaited<ReturnType<typeof reachParent>>, { record, blobs, log }: PlanKeeping) {
  for (let tries = 0; ; tries++) {
    try {
      const plan = await up.plan();
      const { sha256: digest } = await blobs.put(new TextEncoder().encode(plan.text));
      await record.putSetting("plan", digest);
      return plan;
    } catch (error) {
      if (!(error instanceof MillwrightError && error.code.startsWith("TRANSPORT_"))) throw error;
      const known = await record.setting("plan");
      const kept = known === undefined ? undefined : await blobs.get(known);
      const retryMs = Math.min(longestPause, 500 * (1 << Math.min(tries, 10)));
      log("warn", "parent.unreachable", { reason: error.message, ...(kept === undefined ? { retryMs } : { plan: known }) });
      if (kept !== undefined) return up.open(new TextDecoder().decode(kept));
      await new Promise<void>((resolve) => systemClock.at(millis(systemClock.now() + retryMs), resolve));
    }
  }
}

interface PlanKeeping {
  readonly record: Pick<RecordStore, "setting" | "putSetting">;
  readonly blobs: {
    readonly put: (bytes: Uint8Array) => Promise<{ readonly sha256: string }>;
    readonly get: (sha256: string) => Promise<Uint8Array | undefined>;
  };
  readonly log: Log;
}

/** Closes all of it whatever fails, then says what failed first: what stays open would keep the process, and its lock, alive. */
async function closeAll(closing: readonly (() => Promise<void>)[]): Promise<void> {
  const faults: unknown[] = [];
  for (const close of closing) await close().catch((error) => faults.push(error));
  if (faults.length > 0) throw faults[0];
}

function outgoing(message: Message) {
  const bytes = encodeMessage(message);
  return { key: keyOf(message), sha256: sha256(bytes), bytes };
}

function readFile(path: string) {
  const text = readText(path, "a federation file");
  return readFederationFile(text, path);
}

/** Throws away blobs that nothing names any more: what a kill left between two steps. Nothing is in flight yet, and the folder is locked. */
async function collect(record: RecordStore, blobs: { readonly gc: (keep: ReadonlySet<string>) => Promise<unknown> }): Promise<void> {
  const keep = new Set<string>();
  for await (const sha256 of record.blobs()) keep.add(sha256);
  const [last] = await record.runs(1);
  const releases = last === undefined ? [] : await record.releases(last.federation, { limit: 1000 });
  for (const setting of ["plan", ...releases.map(({ version }) => recordSetting(version))]) {
    const sha256 = await record.setting(setting);
    if (sha256 !== undefined) keep.add(sha256);
  }
  await blobs.gc(keep);
}

/** The plan of this file: the one that was signed before where nothing changed, else a new one with the next number. */
export async function ownPlan(
  options: Pick<ServeOptions, "file" | "modules" | "org" | "sites" | "again">,
  home: Home,
  record: RecordStore,
  blobs: {
    readonly put: (bytes: Uint8Array) => Promise<{ readonly sha256: string }>;
    readonly get: (sha256: string) => Promise<Uint8Array | undefined>;
  },
) {
  const path = options.file as string;
  const file = readFile(path);
  const content = {
    format: "millwright-plan/1" as const,
    federation: file.federation,
    file: JSON.parse(JSON.stringify(file)) as Record<string, unknown>,
    kernels: kernelVersion,
    plugins: pinnedModules(file, options.modules ?? dirname(path)),
    members: membersOf(file, { org: options.org, sites: options.sites }),
  };
  const trusted = { keys: [importPublicKey(publicPem(home.planKey), "own plan key")], federation: file.federation, now: systemClock.now() };
  // The plan of the newest run: one that was signed and never run is signed again where it is still wanted.
  const known = (await record.runs(1))[0]?.plan ?? (await record.setting("plan"));
  const text = known === undefined ? undefined : await blobs.get(known);
  if (text !== undefined) {
    const opened = openPlan(new TextDecoder().decode(text), trusted);
    const { sequence: _, notBefore: __, notAfter: ___, ...before } = opened.plan;
    const same = JSON.stringify(sorted(before)) === JSON.stringify(sorted(content));
    return same && options.again !== true ? { ...opened, text: new TextDecoder().decode(text) } : newPlan(opened.plan.sequence + 1);
  }
  return newPlan(1);

  async function newPlan(sequence: number) {
    const plan: SignedPlan = { ...content, sequence, notBefore: millis(systemClock.now() - 300_000) };
    const signed = signPlan(plan, [home.planKey]);
    const { sha256: digest } = await blobs.put(new TextEncoder().encode(signed));
    await record.putSetting("plan", digest);
    return { plan, text: signed, sha256: digest };
  }
}

/** The same value with the keys of its objects in order, for comparison. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}

/** A relay's way up: enrols where it has to, fetches and verifies the parent's plan. */
async function reachParent(options: ServeOptions, disk: ReturnType<typeof folderDisk>) {
  const clock = systemClock;
  const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: options.env[keyVariable] });
  const door: Door = { clock, env: options.env };
  const identity =
    (await identityHere(disk, storeKey, options.parentToken, door)) ??
    fail("AUTH_REQUIRED", {
      where: "relay",
      expected: "a token of the parent",
      got: "none",
      remedy: "ask the parent's operator to invite this node, and pass --parent-token",
    });
  const connection = await connect({
    disk,
    storeKey,
    identity,
    door: () => door,
    renewed: ({ facts }) => options.log("info", "parent.renewed", { until: new Date(facts.notAfter).toISOString() }),
    failed: (error) => options.log("warn", "parent.renewal", { reason: error instanceof Error ? error.message : String(error) }),
  });
  const { link } = connection;
  const trust = () => connection.identity().trust;
  const keys = () => trust().plan.map((pem) => importPublicKey(pem, "trusted plan key"));
  const open = (text: string) => ({ ...openPlan(text, { keys: keys(), federation: identity.federation, now: clock.now() }), text });
  const plan = async () => open(new TextDecoder().decode(await link.plan(new AbortController().signal)));
  return {
    open,
    federation: identity.federation,
    name: identity.name,
    // Read at each enrolment and renewal below: what the parent's keys were replaced by is handed on with its endorsements.
    trust,
    link,
    plan,
    limit: connection.limit,
    close: async () => connection.close(),
  };
}
