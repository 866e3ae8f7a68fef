/**
 * Random SIGKILLs over a running federation: any node, any moment, starting up included, and a new start shortly after. What is killed
 * when follows from the seed; what the processes were doing then does not, so a seed is no replay.
 */
import type { Network } from "./network.js";

export interface KillOptions {
  /** At most so many. */
  readonly kills: number;
  readonly seed: number;
  /** Longest pause between two kills. */
  readonly pauseMs?: number;
  /** Stops before the next kill where it says so. */
  readonly enough?: () => boolean;
}

export interface Kills {
  readonly region: number;
  readonly facility: number;
  readonly plant: number;
  /** Of these: before the node was ready for its work. */
  readonly starting: number;
}

/** A node that does not get ready in this time is killed all the same. */
const patience = 5000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Kills until there were enough or the run is over, and leaves every node started. */
export async function killAtRandom(network: Network, options: KillOptions): Promise<Kills> {
  const random = evenly(options.seed);
  const longest = options.pauseMs ?? 400;
  const done = { region: 0, facility: 0, plant: 0, starting: 0 };
  const sum = () => done.region + done.facility + done.plant;
  const names = [...network.nodes.keys()];
  // Each kind is killed about as often, or plants, who are many, would take most.
  const kinds = ["region", "facility", "plant"] as const;
  let last: string | undefined;
  const pending = new Set<NodeJS.Timeout>();
  while (sum() < options.kills && network.over() === undefined && options.enough?.() !== true) {
    // One time in four the node that was killed last, while it starts; else one that is at its work.
    const again = last !== undefined && random() < 0.25;
    const kind = kinds[Math.floor(random() * kinds.length)];
    const some = names.filter((name) => network.node(name).kind === kind);
    const name = again ? (last as string) : some[Math.floor(random() * some.length)];
    const node = network.node(name);
    const end = performance.now() + patience;
    while (!again && !node.ready() && performance.now() < end && network.over() === undefined) await pause(20);
    await pause(random() * (again ? 500 : longest));
    if (!node.running() || node.done() || network.over() !== undefined) continue;
    const starting = !node.ready();
    if (await node.kill()) {
      done[node.kind]++;
      if (starting) done.starting++;
    }
    last = name;
    const timer = setTimeout(() => {
      pending.delete(timer);
      node.start();
    }, random() * 250);
    pending.add(timer);
  }
  for (const timer of pending) clearTimeout(timer);
  network.startAll();
  return done;
}

/** Even numbers in [0, 1) from a seed (Marsaglia's xorshift32). */
export function evenly(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}
