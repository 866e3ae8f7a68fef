/**
 * A root, its relays and its sites on a bench: the real protocols and the real work, a queue of messages instead of a network. What is
 * lost, doubled, late or killed is drawn from a seed. Messages cross as bytes.
 */
import { buildRule } from "../../src/aggregation/registry.js";
import type { Rule } from "../../src/aggregation/rule.js";
import { MillwrightError } from "../../src/core/errors.js";
import { millis } from "../../src/core/quantities.js";
import { type SeededRandom, seeded } from "../../src/core/random.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { setUp } from "../../src/lab/setup.js";
import type { FederationFile } from "../../src/round/file.js";
import { decodeMessage, encodeMessage, keyOf, type Message, type Request } from "../../src/round/messages.js";
import { type ClosedStep, type Node, type NodeInput, type NodeState, operator, type Release } from "../../src/round/node.js";
import { createRelay } from "../../src/round/node-relay.js";
import { createRoot } from "../../src/round/node-root.js";
import { newSite, type SiteInput, type SiteState, siteProtocol } from "../../src/round/site.js";
import { createSiteWork, type SiteWork } from "../../src/round/site-work.js";
import { childrenOfTier, resolveTiers, type Tier, tiersBelow } from "../../src/round/tiers.js";

export interface Faults {
  /** Probabilities: a message is lost, comes twice; a node is killed after an input and comes back from its record. */
  readonly loss?: number;
  readonly duplication?: number;
  readonly kill?: number;
  /** Longest delay in ms. */
  readonly delay?: number;
  /** Sites that never answer a round. */
  readonly silent?: readonly string[];
}

export interface Outcome {
  readonly release?: Release;
  readonly error?: MillwrightError;
  readonly rounds: readonly ClosedStep[];
  readonly relayRounds: ReadonlyMap<string, readonly ClosedStep[]>;
  readonly node: Node;
  readonly state: NodeState;
  /** How often each site trained each round. */
  readonly trained: ReadonlyMap<string, number>;
  readonly inputs: readonly { readonly input: NodeInput; readonly at: number }[];
}

/** Work of sites is real and the same for all runs of a file, so it is done once. */
const works = new Map<string, { tree: Tier; sites: Map<string, SiteWork>; make: () => Map<string, SiteWork> }>();
const executor = inlineExecutor();

export async function prepareTree(file: FederationFile, dataRoot?: string) {
  const key = JSON.stringify(file);
  const kept = works.get(key);
  if (kept !== undefined) return kept;
  const setup = await setUp(file, { folder: ".", dataRoot });
  const tree = resolveTiers(
    file,
    setup.parts.map((part) => part.site),
  );
  const make = () =>
    new Map(setup.parts.map((part) => [part.site, createSiteWork({ site: part.site, part, file, seed: `${file.seed}/train`, executor })]));
  const made = { tree, sites: make(), make };
  works.set(key, made);
  return made;
}

const ruleOf = (tier: Tier): Rule => buildRule(tier.rule);

/** Runs to the release or the failure. `order` may give orders to the root after each of its closed rounds. */
export async function runTree(
  file: FederationFile,
  faults: Faults,
  seed: string,
  options: {
    readonly patient?: boolean;
    readonly absent?: readonly string[];
    readonly dataRoot?: string;
    readonly order?: (round: number) => { readonly node?: string; readonly message: Message } | undefined;
  } = {},
): Promise<Outcome> {
  const { tree, make } = await prepareTree(file, options.dataRoot);
  const sites = make();
  const random = seeded("tree", seed);
  const patient = options.patient ?? false;
  const childrenOf = (tier: Tier) => childrenOfTier(tier).filter(({ site }) => options.absent?.includes(site) !== true);
  const retry = millis(500);
  const root = createRoot({ file, seed: file.seed, children: childrenOf(tree), rule: ruleOf(tree), retry, patient });
  const nodes = new Map<string, Living>([[tree.name, living(root, random, faults)]]);
  const parents = new Map<string, string>(childrenOfTier(tree).map(({ site }) => [site, tree.name]));
  for (const tier of tiersBelow(tree)) {
    for (const { site } of childrenOfTier(tier)) parents.set(site, tier.name);
    const { name, rounds, forwards, quorum } = tier;
    const node = createRelay({ file, name, children: childrenOf(tier), rule: ruleOf(tier), rounds, forwards, quorum, retry, patient });
    nodes.set(name, living(node, random, faults));
  }
  const states = new Map<string, SiteState>([...sites.keys()].map((site) => [site, newSite(site)]));
  const queue: { at: number; order: number; run: () => void | Promise<void> }[] = [];
  const rounds: ClosedStep[] = [];
  const relayRounds = new Map<string, ClosedStep[]>();
  const trained = new Map<string, number>();
  const inputs: { input: NodeInput; at: number }[] = [];
  let now = 0;
  let order = 0;
  let release: Release | undefined;
  let error: MillwrightError | undefined;

  const later = (at: number, run: () => void | Promise<void>): void => void queue.push({ at, order: order++, run });

  function carry(message: Message, to: (message: Message) => void | Promise<void>): void {
    const bytes = encodeMessage(message);
    const copies = random.float() < (faults.duplication ?? 0) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (random.float() < (faults.loss ?? 0)) continue;
      later(now + 1 + random.float() * (faults.delay ?? 20), () => to(decodeMessage(bytes)));
    }
  }

  function give(name: string, input: NodeInput): void {
    const one = nodes.get(name) as Living;
    if (name === tree.name) inputs.push({ input, at: now });
    for (const effect of one.step(input, now)) {
      if (effect.type === "timer") later(effect.at, () => give(name, { type: "timer" }));
      else if (effect.type === "reply")
        carry(effect.message, (message) => give(parents.get(name) as string, { type: "message", from: name, message }));
      else if (effect.type === "send") {
        const { to, message } = effect;
        if (nodes.has(to)) carry(message, (arrived) => give(to, { type: "parent", message: arrived }));
        else if (!(message.type === "train" && faults.silent?.includes(to)))
          carry(message, (arrived) => toSite(to, { type: "message", message: arrived }));
      } else if (effect.type === "closed") {
        if (name !== tree.name) relayRounds.set(name, [...(relayRounds.get(name) ?? []), effect.round]);
        else {
          rounds.push(effect.round);
          const given = options.order?.(effect.round.round);
          if (given !== undefined) later(now, () => give(given.node ?? name, { type: "message", from: operator, message: given.message }));
        }
      } else if (effect.type === "released") release = effect.release;
      else error = effect.error;
    }
  }

  async function toSite(site: string, input: SiteInput): Promise<void> {
    const [next, effects] = siteProtocol.step(states.get(site) as SiteState, input, millis(now));
    states.set(site, next);
    for (const effect of effects) {
      if (effect.type === "send")
        carry(effect.message, (message) => give(parents.get(site) as string, { type: "message", from: site, message }));
      else {
        const reply = await replyOf(site, effect.request);
        later(now + 1 + random.float() * 30, () => toSite(site, { type: "worked", reply }));
      }
    }
  }

  async function replyOf(site: string, request: Request): Promise<Message> {
    if (request.type === "train") {
      const label = `${site} ${keyOf(request)}`;
      trained.set(label, (trained.get(label) ?? 0) + 1);
    }
    try {
      return await (sites.get(site) as SiteWork).work(request);
    } catch (cause) {
      if (!(cause instanceof MillwrightError)) throw cause;
      return { type: "refuse", answers: keyOf(request), from: site, code: cause.code, text: cause.message.slice(0, 2000) };
    }
  }

  give(tree.name, { type: "start" });
  for (let events = 0; release === undefined && error === undefined; events++) {
    if (events > 200_000)
      throw new Error(`no end; root waits for ${JSON.stringify(root.waiting((nodes.get(tree.name) as Living).state()))}`);
    let next = 0;
    for (let i = 1; i < queue.length; i++) {
      if (queue[i].at < queue[next].at || (queue[i].at === queue[next].at && queue[i].order < queue[next].order)) next = i;
    }
    if (queue.length === 0) throw new Error("nothing is left to happen");
    const [event] = queue.splice(next, 1);
    now = Math.max(now, event.at);
    await event.run();
  }
  const state = (nodes.get(tree.name) as Living).state();
  return { release, error, rounds, relayRounds, node: root, state, trained, inputs };
}

interface Living {
  readonly step: (input: NodeInput, now: number) => readonly ReturnType<Node["step"]>[1][number][];
  readonly state: () => NodeState;
}

/** A node that may be killed after any input, and is rebuilt from its last snapshot and the inputs since, as its driver does. */
function living(node: Node, random: SeededRandom, faults: Faults): Living {
  let state = node.initial;
  let snapshot: Uint8Array | undefined;
  let log: { input: NodeInput; at: number }[] = [];
  return {
    state: () => state,
    step(input, at) {
      const [next, effects] = node.step(state, input, millis(at));
      const moved = next !== state;
      state = next;
      if (moved) log.push({ input, at });
      if (effects.some(({ type }) => type === "closed") && random.float() < 0.5) {
        snapshot = node.snapshot(state);
        log = [];
      }
      if (random.float() >= (faults.kill ?? 0)) return effects;
      let rebuilt = snapshot === undefined ? node.initial : node.restore(snapshot);
      for (const one of log) rebuilt = node.step(rebuilt, one.input, millis(one.at))[0];
      // What is open goes out again after a start; the timer is set to the end of the wait.
      state = rebuilt;
      const { until } = node.waiting(state);
      const again = node.pending(state).map(({ to, message }) => ({ type: "send", to, message }) as const);
      return [...effects, ...again, ...(until === undefined ? [] : [{ type: "timer", at: until } as const])];
    },
  };
}
