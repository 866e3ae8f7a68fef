/**
 * An engine on one machine: the real record (PostgreSQL), queue (JetStream) and blobs (a bucket), fronts, and members that really train. The
 * workers are in this process or processes of their own.
 */
import { createHash } from "node:crypto";
import { buildRule } from "../../../src/aggregation/registry.js";
import { type AggregatorOptions, prepareRun, startAggregator } from "../../../src/coordinator/aggregator.js";
import { type Front, openFront } from "../../../src/coordinator/engine-front.js";
import { type EngineShape, engineShape } from "../../../src/coordinator/engine-roles.js";
import { createExchange, type Exchange } from "../../../src/coordinator/exchange.js";
import { createPresence } from "../../../src/coordinator/presence.js";
import type { BlobStore } from "../../../src/core/blobs.js";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import type { Link } from "../../../src/edge/link.js";
import { createMember, type Worker } from "../../../src/edge/member.js";
import { systemClock } from "../../../src/io/clock.js";
import { systemRandom } from "../../../src/io/crypto/system-random.js";
import type { ReferenceQueue } from "../../../src/io/engine/queue.js";
import { waiters } from "../../../src/io/transport/waiters.js";
import { encodeBundle } from "../../../src/round/bundle.js";
import { type FederationFile, parseFederation } from "../../../src/round/file.js";
import { encodeMessage, keyOf, type Message } from "../../../src/round/messages.js";
import type { Release } from "../../../src/round/node.js";
import { newSite, siteProtocol } from "../../../src/round/site.js";
import { childrenOfTier } from "../../../src/round/tiers.js";
import { prepareTree } from "../../round/tree-world.js";
import { smallFederation } from "../../support/small-federation.js";

export const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const fileSpec = {
  ...smallFederation,
  federation: "engine",
  sites: { use: "by", column: "machine" },
  model: { use: "mlp", hidden: [4] },
  rounds: 4,
};
export const file = parseFederation(fileSpec);
export const runId = "engine-1";

export async function shapeOf(shards: number, from: FederationFile = file): Promise<EngineShape> {
  const { tree } = await prepareTree(from);
  return engineShape({ file: from, children: childrenOfTier(tree), rule: buildRule(tree.rule), shards, name: "enterprise" });
}

export interface Parts {
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly queue: ReferenceQueue;
}

export const optionsOf = (
  shape: EngineShape,
  { record, blobs, queue }: Parts,
  released: (release: Release) => Promise<void>,
): AggregatorOptions => ({
  shape,
  run: { id: runId, federation: "engine", node: "enterprise", plan: "0".repeat(64), seed: file.seed, startedAt: millis(1_000_000) },
  record,
  blobs,
  queue,
  clock: systemClock,
  random: systemRandom,
  log: (level, event, detail) => {
    if (process.env.ENGINE_LOG !== undefined) process.stderr.write(`${level} ${event} ${JSON.stringify(detail)}\n`);
  },
  released,
  lease: 4000,
  republish: 700,
});

export const startWorker = (
  shape: EngineShape,
  parts: Parts,
  most?: number,
  released: (release: Release) => Promise<void> = async () => {},
) => startAggregator({ ...optionsOf(shape, parts, released), ...(most === undefined ? {} : { most }) });

export interface TestFront extends Front {
  readonly exchange: Exchange;
}

export async function startFront(shape: EngineShape, { record, blobs, queue }: Parts): Promise<TestFront> {
  await prepareRun(optionsOf(shape, { record, blobs, queue }, async () => {}));
  const polls = waiters({ clock: systemClock });
  const front = await openFront({ shape, run: runId, record, blobs, queue, clock: systemClock, tasks: polls.wakeAll, look: 250 });
  const presence = createPresence(systemClock, () => {});
  const exchange = createExchange({
    driver: front.driver,
    blobs,
    presence,
    waiters: polls,
    clock: systemClock,
    digest,
    state: front.state,
    plan: () => "plan",
    frameLimit: () => 16 << 20,
    count: () => {},
  });
  const stop = async () => {
    presence.close();
    await front.close();
  };
  return { ...front, exchange, close: stop };
}

/** Everybody is in the member table and was seen just now. */
export async function admit(record: RecordStore, shape: EngineShape): Promise<void> {
  const names = shape.roles.flatMap((role) => role.children.map(({ site }) => site)).filter((name) => !name.startsWith("@"));
  for (const name of names) await record.putMember({ name, org: "acme", role: "site", state: "active", meta: {} });
  await record.touch(names, systemClock.now());
}

/** Sites that really train and talk to whichever front `pick` gives. Ends with the run. */
export async function runMembers(pick: () => TestFront, signal: AbortSignal, sent: (site: string, key: string) => void = () => {}) {
  const { make } = await prepareTree(file);
  const works = make();
  await Promise.all(
    [...works].map(async ([site, work]) => {
      const link: Link = {
        plan: async () => new Uint8Array(0),
        next: (asked, stop) => pick().exchange.next(site, { ...asked, waitMs: 500 }, stop),
        async fetch(sha256) {
          const bytes = pick().exchange.taskBytes(site, sha256);
          if (bytes === undefined) throw new Error("the frame is gone");
          return bytes;
        },
        async reply(key, frame) {
          const answer = await pick().exchange.reply(site, key, frame.bytes);
          sent(site, key);
          return answer;
        },
      };
      let state = newSite(site);
      const apply = async (effects: ReturnType<typeof siteProtocol.step>[1]): Promise<void> => {
        for (const effect of effects) {
          if (effect.type === "work") {
            const [next, more] = siteProtocol.step(state, { type: "worked", reply: await work.work(effect.request) }, millis(0));
            state = next;
            await apply(more);
          } else member.send(outgoing(effect.message));
        }
      };
      const worker: Worker = {
        doing: () => undefined,
        async receive({ message }) {
          const [next, effects] = siteProtocol.step(state, { type: "message", message: message as never }, millis(0));
          state = next;
          await apply(effects);
        },
      };
      const random = Math.random;
      const member = createMember({ link, clock: systemClock, random, worker, plan: "plan", log: () => {}, once: true, signal });
      await member.run();
    }),
  );
}

function outgoing(message: Message) {
  const bytes = encodeMessage(message);
  return { key: keyOf(message), sha256: digest(bytes), bytes };
}

export const bundleDigest = (release: Release): string => digest(encodeBundle(release.bundle));
