/** What goes wrong in a world, and when: drawn from its seed before it begins. Each world has some kinds of faults and not others. */
import type { SeededRandom } from "../../core/random.js";
import type { Order } from "../../round/messages.js";
import type { Federation } from "./federation.js";
import { calm, type NetworkFaults } from "./network.js";

export type Fault =
  | { readonly kind: "crash"; readonly node: string; readonly how: "power" | "process"; readonly back: number }
  /** Dies at its nth operation on the disk from now. */
  | {
      readonly kind: "crash-at";
      readonly node: string;
      readonly operation: number;
      readonly how: "power" | "process";
      readonly back: number;
    }
  /** Dies while its nth change of the record from now is being committed. */
  | { readonly kind: "crash-at-commit"; readonly node: string; readonly operation: number; readonly back: number }
  | { readonly kind: "take-over"; readonly node: string; readonly back: number }
  /** The nth operation on the disk from now fails. */
  | { readonly kind: "disk-error"; readonly node: string; readonly operation: number }
  | { readonly kind: "disk-full"; readonly node: string; readonly room: number; readonly lasts: number }
  | { readonly kind: "partition"; readonly links: readonly (readonly [string, string])[]; readonly lasts: number }
  | { readonly kind: "clog"; readonly links: readonly (readonly [string, string])[]; readonly lasts: number }
  | { readonly kind: "clock"; readonly node: string; readonly by: number }
  | { readonly kind: "order"; readonly node: string; readonly order: Order; readonly site?: string };

export interface Timed {
  readonly at: number;
  readonly fault: Fault;
}

export interface Schedule {
  readonly network: NetworkFaults;
  readonly faults: readonly Timed[];
  /** From here on everything is in order. */
  readonly heals: number;
  /** Longest time that a site works on a round, in ms. */
  readonly slowest: number;
}

const seconds = (random: SeededRandom, least: number, most: number): number => 1000 * least + random.integer(1000 * (most - least));

export function scheduleOf(federation: Federation, random: SeededRandom): Schedule {
  const coordinators = federation.tiers.map(({ name }) => name);
  const nodes = [...coordinators, ...federation.sites];
  const links = [...federation.parents];
  const window = seconds(random, 20, 240);
  const faults: Timed[] = [];
  const one = <T>(of: readonly T[]): T => of[random.integer(of.length)];
  const some = (): (readonly [string, string])[] => {
    const chosen = links.filter(() => random.integer(2) === 0);
    return chosen.length === 0 ? [one(links)] : random.shuffle(chosen);
  };
  /** With probability 2/3, up to `most` faults of a kind. */
  const add = (most: number, make: () => Fault): void => {
    const count = random.integer(3) === 0 ? 0 : 1 + random.integer(most);
    for (let i = 0; i < count; i++) faults.push({ at: random.integer(window), fault: make() });
  };
  const back = (): number => (random.integer(6) === 0 ? seconds(random, 60, 400) : seconds(random, 0, 20));

  add(4, () => ({ kind: "crash", node: one(nodes), how: random.integer(2) === 0 ? "power" : "process", back: back() }));
  add(4, () => ({
    kind: "crash-at",
    node: one(nodes),
    operation: 1 + random.integer(60),
    how: random.integer(2) === 0 ? "power" : "process",
    back: back(),
  }));
  add(3, () => ({
    kind: "crash",
    node: one(coordinators),
    how: random.integer(2) === 0 ? "power" : "process",
    back: seconds(random, 0, 5),
  }));
  add(4, () => ({ kind: "crash-at-commit", node: one(coordinators), operation: 1 + random.integer(30), back: back() }));
  add(3, () => ({ kind: "disk-error", node: one(nodes), operation: 1 + random.integer(80) }));
  add(1, () => ({ kind: "disk-full", node: one(nodes), room: random.integer(600), lasts: seconds(random, 5, 60) }));
  add(2, () => ({ kind: "partition", links: some(), lasts: seconds(random, 1, 100) }));
  add(2, () => ({ kind: "clog", links: some(), lasts: seconds(random, 1, 40) }));
  add(2, () => ({ kind: "clock", node: one(nodes), by: (random.integer(2) === 0 ? -1 : 1) * seconds(random, 1, 20_000) }));
  add(1, () => ({ kind: "take-over", node: one(coordinators), back: seconds(random, 0, 3) }));
  if (random.integer(3) === 0) {
    const at = random.integer(window);
    faults.push({ at, fault: { kind: "order", node: federation.tree.name, order: "pause" } });
    faults.push({ at: at + seconds(random, 1, 60), fault: { kind: "order", node: federation.tree.name, order: "resume" } });
  }
  // Whoever is alone under its node is not sent away.
  const siblings = federation.sites.filter((site) =>
    federation.tiers.some(({ children }) => children.length > 1 && children.includes(site)),
  );
  if (siblings.length > 0 && random.integer(3) === 0) {
    const site = one(siblings);
    const node = federation.parents.get(site) as string;
    const at = random.integer(window);
    faults.push({ at, fault: { kind: "order", node, order: "exclude", site } });
    faults.push({ at: at + seconds(random, 1, 60), fault: { kind: "order", node, order: "include", site } });
  }

  const often = (most: number): number => (random.integer(3) === 0 ? 0 : random.float() * most);
  const network: NetworkFaults = {
    loss: often(0.25),
    duplication: often(0.3),
    corruption: often(0.1),
    delay: 1 + random.integer(400),
    longest: random.integer(2) === 0 ? calm.longest : seconds(random, 5, 150),
    stale: often(0.5),
  };
  faults.sort((a, b) => a.at - b.at);
  const ends = faults.map(({ at, fault }) => at + ("lasts" in fault ? fault.lasts : 0));
  const slowest = random.integer(4) === 0 ? seconds(random, 60, 200) : seconds(random, 1, 15);
  return { network, faults, heals: Math.max(window, ...ends) + 1000, slowest };
}
