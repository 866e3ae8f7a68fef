/** Trees that lose, double, delay and forget: the model is what the record of who was included implies, and a linear rule's is the flat one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { millis } from "../../src/core/quantities.js";
import { type FederationFile, parseFederation } from "../../src/round/file.js";
import { leavesOf } from "../../src/round/node-inclusion.js";
import { smallFederation } from "../support/small-federation.js";
import { prepareTree, runTree } from "./tree-world.js";

const base = {
  ...smallFederation,
  data: { use: "fleet", machines: 6, days: 24, sites: 6, seed: 2 },
  sites: { use: "by", column: "site" },
  model: { use: "mlp", hidden: [3] },
  rounds: 2,
  quorum: { goal: 1, minimum: 1, deadline: "40s", attempts: 8 },
};
const federation = (change: object = {}): FederationFile => parseFederation({ ...base, ...change });
const { tree: flatTree } = await prepareTree(federation());
const sites = flatTree.sites;
const flat = await runTree(federation(), {}, "flat");
const hashes = (rounds: readonly { model?: Float32Array }[]) => rounds.map(({ model }) => Array.from(model as Float32Array));

type Spec = { children: (string | Record<string, Spec>)[] };

/** A random tree over all sites. */
const trees = fc.infiniteStream(fc.nat(1_000_000)).map((numbers): Record<string, Spec> => {
  let made = 0;
  const draw = (below: number): number => (numbers.next().value as number) % below;
  const grow = (members: readonly string[], depth: number): Spec => {
    const children: (string | Record<string, Spec>)[] = [];
    for (let at = 0; at < members.length; ) {
      const size = 1 + draw(members.length - at);
      const part = members.slice(at, at + size);
      at += size;
      if (depth >= 4 || draw(3) === 0) children.push(...part);
      else children.push({ [`tier-${++made}`]: grow(part, depth + 1) });
    }
    return { children };
  };
  const start = 1 + draw(sites.length - 1);
  return { [`tier-${++made}`]: grow(sites.slice(0, start), 1), [`tier-${++made}`]: grow(sites.slice(start), 1) };
});

describe("a tree of relays that forward sums", () => {
  it("gives the flat federation's model over random trees, arrival orders, losses, doubles and kills", async () => {
    expect(flat.release).toBeDefined();
    await fc.assert(
      fc.asyncProperty(trees, fc.nat(1000), fc.constantFrom(0, 0.15), fc.constantFrom(0, 0.1), async (tiers, seed, loss, kill) => {
        const file = federation({ tiers });
        const result = await runTree(file, { loss, duplication: loss, kill, delay: 300 }, `tree ${seed}`);
        if (result.error !== undefined) throw result.error;
        if (result.rounds.every(({ included }) => leavesOf(included).size === sites.length)) {
          expect(hashes(result.rounds)).toEqual(hashes(flat.rounds));
          expect(result.release?.metrics).toEqual(flat.release?.metrics);
          expect(result.release?.bundle).toEqual(flat.release?.bundle);
        } else expect(loss + kill).toBeGreaterThan(0);
        // Kills cost no pass: what was trained for an attempt is said again, not trained again.
        for (const times of result.trained.values()) expect(times).toBe(1);
      }),
      { numRuns: 8 },
    );
  });

  it("counts every site's examples, names who was silent, and goes on", async () => {
    const tiers = { north: { children: sites.slice(0, 3) }, south: { children: sites.slice(3) } };
    const quorum = { goal: 1, minimum: 0.5, deadline: "40s", attempts: 2 };
    const file = federation({ tiers, quorum });
    const { rounds, relayRounds, release } = await runTree(file, { silent: [sites[0]] }, "silent");
    expect(release).toBeDefined();
    expect([...leavesOf(rounds[0].included).keys()]).toEqual(sites.slice(1));
    expect(relayRounds.get("north")?.[0].excluded).toEqual([{ site: sites[0], reason: "no answer before the round closed" }]);
    expect(rounds[0].included.map(({ members }) => members)).toEqual([2, 3]);
    expect(relayRounds.get("north")?.[0].model).toBeUndefined();
  });
});

describe("a tree whose facilities run rounds of their own", () => {
  it("numbers them, keeps them apart and forwards one change of many members", async () => {
    const tiers = { north: { rounds: 3, children: sites.slice(0, 3) }, south: { children: sites.slice(3) } };
    const calm = await runTree(federation({ tiers }), {}, "calm");
    expect(calm.relayRounds.get("north")?.map(({ round }) => round)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(calm.relayRounds.get("south")?.map(({ round }) => round)).toEqual([1, 2]);
    expect(calm.rounds[1].included[0].rounds?.map((round) => round.map(({ site }) => site))).toEqual([
      sites.slice(0, 3),
      sites.slice(0, 3),
      sites.slice(0, 3),
    ]);
    const rough = await runTree(federation({ tiers }), { loss: 0.1, duplication: 0.3, kill: 0.1, delay: 200 }, "rough");
    expect(hashes(rough.rounds)).toEqual(hashes(calm.rounds));
    expect(hashes(calm.rounds)).not.toEqual(hashes(flat.rounds));
  });
});

describe("a node", () => {
  it("restored after every input goes on to the same bytes", async () => {
    const { node, inputs, state, rounds } = await runTree(federation(), { loss: 0.1, delay: 100 }, "restored");
    let steady = node.initial;
    let restored = node.initial;
    const models: Float32Array[] = [];
    for (const { input, at } of inputs) {
      const [next] = node.step(steady, input, millis(at));
      const [again, effects] = node.step(node.restore(node.snapshot(restored)), input, millis(at));
      steady = next;
      restored = again;
      for (const effect of effects) if (effect.type === "closed") models.push(effect.round.model as Float32Array);
      expect(Buffer.from(node.snapshot(restored)).equals(node.snapshot(steady))).toBe(true);
      expect(node.pending(restored)).toEqual(node.pending(steady));
      expect(node.waiting(restored)).toEqual(node.waiting(steady));
    }
    expect(hashes(models.map((model) => ({ model })))).toEqual(hashes(rounds));
    expect(Buffer.from(node.snapshot(state)).equals(node.snapshot(steady))).toBe(true);
  });

  it("lets somebody in who came late, from the next round on, and lets somebody go", async () => {
    const file = federation({ rounds: 6 });
    const order = (round: number) => {
      if (round === 2) return { message: { type: "order", order: "include", site: sites[5] } } as const;
      return round === 4 ? ({ message: { type: "order", order: "exclude", site: sites[0] } } as const) : undefined;
    };
    const { rounds, release, error } = await runTree(file, { delay: 5 }, "late", { absent: [sites[5]], order });
    expect(error).toBeUndefined();
    expect(release?.rounds).toBe(6);
    expect(rounds.map(({ included }) => included.map(({ site }) => site).includes(sites[5]))).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
    expect(rounds[5].included.map(({ site }) => site)).toEqual(sites.slice(1));
  });

  it("lets a relay's cohort grow: the root is told before the new member counts", async () => {
    const file = federation({ rounds: 6, tiers: { north: { children: sites.slice(0, 3) }, south: { children: sites.slice(3) } } });
    const order = (round: number) =>
      round === 2 ? ({ node: "south", message: { type: "order", order: "include", site: sites[5] } } as const) : undefined;
    const { rounds, relayRounds, node, state, error } = await runTree(file, { delay: 5 }, "grows", { absent: [sites[5]], order });
    expect(error).toBeUndefined();
    expect(rounds.map(({ excluded }) => excluded)).toEqual([[], [], [], [], [], []]);
    expect(rounds.map(({ included }) => included[1].members)).toEqual([2, 2, 2, 3, 3, 3]);
    expect(relayRounds.get("south")?.map(({ included }) => included.length)).toEqual([2, 2, 2, 3, 3, 3]);
    const weight = rounds[5].included[1].weight;
    expect(node.roster(state)).toContainEqual({ site: "south", members: 3, weight });
  });

  it("says what it waits for, and since when", async () => {
    const { node } = await runTree(federation(), {}, "waits");
    expect(node.waiting(node.initial).what).toBe("the start of the run");
    const [asked] = node.step(node.initial, { type: "start" }, millis(1000));
    expect(node.waiting(asked)).toMatchObject({ what: "statistics", since: 1000, missing: sites, answered: [] });
    const refuse = { type: "refuse", answers: "exchange 1", from: sites[0], code: "DATA_MISSING", text: "no such file" } as const;
    const [refused] = node.step(asked, { type: "message", from: sites[0], message: refuse }, millis(1001));
    expect(node.waiting(refused)).toMatchObject({
      missing: sites.slice(1),
      refused: [{ site: sites[0], reason: "DATA_MISSING: no such file" }],
    });
  });
});
