/**
 * The deterministic world: runs the real protocols of coordinator and sites under a virtual clock and a seeded network. Messages cross
 * it as bytes, through the same codec as a real wire. Training runs for real, in parallel, on an Executor; only its duration is virtual,
 * so that the order of events, and with it the result, never depends on the machine.
 */
import { type Bucket, type BucketState, bucket, linkBucket } from "../core/bucket.js";
import { fail, MillwrightError } from "../core/errors.js";
import { type Millis, millis } from "../core/quantities.js";
import { seeded } from "../core/random.js";
import {
  type ClosedRound,
  type CoordinatorInput,
  type CoordinatorPlan,
  type CoordinatorState,
  coordinatorProtocol,
  newCoordinator,
} from "../round/coordinator.js";
import { decodeMessage, encodeMessage, keyOf, type Message } from "../round/messages.js";
import type { Node, NodeInput, NodeState } from "../round/node.js";
import { newSite, type SiteInput, type SiteState, siteProtocol } from "../round/site.js";

/** What goes wrong in the simulated world, and how fast things are. Everything is drawn from the seed. */
export interface Conditions {
  /** One-way delay of a message, drawn evenly from [least, most] milliseconds. */
  readonly latency: readonly [number, number];
  /** Probability that a message is lost, and that it arrives twice. */
  readonly loss: number;
  readonly duplication: number;
  /** Probability that a site is away for a whole attempt of a round. */
  readonly dropout: number;
  /** Slowness of sites: training takes 1 + skew * u times as long, u drawn evenly per site and round. */
  readonly skew: number;
}

export const calm: Conditions = { latency: [5, 5], loss: 0, duplication: 0, dropout: 0, skew: 0 };

/** The part of a site that does the work of a request; it knows the site's data. */
export interface SiteWorker {
  readonly site: string;
  /** Virtual milliseconds that training takes when the site is not slowed down. */
  readonly trainingTime: number;
  work(request: Extract<Message, { type: "ask" | "train" }>): Promise<Extract<Message, { type: "answer" | "update" }>>;
}

export interface Traffic {
  up: number;
  down: number;
}

/** A facility or a region between the sites and the root: a link of its own to its parent. */
export interface WorldRelay {
  readonly name: string;
  readonly node: Node;
  /** Bytes per second, each way, that models and updates may use of the link to the parent. */
  readonly bandwidth?: number;
}

/** Who reports to whom. A site or a relay that is not named reports to the root. */
export interface WorldTree {
  readonly relays: readonly WorldRelay[];
  readonly parents: ReadonlyMap<string, string>;
}

/** Somebody below a relay who did not count in one of its rounds. */
export interface RelayExclusion {
  readonly tier: string;
  readonly site: string;
  readonly reason: string;
}

export interface World {
  /** Asks every site and waits for all answers, by site. */
  ask(topic: string, body: unknown): Promise<ReadonlyMap<string, unknown>>;
  /** Runs the rounds from `round` on; `closed` is called, and awaited, after each, with the bytes so far. */
  train(
    plan: CoordinatorPlan,
    model: Float32Array,
    round: number,
    closed: (round: ClosedRound, traffic: ReadonlyMap<string, Traffic>) => Promise<void>,
  ): Promise<Float32Array>;
  /** Bytes so far, by link: a site's or a relay's to its parent. */
  readonly traffic: ReadonlyMap<string, Traffic>;
  /** Who did not count at a relay since this was asked last. */
  readonly exclusions: () => readonly RelayExclusion[];
  /** Virtual milliseconds since the start. */
  readonly now: () => Millis;
}

type Event =
  | { readonly to: "coordinator"; readonly from: string; readonly bytes: Uint8Array }
  | { readonly to: "relay"; readonly relay: string; readonly from: string; readonly bytes: Uint8Array }
  | { readonly to: "relay below"; readonly relay: string; readonly bytes: Uint8Array }
  | { readonly to: "relay timer"; readonly relay: string }
  | { readonly to: "site"; readonly site: string; readonly bytes: Uint8Array }
  | { readonly to: "timer" }
  | { readonly to: "worker"; readonly site: string; readonly reply: Promise<Message> };

/** Events that one run may have: far above any real run, so that a protocol that never ends is an error and not a hang. */
const mostEvents = 50_000_000;

export function createWorld(
  plan: CoordinatorPlan,
  workers: readonly SiteWorker[],
  conditions: Conditions,
  seed: string,
  tree: WorldTree = { relays: [], parents: new Map() },
): World {
  /** How often a message went out before, by its label: what befalls it is drawn by name, so a run that is resumed meets the same fate. */
  const sent = new Map<string, number>();
  const byName = new Map(workers.map((worker) => [worker.site, worker]));
  const sites = new Map<string, SiteState>(workers.map((worker) => [worker.site, newSite(worker.site)]));
  const relays = new Map(tree.relays.map((relay) => [relay.name, { node: relay.node, state: relay.node.initial as NodeState }]));
  const traffic = new Map<string, Traffic>(
    [...workers.map((worker) => worker.site), ...relays.keys()].map((name) => [name, { up: 0, down: 0 }]),
  );
  const links = pacedLinks(tree);
  let excluded: RelayExclusion[] = [];
  const queue = eventQueue<Event>();
  let coordinator: CoordinatorState = newCoordinator(plan);
  let now = millis(0);
  let events = 0;
  // What the caller waits for at this moment.
  let answered: ReadonlyMap<string, unknown> | undefined;
  let finished: Float32Array | undefined;
  let failure: MillwrightError | undefined;
  let closedRounds: { readonly round: ClosedRound; readonly traffic: ReadonlyMap<string, Traffic> }[] = [];

  function deliver(event: Event, site: string, message: Message, way: "up" | "down", size: number): void {
    const label = `${site}/${message.type}/${keyOf(message)}`;
    const times = sent.get(label) ?? 0;
    sent.set(label, times + 1);
    const random = seeded(seed, "network", label, times);
    const copies = random.float() < conditions.duplication ? 2 : 1;
    const leaves = now + links(site, way, now, size, message);
    for (let copy = 0; copy < copies; copy++) {
      if (random.float() < conditions.loss) continue;
      const [least, most] = conditions.latency;
      queue.push(leaves + least + (most - least) * random.float(), event);
    }
  }

  function toCoordinator(input: CoordinatorInput): void {
    const [next, effects] = coordinatorProtocol.step(coordinator, input, now);
    coordinator = next;
    const encoded = new Map<Message, Uint8Array>();
    for (const effect of effects) {
      if (effect.type === "send") {
        sendDown(effect.to, effect.message, encoded);
      } else if (effect.type === "timer") queue.push(effect.at, { to: "timer" });
      else if (effect.type === "answered") answered = effect.answers;
      else if (effect.type === "closed") {
        sent.clear();
        // Counted now: the sends that open the next round follow in the same step.
        closedRounds.push({ round: effect.round, traffic: new Map([...traffic].map(([site, one]) => [site, { ...one }])) });
      } else if (effect.type === "finished") finished = effect.model;
      else failure = effect.error;
    }
  }

  function sendDown(to: string, message: Message, encoded: Map<Message, Uint8Array>): void {
    const bytes = encoded.get(message) ?? encodeMessage(message);
    encoded.set(message, bytes);
    counted(to).down += bytes.length;
    const event: Event = relays.has(to) ? { to: "relay below", relay: to, bytes } : { to: "site", site: to, bytes };
    if (!isAway(to, message)) deliver(event, to, message, "down", bytes.length);
  }

  function sendUp(from: string, message: Message): void {
    const bytes = encodeMessage(message);
    counted(from).up += bytes.length;
    const parent = tree.parents.get(from);
    const event: Event = parent === undefined ? { to: "coordinator", from, bytes } : { to: "relay", relay: parent, from, bytes };
    deliver(event, from, message, "up", bytes.length);
  }

  function toRelay(name: string, input: NodeInput): void {
    const relay = relays.get(name);
    if (relay === undefined) fail("INTERNAL", { where: "simulated world", expected: "a relay", got: name });
    const [next, effects] = relay.node.step(relay.state, input, now);
    relay.state = next;
    const encoded = new Map<Message, Uint8Array>();
    for (const effect of effects) {
      if (effect.type === "send") sendDown(effect.to, effect.message, encoded);
      else if (effect.type === "reply") sendUp(name, effect.message);
      else if (effect.type === "timer") queue.push(effect.at, { to: "relay timer", relay: name });
      else if (effect.type === "closed") excluded.push(...effect.round.excluded.map((one) => ({ tier: name, ...one })));
      else if (effect.type === "failed") throw effect.error;
    }
  }

  /** A site that is away hears nothing in this attempt; drawn by name, so the order of events does not matter. */
  function isAway(site: string, message: Message): boolean {
    if (message.type !== "train" || conditions.dropout === 0 || relays.has(site)) return false;
    return seeded(seed, "away", site, message.round, message.attempt).float() < conditions.dropout;
  }

  function toSite(site: string, input: SiteInput): void {
    const [next, effects] = siteProtocol.step(sites.get(site) as SiteState, input, now);
    sites.set(site, next);
    for (const effect of effects) {
      if (effect.type === "send") {
        sendUp(site, effect.message);
      } else {
        const worker = byName.get(site) as SiteWorker;
        const slow = effect.request.type === "train" ? 1 + conditions.skew * seeded(seed, "speed", site, effect.request.round).float() : 1;
        const took = effect.request.type === "train" ? worker.trainingTime * slow : 1;
        const reply = worker.work(effect.request).catch((error) => refusal(site, effect.request, error));
        // The reply is awaited when its time comes; until then a rejection is not yet anybody's.
        reply.catch(() => {});
        queue.push(now + took, { to: "worker", site, reply });
      }
    }
  }

  function counted(site: string): Traffic {
    return traffic.get(site) as Traffic;
  }

  async function advance(): Promise<void> {
    const next = queue.pop();
    if (next === undefined) fail("INTERNAL", { where: "simulated world", expected: "an event or an end", got: "neither" });
    if (++events > mostEvents) fail("LIMIT_EXCEEDED", { where: "simulated world", expected: `at most ${mostEvents} events`, got: "more" });
    now = millis(next.at);
    const event = next.event;
    if (event.to === "timer") toCoordinator({ type: "timer" });
    else if (event.to === "worker") toSite(event.site, { type: "worked", reply: await event.reply });
    else if (event.to === "relay timer") toRelay(event.relay, { type: "timer" });
    else if (event.to === "relay below") toRelay(event.relay, { type: "parent", message: decodeMessage(event.bytes) });
    else if (event.to === "relay") toRelay(event.relay, { type: "message", from: event.from, message: decodeMessage(event.bytes) });
    else if (event.to === "site") toSite(event.site, { type: "message", message: decodeMessage(event.bytes) });
    else toCoordinator({ type: "message", from: event.from, message: decodeMessage(event.bytes) });
  }

  return {
    traffic,
    exclusions() {
      const all = excluded;
      excluded = [];
      return all;
    },
    now: () => now,
    async ask(topic, body) {
      answered = undefined;
      failure = undefined;
      toCoordinator({ type: "ask", topic, body });
      while (answered === undefined && failure === undefined) await advance();
      if (failure !== undefined) throw failure;
      return answered as unknown as ReadonlyMap<string, unknown>;
    },
    async train(rounds, model, round, closed) {
      finished = undefined;
      failure = undefined;
      toCoordinator({ type: "begin", plan: rounds, model, round });
      for (;;) {
        const ready = closedRounds;
        closedRounds = [];
        for (const one of ready) await closed(one.round, one.traffic);
        if (failure !== undefined) throw failure;
        if (finished !== undefined) return finished;
        await advance();
      }
    },
  };
}

/** Milliseconds that bytes wait before they leave: models and updates keep to their share of a link, everything else does not wait. */
function pacedLinks({ relays }: WorldTree) {
  const links = new Map<string, { readonly pace: Bucket; state: BucketState }>();
  for (const { name, bandwidth } of relays) {
    if (bandwidth === undefined) continue;
    for (const way of ["up", "down"]) {
      const pace = bucket(linkBucket(bandwidth));
      links.set(`${way} ${name}`, { pace, state: pace.start(millis(0)) });
    }
  }
  return (name: string, way: "up" | "down", now: Millis, size: number, message: Message): number => {
    const link = links.get(`${way} ${name}`);
    if (link === undefined) return 0;
    const bulk = message.type === "train" || message.type === "update" || message.type === "partial";
    const [state, wait] = link.pace.take(link.state, now, size, bulk ? "bulk" : "control");
    link.state = state;
    return wait;
  };
}

function refusal(from: string, request: Message, error: unknown): Message {
  // Only coded errors are a site's answer; anything else is a defect and must not look like a site that is down.
  if (!(error instanceof MillwrightError)) throw error;
  const answers =
    request.type === "train"
      ? `round ${request.round} attempt ${request.attempt}`
      : `exchange ${(request as { exchange: number }).exchange}`;
  return { type: "refuse", answers, from, code: error.code, text: error.message.slice(0, 2000) };
}

/** A binary heap of events by time, then by order of insertion. */
function eventQueue<E>() {
  const heap: { at: number; order: number; event: E }[] = [];
  let inserted = 0;
  const before = (a: number, b: number) => heap[a].at < heap[b].at || (heap[a].at === heap[b].at && heap[a].order < heap[b].order);
  const swap = (a: number, b: number) => {
    const kept = heap[a];
    heap[a] = heap[b];
    heap[b] = kept;
  };
  return {
    push(at: number, event: E): void {
      heap.push({ at, order: inserted++, event });
      for (let i = heap.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!before(i, parent)) break;
        swap(i, parent);
        i = parent;
      }
    },
    pop(): { at: number; event: E } | undefined {
      const top = heap[0];
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return top;
      heap[0] = last;
      for (let i = 0; ; ) {
        const left = 2 * i + 1;
        let least = i;
        if (left < heap.length && before(left, least)) least = left;
        if (left + 1 < heap.length && before(left + 1, least)) least = left + 1;
        if (least === i) break;
        swap(i, least);
        i = least;
      }
      return top;
    },
  };
}
