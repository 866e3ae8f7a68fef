/**
 * The federations that simulated worlds run: small trees with every kind of node, and a cheap stand-in for a site's work. A site's update is
 * a few whole numbers that depend on the site, the round and every byte of the model, so an update of another round, another model or
 * another site cannot pass for the right one. `recompute` derives the models again from the record of who was included, without any
 * of the code that ran.
 */
import { buildRule } from "../../aggregation/registry.js";
import type { Rule } from "../../aggregation/rule.js";
import { seeded } from "../../core/random.js";
import { fractionBits } from "../../data/statistic.js";
import { initialise } from "../../model/init.js";
import { type FederationFile, parseFederation } from "../../round/file.js";
import type { Message, Request } from "../../round/messages.js";
import type { Inclusion } from "../../round/node.js";
import { modelFor } from "../../round/node-plan.js";
import { resolveTiers, type Tier, tiersBelow } from "../../round/tiers.js";
import type { Facts } from "../../round/topics.js";

export interface Federation {
  readonly file: FederationFile;
  readonly tree: Tier;
  /** Every node with children, the root first. */
  readonly tiers: readonly Tier[];
  readonly rules: ReadonlyMap<string, Rule>;
  readonly parents: ReadonlyMap<string, string>;
  readonly sites: readonly string[];
  readonly initial: Float32Array;
}

export type Shape = "flat-2" | "flat-3" | "flat-5" | "sum" | "rounds" | "two" | "chain";
export const shapes: readonly Shape[] = ["flat-2", "flat-3", "flat-5", "sum", "rounds", "two", "chain"];

const tiers: Readonly<Record<Shape, { readonly sites: number; readonly tiers?: unknown }>> = {
  "flat-2": { sites: 2 },
  "flat-3": { sites: 3 },
  "flat-5": { sites: 5 },
  sum: { sites: 3, tiers: { north: { children: ["s1", "s2"] }, south: { children: ["s3"] } } },
  rounds: { sites: 3, tiers: { north: { rounds: 2, children: ["s1", "s2", "s3"] } } },
  two: { sites: 4, tiers: { north: { children: ["s1", "s2"] }, south: { rounds: 2, children: ["s3", "s4"] } } },
  chain: { sites: 2, tiers: { region: { children: [{ north: { children: ["s1", "s2"] } }] } } },
};

export const rounds = 3;
const kept = new Map<Shape, Federation>();

/** The federation of a shape; made once. */
export function federationOf(shape: Shape): Federation {
  const known = kept.get(shape);
  if (known !== undefined) return known;
  const { sites: count, tiers: spec } = tiers[shape];
  const sites = Array.from({ length: count }, (_, i) => `s${i + 1}`);
  const file = parseFederation({
    federation: `faults-${shape}`,
    data: { use: "fleet" },
    task: { kind: "value" },
    features: [{ use: "scale" }],
    sites: { use: "by", column: "site" },
    model: { use: "linear" },
    training: { optimizer: { use: "sgd", learningRate: 0.1 }, epochs: 1, batch: 8 },
    rounds,
    quorum: { goal: 1, minimum: 0.5, deadline: "2min", attempts: 50 },
    ...(spec === undefined ? {} : { tiers: spec }),
    seed: 3,
  });
  const tree = resolveTiers(file, sites);
  const all = [tree, ...tiersBelow(tree)];
  const made: Federation = {
    file,
    tree,
    tiers: all,
    rules: new Map(all.map((tier) => [tier.name, buildRule(tier.rule)])),
    parents: new Map(all.flatMap((tier) => tier.children.map((child) => [typeof child === "string" ? child : child.name, tier.name]))),
    sites,
    initial: initialise(modelFor(file, factsOf("s1")), seeded(file.seed, "initial values")),
  };
  kept.set(shape, made);
  return made;
}

const trainOf = (site: string): number => 5 + 3 * Number(site.slice(1));

export function factsOf(site: string): Facts {
  return {
    members: 1,
    train: trainOf(site),
    validation: 2,
    test: 2,
    inputs: { statistics: [3] },
    outputs: { kind: "number", width: 1 },
    answers: { scale: 1, offset: 0 },
  };
}

/** What a site does in a life. Its loss tells the lives apart, as rows do that came in meanwhile: a reply made anew is another reply. */
export function workOf(site: string, life: number): (request: Request) => Message {
  return (request) => {
    if (request.type === "train") {
      const { round, attempt, values } = request;
      const update = updateOf(site, round, values);
      return { type: "update", round, attempt, from: site, members: 1, weight: trainOf(site), loss: life + round / 1000, update };
    }
    const { exchange, topic } = request;
    const body = topic === "statistics" ? statistic(site) : topic === "prepare" ? factsOf(site) : null;
    return { type: "answer", exchange, from: site, body };
  };
}

function statistic(site: string): unknown {
  const mean = BigInt(site.slice(1));
  const count = trainOf(site);
  const sum = (mean << fractionBits) * BigInt(count);
  const squares = sum * (mean + 1n);
  const moments = { count, sum: sum.toString(), squares: squares.toString(), min: 0, max: 10 };
  return { schema: { inputs: ["x"], categories: {}, units: {} }, moments: { "scale/x": moments } };
}

/** A few numbers from every byte of the question (FNV-1a, then a mixer). */
function updateOf(site: string, round: number, values: Float32Array): Int32Array {
  let hash = 0x811c9dc5;
  const eat = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (let i = 0; i < site.length; i++) eat(site.charCodeAt(i));
  eat(round);
  for (const byte of new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) eat(byte);
  return Int32Array.from(values, (_, i) => {
    let mixed = Math.imul(hash ^ (i + 1), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >> 11;
  });
}

/** The models of the rounds from who was included: weighted means, by plain sums. */
export function recompute(federation: Federation, closed: readonly (readonly Inclusion[])[]): Float32Array[] {
  let model = federation.initial;
  return closed.map((included, i) => {
    model = added(model, changeOf(federation.tree, included, i + 1, model));
    return model;
  });
}

const unit = 1 / 16777216;
const added = (model: Float32Array, change: Float32Array): Float32Array => model.map((value, i) => value + change[i]);

function changeOf(tier: Tier, included: readonly Inclusion[], round: number, model: Float32Array): Float32Array {
  const { sums, weight } = sumOf(tier, included, round, model);
  // Fixed point back to floats: first to units of a whole number each, as the sums are exact.
  return Float32Array.from(sums, (sum) => (sum / weight) * unit);
}

function sumOf(
  tier: Tier,
  included: readonly Inclusion[],
  round: number,
  model: Float32Array,
): { readonly sums: number[]; readonly weight: number } {
  const sums = Array.from(model, () => 0);
  let weight = 0;
  for (const one of included) {
    const below = tier.children.find((child): child is Tier => typeof child !== "string" && child.name === one.site);
    const part = below?.forwards === "sum" ? sumOf(below, (one.rounds as Inclusion[][])[0], round, model) : undefined;
    if (part !== undefined) {
      part.sums.forEach((value, i) => {
        sums[i] += value;
      });
      weight += part.weight;
      continue;
    }
    const update = below === undefined ? updateOf(one.site, round, model) : ownRounds(below, one, round, model);
    update.forEach((value, i) => {
      sums[i] += value * one.weight;
    });
    weight += one.weight;
  }
  return { sums, weight };
}

/** The change that a tier's own rounds make, in units. */
function ownRounds(tier: Tier, one: Inclusion, round: number, values: Float32Array): number[] {
  let model = values;
  (one.rounds as Inclusion[][]).forEach((included, j) => {
    model = added(model, changeOf(tier, included, (round - 1) * tier.rounds + j + 1, model));
  });
  return Array.from(model, (value, i) => Math.round(Math.fround(value - values[i]) / unit));
}
