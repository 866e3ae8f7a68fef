/**
 * A process of an engine on a real machine: a front that serves members over HTTPS, a worker that drives nodes, or both. Any number of them
 * share one record (PostgreSQL), one bucket of blobs, perhaps one queue, and the federation's home folder (authority, keys), which each needs
 * to read: mount it as a secret. Members reach the fronts under one name, through DNS or a balancer that passes TCP on: TLS ends here.
 */
import type { BlobStore } from "../core/blobs.js";
import { fail } from "../core/errors.js";
import type { Clock, Disk, SecretRandom } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { RecordStore } from "../core/record.js";
import { moduleModelOf } from "../edge/plan-modules.js";
import { readCertificate } from "../io/crypto/certificate.js";
import { publicPem, sha256 } from "../io/crypto/keys.js";
import type { SignedPlan } from "../io/crypto/plan-envelope.js";
import type { ReferenceQueue } from "../io/engine/queue.js";
import { type HttpsServer, type Log, serveHttps } from "../io/transport/server.js";
import { waiters } from "../io/transport/waiters.js";
import { version } from "../io/version.js";
import { parseFederation } from "../round/file.js";
import type { Message } from "../round/messages.js";
import { childrenOfTier } from "../round/tiers.js";
import { type Aggregator, prepareRun, startAggregator } from "./aggregator.js";
import { type Front, openFront } from "./engine-front.js";
import { pause } from "./engine-node.js";
import { type EngineShape, engineShape } from "./engine-roles.js";
import { createExchange } from "./exchange.js";
import { type Home, openHome } from "./home.js";
import { createMembership, type Membership } from "./membership.js";
import { createAuthenticate } from "./membership-authenticate.js";
import { metricsText } from "./metrics.js";
import { ruleOf } from "./node.js";
import { openRun } from "./open-run.js";
import { readOrder } from "./orders.js";
import { rootName, tierOf } from "./plan-members.js";
import { createPresence } from "./presence.js";
import { publish } from "./release.js";
import { rolesFor } from "./roles.js";
import { coordinatorRoutes } from "./route-table.js";
import { type Status, statusOf } from "./status.js";
import { mayTouch, withTasks } from "./task-blobs.js";

export interface EngineOptions {
  /** The federation's home: the same for every process. */
  readonly disk: Disk;
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly queue: ReferenceQueue;
  readonly clock: Clock;
  readonly random: SecretRandom;
  readonly log: Log;
  readonly federation: string;
  /** The signed plan: the same for every process. */
  readonly plan: (home: Home) => Promise<{ readonly text: string; readonly sha256: string; readonly plan: SignedPlan }>;
  /** Folder of the modules that the plan pins. */
  readonly modules: string;
  /** Nodes that add up for the root; 0: the root takes replies itself. The same for every process of a run. */
  readonly shards: number;
  /** Serve members here; absent: this process only works. */
  readonly serve?: { readonly host: string; readonly port: number };
  /** Under which members reach the fronts; the same for every process. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** Drive nodes here. */
  readonly work: boolean;
  readonly passphrase?: string;
  readonly automaticRelease: boolean;
  readonly memory: () => number;
  readonly processorSeconds: () => number;
}

export interface EngineProcess {
  readonly home: Home;
  readonly shape: EngineShape;
  readonly run: string;
  readonly membership?: Membership;
  readonly url?: string;
  readonly port?: number;
  readonly status?: () => Promise<Status>;
  /** Nodes that this process drives. */
  readonly holds: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** Millis between writing seen times and looking for revocations at other fronts. */
const housekeeping = 10_000;

export async function startEngine(options: EngineOptions): Promise<EngineProcess> {
  const { record, blobs, queue, clock, random, log, federation } = options;
  const { home, signed, row } = await together(options);
  const file = parseFederation(signed.plan.file, "signed plan");
  const tier = tierOf(file, signed.plan.members, rootName);
  const model = await moduleModelOf(file, signed.plan, options.modules);
  const shape = engineShape({
    ...{ file, children: childrenOfTier(tier), shards: options.shards, name: rootName },
    rule: await ruleOf(signed.plan, tier.rule, options.modules),
    ...(model === undefined ? {} : { model }),
  });
  const run = row.id;
  const shared = { shape, run: row, record, blobs, queue, clock, random };
  await prepareRun(shared);
  let aggregator: Aggregator | undefined;
  if (options.work) {
    aggregator = await startAggregator({
      ...shared,
      log,
      async released(release) {
        const plan = { sha256: signed.sha256, seed: file.seed, file: signed.plan.file };
        const made = await publish(release, {
          ...{ record, blobs, key: home.releaseKey, clock, federation, run, plan, node: rootName, automatic: options.automaticRelease },
        });
        log("info", "run.finished", { run, version: made.version, model: made.model, metrics: release.metrics });
      },
    });
  }
  const served =
    options.serve === undefined ? undefined : await serveMembers(options, options.serve, { home, signed, shape, run, rounds: file.rounds });
  return {
    home,
    shape,
    run,
    ...served?.told,
    holds: () => aggregator?.holds() ?? [],
    async close() {
      await served?.close();
      await aggregator?.close();
    },
  };
}

/** What must be made once, by one process: the home, the plan, the run. */
async function together(options: EngineOptions) {
  const { disk, record, clock, random, federation, names, addresses, passphrase } = options;
  const holder = sha256(random.bytes(16));
  for (let tries = 0; ; tries++) {
    const lease = await record.lease("engine.home", holder, millis(clock.now() + 30_000), clock.now());
    if (lease !== undefined) {
      try {
        await disk.makeFolder("");
        const home = await openHome({ disk, federation, names, addresses, clock, random, passphrase });
        const signed = await options.plan(home);
        return { home, signed, row: await openRun({ record, federation, name: rootName }, signed, clock.now()) };
      } finally {
        await record.endLease(lease);
      }
    }
    if (tries > 150) fail("RECORD_UNAVAILABLE", { where: "engine.home", expected: "the lease within 30 s", got: "others hold it" });
    await pause(clock, 200);
  }
}

interface Known {
  readonly home: Home;
  readonly signed: { readonly text: string; readonly sha256: string; readonly plan: SignedPlan };
  readonly shape: EngineShape;
  readonly run: string;
  readonly rounds: number;
}

async function serveMembers(options: EngineOptions, at: NonNullable<EngineOptions["serve"]>, known: Known) {
  const { record, blobs, queue, clock, random, log, federation } = options;
  const { home, signed, shape, run } = known;
  const roster = shape.roles.flatMap((role) =>
    role === shape.root && shape.shards.length > 0 ? [] : role.children.map(({ site }) => site),
  );
  const upSince = clock.now();
  const polls = waiters({ clock });
  const presence = createPresence(clock, () => {});
  const traffic = { up: 0, down: 0 };
  let server: HttpsServer | undefined;
  let stopped = false;
  const front: Front = await openFront({ shape, run, record, blobs, queue, clock, tasks: polls.wakeAll });

  async function order(message: Extract<Message, { type: "order" }>, by: string): Promise<void> {
    await front.order(message);
    const state = (await record.run(run))?.state;
    if ((message.order === "pause" || message.order === "resume") && (state === "running" || state === "paused"))
      await record.setRunState(run, message.order === "pause" ? "paused" : "running");
    await record.audit({ at: clock.now(), actor: by, action: `run.${message.order}`, target: message.site ?? run, detail: {} });
    log("warn", `run.${message.order}`, { by, site: message.site });
  }
  const membership = createMembership({
    store: record,
    authority: home.authority,
    clock,
    random,
    trust: { plan: [publicPem(home.planKey)], release: [publicPem(home.releaseKey)] },
    onRevoked({ name, serials, whole }) {
      server?.cut(whole ? { serials, names: [name] } : { serials });
      if (!whole) return;
      presence.drop(name);
      const out = { type: "order", order: "exclude", site: name } as const;
      if (roster.includes(name)) order(out, "system").catch((error) => log("error", "member.exclude", { name, error: String(error) }));
    },
  });
  const frameLimit = () => Math.max(16 << 20, 4 * front.driver.largestTask() + (2 << 20));
  const exchange = createExchange({
    ...{ driver: front.driver, blobs, presence, waiters: polls, clock, digest: sha256, state: front.state, frameLimit },
    plan: () => signed.sha256,
    count(_member, up, down) {
      traffic.up += up;
      traffic.down += down;
    },
  });
  const status = () =>
    statusOf({
      ...{
        federation,
        node: rootName,
        version: version(),
        upSince,
        now: clock.now,
        runId: () => run,
        rounds: known.rounds,
        record,
        presence,
      },
      driver: front.driver,
      roster: () => roster,
      traffic: () => traffic,
      lacking: front.lacking,
      lastRound: () => Number(/^round (\d+)/.exec(front.driver.waiting().what)?.[1] ?? 1) - 1,
    });
  const urls = () => [...options.names, ...options.addresses].map((host) => `https://${host}:${server?.port ?? at.port}`);
  server = await serveHttps({
    ...at,
    tls: { key: home.server.key, cert: home.server.certificate, ca: home.authority.certificate, ticketKeys: home.ticketKeys },
    routes: coordinatorRoutes({
      rounds: {
        ...{ exchange, record, runId: () => run, status },
        plan: async () => new TextEncoder().encode(signed.text),
        metrics: async () =>
          metricsText({
            ...{ status: await status(), memory: options.memory(), processorSeconds: options.processorSeconds() },
            ...{ connections: server?.connections() ?? 0, polls: polls.size() },
          }),
        // The queue only makes it faster: without it this front still does its work.
        ready: () => (stopped ? "it is stopping" : undefined),
        control: (caller, body) => order(readOrder(body, roster), caller.name),
      },
      releases: {
        ...{ blobs, record, membership, federation, clock },
        decided: (release, to, by) => log("warn", "release.decided", { version: release, state: to, by }),
      },
      membership: { membership, record, urls, now: clock.now },
      blobs: withTasks(blobs, { find: exchange.frame }),
      may: mayTouch(exchange, (role) => rolesFor("round.take-part").includes(role), frameLimit),
    }),
    authenticate: createAuthenticate({
      ...{ federation, membership, store: record, clock },
      authorities: [readCertificate(home.authority.certificate)],
    }),
    clock,
    log,
  });
  const cut = new Set((await record.revoked(clock.now())).map((one) => one.serial));
  async function tidy(): Promise<void> {
    await record.touch(presence.takeSeen(), clock.now());
    // Revoked at another front: connections that are open here end too.
    const fresh = (await record.revoked(clock.now())).filter((one) => !cut.has(one.serial)).map((one) => one.serial);
    if (fresh.length > 0) server?.cut({ serials: fresh });
    for (const serial of fresh) cut.add(serial);
  }
  let cancel = () => {};
  const keepHouse = (): void => {
    tidy()
      .catch((error) => log("error", "housekeeping", { error: String(error) }))
      .finally(() => {
        if (!stopped) cancel = clock.at(millis(clock.now() + housekeeping), keepHouse);
      });
  };
  keepHouse();
  log("info", "listening", { url: server.url, federation, run, shards: shape.shards.length, queue: queue.kind });
  return {
    told: { membership, url: server.url, port: server.port, status },
    async close() {
      stopped = true;
      cancel();
      presence.close();
      await server?.close();
      await front.close();
      await record.touch(presence.takeSeen(), clock.now());
    },
  };
}
