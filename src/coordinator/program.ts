/**
 * The coordinator's program at the root of a tree or at any tier below: it opens its folder, signs or fetches the plan, rebuilds the node
 * from the record, and answers members over HTTPS until it is told to stop. All state is in the folder; the process may be killed at any
 * instruction. A relay is the same program with a parent (see relay.ts).
 */
import type { BlobStore } from "../core/blobs.js";
import type { MillwrightError } from "../core/errors.js";
import type { Clock, Disk, SecretRandom } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { RecordStore, RunRow } from "../core/record.js";
import type { Caller, Route } from "../core/route.js";
import { readCertificate } from "../io/crypto/certificate.js";
import type { Enrolled } from "../io/crypto/enrol.js";
import { publicPem, sha256 } from "../io/crypto/keys.js";
import type { SignedPlan } from "../io/crypto/plan-envelope.js";
import type { Telemetry } from "../io/telemetry.js";
import { type HttpsServer, type Log, serveHttps } from "../io/transport/server.js";
import { waiters as createWaiters } from "../io/transport/waiters.js";
import { version } from "../io/version.js";
import { parseFederation, quorumDefaults } from "../round/file.js";
import { encodeMessage, type Message } from "../round/messages.js";
import { type Node, operator } from "../round/node.js";
import { childrenOfTier } from "../round/tiers.js";
import { type Driver, openDriver } from "./driver.js";
import { createExchange } from "./exchange.js";
import { type Home, openHome, serverOf } from "./home.js";
import { createMembership, type Membership } from "./membership.js";
import { createAuthenticate } from "./membership-authenticate.js";
import { metricsText } from "./metrics.js";
import { openRun } from "./open-run.js";
import { readOrder } from "./orders.js";
import { tierOf } from "./plan-members.js";
import { createPresence } from "./presence.js";
import { publish } from "./release.js";
import { rolesFor } from "./roles.js";
import { coordinatorRoutes } from "./route-table.js";
import { type Status, statusOf } from "./status.js";
import { mayTouch, withTasks } from "./task-blobs.js";

export interface CoordinatorOptions {
  readonly disk: Disk;
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly random: SecretRandom;
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  /** DNS names and IP addresses under which members reach it. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly passphrase?: string;
  readonly federation: string;
  /** Its own name in the tree. */
  readonly name: string;
  /** The plan to run, signed: for a root by its own key, for a relay as its parent gave it. */
  readonly plan: (home: Home) => Promise<{ readonly text: string; readonly sha256: string; readonly plan: SignedPlan }>;
  /** Keys that members shall believe; a root's own unless told. */
  readonly trust?: () => Enrolled["trust"];
  readonly node: (plan: SignedPlan) => Promise<Node>;
  /** Relay only: what it has to say to its parent. */
  readonly reply?: (message: Message) => void;
  readonly automaticRelease: boolean;
  /** The process cannot go on: nothing is accepted any more. */
  readonly halted: (error: unknown) => void;
  /** A run ended. */
  readonly ended?: (state: "finished" | "failed", error?: MillwrightError) => void;
  readonly telemetry?: Telemetry;
  readonly memory: () => number;
  readonly processorSeconds: () => number;
}

export interface Coordinator {
  readonly url: string;
  readonly port: number;
  readonly home: Home;
  readonly membership: Membership;
  readonly driver: Driver;
  readonly run: RunRow;
  readonly plan: SignedPlan;
  /** What it answers, and to whom. */
  readonly routes: readonly Route[];
  readonly status: () => Promise<Status>;
  /** Members that are here now. */
  readonly here: () => number;
  /** Relay only: the parent's run is in this state, so its own is. */
  readonly follow: (state: RunRow["state"]) => Promise<void>;
  /** An operator at this machine. */
  readonly order: (order: Extract<Message, { type: "order" }>, by: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** How often seen times are written, expired things forgotten, and the server's certificate looked at. */
const housekeeping = 30_000;

export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { disk, record, blobs, clock, random, log, federation, name } = options;
  const homeOptions = {
    disk,
    federation,
    names: options.names,
    addresses: options.addresses,
    clock,
    random,
    passphrase: options.passphrase,
  };
  const home = await openHome(homeOptions);
  const signed = await options.plan(home);
  const file = parseFederation(signed.plan.file, "signed plan");
  const tier = tierOf(file, signed.plan.members, name);
  const roster = childrenOfTier(tier).map((child) => child.site);
  const run = await openRun(options, signed, clock.now());
  const upSince = clock.now();
  const traffic = new Map<string, { up: number; down: number }>();
  const total = () => [...traffic.values()].reduce((sum, one) => ({ up: sum.up + one.up, down: sum.down + one.down }), { up: 0, down: 0 });
  let roundSince = clock.now();
  let lastRound = (await record.rounds(run.id, { after: 0, limit: 1000 })).at(-1)?.round ?? 0;
  let state: Status["state"] = run.state;
  let server: HttpsServer | undefined;
  let stopped = false;

  const trust = options.trust ?? (() => ({ plan: [publicPem(home.planKey)], release: [publicPem(home.releaseKey)] }));
  const membership = createMembership({
    store: record,
    authority: home.authority,
    clock,
    random,
    trust,
    onRevoked: ({ name: revoked, serials, whole }) => {
      // Of one certificate: a member that has another goes on with that one.
      const cut = server?.cut(whole ? { serials, names: [revoked] } : { serials }) ?? 0;
      log("warn", whole ? "member.revoked" : "certificate.revoked", { member: revoked, connections: cut });
      if (!whole) return;
      presence.drop(revoked);
      if (roster.includes(revoked)) order({ type: "order", order: "exclude", site: revoked }, "system").catch(options.halted);
    },
  });

  /** The round's clock stands still while too few are here for it to mean anything, and while an operator paused it. */
  const needed = Math.max(1, Math.ceil((tier.quorum ?? file.quorum ?? quorumDefaults).minimum * roster.length));
  const hereOf = () => roster.filter((member) => presence.isHere(member)).length;
  const lacking = () => (hereOf() < needed ? { here: hereOf(), needed } : undefined);
  const presence = createPresence(clock, () => driver?.hold(state === "paused" || lacking() !== undefined));
  const polls = createWaiters({ clock });

  let driver: Driver;
  driver = await openDriver({
    node: await options.node(signed.plan),
    run,
    record,
    blobs,
    clock,
    traffic: total,
    events: {
      tasks: polls.wakeAll,
      reply: options.reply,
      halted: options.halted,
      async closed(round, model) {
        lastRound = round.round;
        const to = clock.now();
        options.telemetry?.round({
          from: roundSince,
          to,
          attributes: {
            "millwright.federation": federation,
            "millwright.node": name,
            "millwright.round": round.round,
            "millwright.included": round.included.length,
            "millwright.excluded": round.excluded.length,
            "millwright.loss": round.loss,
          },
        });
        roundSince = to;
        log("info", "round.closed", {
          round: round.round,
          included: round.included.length,
          excluded: round.excluded.length,
          loss: round.loss,
          model,
        });
      },
      async released(release) {
        const row = await publish(release, {
          record,
          blobs,
          key: home.releaseKey,
          clock,
          federation,
          run: run.id,
          plan: { sha256: signed.sha256, seed: file.seed, file: signed.plan.file },
          node: name,
          automatic: options.automaticRelease,
        });
        state = "finished";
        options.telemetry?.run({
          from: run.startedAt,
          to: clock.now(),
          attributes: { "millwright.run": run.id, "millwright.model": row.model, ...release.metrics },
        });
        log("info", "run.finished", { run: run.id, version: row.version, model: row.model, metrics: release.metrics });
        options.ended?.("finished");
      },
      async failed(error) {
        state = "failed";
        options.telemetry?.run({
          from: run.startedAt,
          to: clock.now(),
          attributes: { "millwright.run": run.id },
          error: `${error.code}: ${error.message}`,
        });
        log("error", "run.failed", { run: run.id, code: error.code, error: error.message });
        options.ended?.("failed", error);
      },
    },
  });
  driver.hold(state === "paused" || lacking() !== undefined);

  const exchange = createExchange({
    driver,
    blobs,
    presence,
    waiters: polls,
    clock,
    digest: sha256,
    state: () => state,
    plan: () => signed.sha256,
    frameLimit: () => frameLimitOf(driver),
    count(member, up, down) {
      const one = traffic.get(member) ?? { up: 0, down: 0 };
      traffic.set(member, { up: one.up + up, down: one.down + down });
    },
  });
  const statusParts = {
    federation,
    node: name,
    version: version(),
    upSince,
    now: clock.now,
    runId: () => run.id,
    rounds: file.rounds * tier.rounds,
    record,
    driver,
    presence,
    roster: () => roster,
    traffic: total,
    lacking,
    lastRound: () => lastRound,
  };
  const status = () => statusOf(statusParts);

  async function order(message: Extract<Message, { type: "order" }>, by: string): Promise<void> {
    const { sha256: blob } = await blobs.put(encodeMessage(message));
    await driver.submit(operator, { sha256: blob, message });
    if (message.order === "pause" || message.order === "resume") {
      const next = message.order === "pause" ? "paused" : "running";
      if (state === "running" || state === "paused") {
        await record.setRunState(run.id, next);
        state = next;
        driver.hold(state === "paused" || lacking() !== undefined);
      }
    }
    await record.audit({ at: clock.now(), actor: by, action: `run.${message.order}`, target: message.site ?? run.id, detail: {} });
    log("warn", `run.${message.order}`, { by, site: message.site });
    polls.wakeAll();
  }

  async function follow(next: RunRow["state"]): Promise<void> {
    if (next === state || state === "finished" || state === "failed") return;
    await record.setRunState(run.id, next, next === "failed" ? "the parent's run failed" : undefined);
    state = next;
    driver.hold(state === "paused" || lacking() !== undefined);
    log("info", "run.follows", { state });
    polls.wakeAll();
    if (next === "finished" || next === "failed") options.ended?.(next);
  }

  const routes = coordinatorRoutes({
    rounds: {
      exchange,
      record,
      runId: () => run.id,
      plan: async () => new TextEncoder().encode(signed.text),
      status,
      metrics: async () =>
        metricsText({
          status: await status(),
          memory: options.memory(),
          processorSeconds: options.processorSeconds(),
          connections: server?.connections() ?? 0,
          polls: polls.size(),
        }),
      ready: () => (stopped ? "it is stopping" : undefined),
      control: (caller: Caller, body: unknown) => order(readOrder(body, roster), caller.name),
    },
    releases: {
      blobs,
      record,
      membership,
      federation,
      clock,
      decided: (release, to, by) => log("warn", "release.decided", { version: release, state: to, by }),
    },
    membership: { membership, record, urls: () => urlsOf(options, server?.port ?? options.port), now: clock.now },
    blobs: withTasks(blobs, { find: exchange.frame }),
    may: mayTouch(
      exchange,
      (role) => rolesFor("round.take-part").includes(role),
      () => frameLimitOf(driver),
    ),
  });
  server = await serveHttps({
    host: options.host,
    port: options.port,
    tls: { key: home.server.key, cert: home.server.certificate, ca: home.authority.certificate, ticketKeys: home.ticketKeys },
    routes,
    authenticate: createAuthenticate({
      federation,
      authorities: [readCertificate(home.authority.certificate)],
      membership,
      store: record,
      clock,
    }),
    clock,
    log,
    onServed: ({ caller, route, bytesOut, status: code }) => {
      if (caller !== undefined && route === "blobs.read" && code < 300) {
        const one = traffic.get(caller) ?? { up: 0, down: 0 };
        traffic.set(caller, { up: one.up, down: one.down + bytesOut });
      }
    },
  });

  let cancel = clock.at(millis(clock.now() + housekeeping), keepHouse);
  function keepHouse(): void {
    tidy()
      .catch((error) => log("error", "housekeeping", { error: String(error) }))
      .finally(() => {
        if (!stopped) cancel = clock.at(millis(clock.now() + housekeeping), keepHouse);
      });
  }
  async function tidy(): Promise<void> {
    await record.touch(presence.takeSeen(), clock.now());
    await record.prune(millis(clock.now() - 30 * 86_400_000), clock.now());
    const fresh = await serverOf(homeOptions, home.authority);
    if (fresh.notAfter !== home.server.notAfter) server?.renew({ key: fresh.key, cert: fresh.certificate });
  }

  log("info", "listening", { url: server.url, federation, node: name, run: run.id, state, children: roster.length });
  if (state === "running") await driver.start();
  return {
    url: server.url,
    port: server.port,
    home,
    membership,
    driver,
    run,
    plan: signed.plan,
    routes,
    status,
    here: presence.here,
    follow,
    order,
    async close() {
      stopped = true;
      cancel();
      presence.close();
      await server?.close();
      await driver.close();
      // Nothing depends on the last seen times; a disk without room must not keep the program from ending.
      await record
        .touch(presence.takeSeen(), clock.now())
        .catch((error: unknown) => log("error", "housekeeping", { error: String(error) }));
    },
  };
}

/** A reply is at most twice the model in 64-bit sums, and a header; answers before there is a model are small. */
function frameLimitOf(driver: Driver): number {
  return Math.max(16 << 20, 4 * driver.largestTask() + (2 << 20));
}

export function urlsOf({ names, addresses }: Pick<CoordinatorOptions, "names" | "addresses">, port: number): readonly string[] {
  return [...names, ...addresses.map((address) => (address.includes(":") ? `[${address}]` : address))].map(
    (host) => `https://${host}:${port}`,
  );
}
