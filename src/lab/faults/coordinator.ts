/**
 * A coordinator in one life of its machine: the parts of the product's program (src/coordinator/program.ts and serve.ts) put together in the
 * same way, over the simulated disk, record, clock and network instead of files, SQLite and HTTPS. A relay has a parent and is a member there.
 */
import { type Driver, type DriverBlobs, openDriver } from "../../coordinator/driver.js";
import { createExchange } from "../../coordinator/exchange.js";
import { createPresence } from "../../coordinator/presence.js";
import { publish } from "../../coordinator/release.js";
import type { RecordStore, RunRow } from "../../core/record.js";
import { createMember, type Member } from "../../edge/member.js";
import { sha256 } from "../../io/crypto/keys.js";
import { fileBlobs } from "../../io/store/blobs.js";
import { waiters } from "../../io/transport/waiters.js";
import { quorumDefaults } from "../../round/file.js";
import { encodeMessage, keyOf, type Message } from "../../round/messages.js";
import { type ClosedStep, type Node, operator, type Release } from "../../round/node.js";
import { createRelay } from "../../round/node-relay.js";
import { createRoot } from "../../round/node-root.js";
import { childrenOfTier, type Tier } from "../../round/tiers.js";
import type { Federation } from "./federation.js";
import type { Life } from "./machine.js";
import type { Network } from "./network.js";
import type { Plans } from "./plans.js";
import { linkOf, type Routes } from "./routes.js";
import type { Variant } from "./variant.js";

export interface CoordinatorEvents {
  /** The state that the protocol is in now, as `node` understands it. */
  readonly state: (node: Node, state: ReturnType<Node["step"]>[0]) => void;
  readonly closed: (round: ClosedStep, model: string | undefined) => void;
  readonly released: (release: Release, version: number) => void;
  readonly ended: (state: "finished" | "failed", reason?: string) => void;
  readonly gave: (member: string, key: string) => void;
  readonly answered: (member: string, key: string, counts: boolean, digest: string) => void;
  /** A reply of a relay is on its way. */
  readonly left: (key: string, frame: { readonly sha256: string; readonly bytes: Uint8Array }) => void;
  readonly log: (text: string) => void;
}

export interface RunningCoordinator {
  readonly driver: Driver;
  readonly held: () => boolean;
  /** How often the protocol's clock was stopped or let run. */
  readonly toggles: () => number;
  readonly state: () => RunRow["state"];
  readonly polls: () => number;
  readonly order: (order: Extract<Message, { type: "order" }>) => Promise<void>;
}

export interface CoordinatorParts {
  readonly life: Life;
  readonly tier: Tier;
  readonly federation: Federation;
  readonly record: RecordStore;
  readonly network: Network<Routes>;
  readonly plans: Plans;
  readonly variant: Variant;
  readonly events: CoordinatorEvents;
}

/** Starts, and returns when members are answered. */
export async function bootCoordinator(parts: CoordinatorParts): Promise<RunningCoordinator> {
  const { life, tier, federation, network, plans, variant, events } = parts;
  const { clock } = life;
  const { file } = federation;
  const record = variant.record?.(parts.record) ?? parts.record;
  const store = await fileBlobs(life.disk);
  const blobs = variant.blobs?.(store) ?? store;
  const run = await openRun(record, federation, tier, plans.current.sha256, clock.now());
  const roster = childrenOfTier(tier).map((child) => child.site);
  let state = run.state;
  let parent: Member | undefined;

  const needed = Math.max(1, Math.ceil((tier.quorum ?? file.quorum ?? quorumDefaults).minimum * roster.length));
  const held = (): boolean => state === "paused" || roster.filter((member) => presence.isHere(member)).length < needed;
  let driver: Driver | undefined;
  let toggles = 0;
  const hold = (): void => {
    toggles++;
    driver?.hold(held());
  };
  const presence = createPresence(clock, hold);
  const polls = waiters({ clock });
  const made = nodeFor(federation, tier);
  driver = await openDriver({
    node: observed(variant.node?.(made, tier.name) ?? made, (next) => events.state(made, next)),
    run,
    record,
    blobs: blobs as DriverBlobs,
    clock: variant.driverClock?.(clock) ?? clock,
    traffic: () => ({ up: 0, down: 0 }),
    events: {
      tasks: polls.wakeAll,
      reply: (message) => parent?.send(outgoing(message)),
      halted: life.halt,
      async closed(round, model) {
        if (life.alive()) events.closed(round, model);
      },
      async released(release) {
        const row = await publish(release, {
          record,
          blobs: { ...(blobs as typeof store), put: (bytes) => blobs.put(unsigned(bytes as Uint8Array)) as ReturnType<typeof store.put> },
          key: plans.releaseKey,
          clock,
          federation: file.federation,
          run: run.id,
          plan: { sha256: plans.current.sha256, seed: file.seed, file: plans.current.plan.file },
          node: tier.name,
          automatic: true,
        });
        state = "finished";
        if (!life.alive()) return;
        events.released(release, row.version);
        events.ended("finished");
      },
      async failed(error) {
        state = "failed";
        if (life.alive()) events.ended("failed", error.message);
      },
    },
  });
  hold();
  const running = driver;

  const exchange = createExchange({
    driver: running,
    blobs: blobs as typeof store,
    presence,
    waiters: polls,
    clock,
    digest: sha256,
    state: () => state,
    plan: () => plans.current.sha256,
    frameLimit: () => 16 << 20,
    count: () => {},
  });

  async function setState(next: RunRow["state"]): Promise<void> {
    if (next === state || state === "finished" || state === "failed") return;
    await record.setRunState(run.id, next, next === "failed" ? "the parent's run failed" : undefined);
    state = next;
    hold();
    polls.wakeAll();
    if (life.alive() && (next === "finished" || next === "failed")) events.ended(next);
  }

  if (state === "running") await running.start();
  const routes: Routes = {
    blobs: store,
    plan: () => ({ now: plans.current.text, before: plans.earlier.text }),
    exchange: {
      ...exchange,
      async next(member, asked, signal) {
        const answer = await exchange.next(member, asked, signal);
        if (answer.task !== undefined && life.alive()) events.gave(member, answer.task.key);
        return answer;
      },
      async reply(member, key, frame) {
        const answer = await exchange.reply(member, key, frame);
        // The instructions of a dead process that still run here were never carried out.
        if (life.alive()) events.answered(member, key, answer.counts, frame instanceof Uint8Array ? sha256(frame) : frame.sha256);
        return answer;
      },
    },
  };
  network.serve(tier.name, { life, routes });
  const above = federation.parents.get(tier.name);
  if (above !== undefined) {
    const bare = linkOf(network, life, above, events.left);
    parent = createMember({
      link: variant.link?.(bare) ?? bare,
      clock,
      random: () => life.random.float(),
      worker: {
        async receive({ bytes, sha256: blob, message }) {
          await blobs.put(bytes);
          await running.parent({ sha256: blob, message });
        },
        doing: () => running.waiting().what,
      },
      plan: plans.current.sha256,
      log: (event) => events.log(`parent ${event.kind}${"key" in event ? ` ${event.key}` : ""}`),
      stateIs: setState,
      once: false,
      signal: new AbortController().signal,
    });
    parent.run().catch(life.halt);
  }

  return {
    driver: running,
    held,
    toggles: () => toggles,
    state: () => state,
    polls: polls.size,
    async order(message) {
      const { sha256: blob } = await blobs.put(encodeMessage(message));
      await running.submit(operator, { sha256: blob, message });
      if (message.order === "pause" || message.order === "resume") await setState(message.order === "pause" ? "paused" : "running");
      polls.wakeAll();
    },
  };
}

/** An envelope without its signature, which is another one every time and would give equal seeds different histories. */
function unsigned(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x7b) return bytes;
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(text.replace(/("sig":")[^"]*"/g, '$1"'));
}

function outgoing(message: Message) {
  const bytes = encodeMessage(message);
  return { key: keyOf(message), sha256: sha256(bytes), bytes };
}

function nodeFor({ file, rules }: Federation, tier: Tier): Node {
  const rule = rules.get(tier.name) as Exclude<ReturnType<typeof rules.get>, undefined>;
  const children = childrenOfTier(tier);
  if (tier.depth === 0) return createRoot({ file, seed: file.seed, children, rule });
  const { name, rounds, forwards, quorum } = tier;
  return createRelay({ file, name, children, rule, rounds, forwards, ...(quorum === undefined ? {} : { quorum }) });
}

/** A node that shows its states. */
function observed(node: Node, show: (state: ReturnType<Node["step"]>[0]) => void): Node {
  return {
    ...node,
    step(state, input, now) {
      const result = node.step(state, input, now);
      if (result[0] !== state) show(result[0]);
      return result;
    },
    restore(bytes) {
      const state = node.restore(bytes);
      show(state);
      return state;
    },
  };
}

async function openRun(record: RecordStore, { file }: Federation, tier: Tier, plan: string, now: RunRow["startedAt"]): Promise<RunRow> {
  const [last] = await record.runs(1);
  if (last !== undefined) return last;
  const row: RunRow = {
    id: `${file.federation}-2`,
    federation: file.federation,
    node: tier.name,
    plan,
    seed: file.seed,
    startedAt: now,
    state: "running",
  };
  await record.createRun(row, { audit: [{ at: now, actor: "system", action: "run.start", target: row.id, detail: { plan } }] });
  return row;
}
