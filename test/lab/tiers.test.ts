/** Trees of tiers in simulation: the flat federation's bytes under linear rules, whatever the tree, the losses and the arrival. */
import { describe, expect, it } from "vitest";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import type { SimulationResult } from "../../src/lab/result.js";
import { simulate } from "../../src/lab/simulate.js";
import { temporaryFolder } from "../support/folder.js";
import { smallFederation } from "../support/small-federation.js";

const executor = inlineExecutor();
const many = {
  ...smallFederation,
  data: { use: "fleet", machines: 12, days: 20, sites: 6, seed: 2 },
  sites: { use: "by", column: "site" },
  model: { use: "mlp", hidden: [4] },
  rounds: 2,
};
const run = (change: object): Promise<SimulationResult> => simulate({ ...many, ...change }, { compare: false, executor }).result;

describe("a federation with tiers", () => {
  it("gives the flat federation's model, and says what the tree saved", async () => {
    const flat = await run({});
    const sites = flat.scenarios.federated?.perSite.map(({ site }) => site) ?? [];
    expect(sites.length).toBe(6);
    const tiered = await run({
      tiers: {
        north: { bandwidth: "2Mbit/s", children: { hall: { children: sites.slice(0, 2) }, yard: { children: sites.slice(2, 4) } } },
        south: { children: sites.slice(4) },
      },
    });
    expect(tiered.model).toEqual(flat.model);
    expect(tiered.rounds.map((round) => round.model)).toEqual(flat.rounds.map((round) => round.model));
    expect(tiered.rounds[0].included).toEqual(sites);
    expect(tiered.tiers?.links.map(({ name, parent, sites: below }) => [name, parent, below])).toEqual([
      ["north", "enterprise", 4],
      ["hall", "north", 2],
      ["yard", "north", 2],
      ["south", "enterprise", 2],
    ]);
    const { wan, flat: alone } = tiered.tiers as NonNullable<SimulationResult["tiers"]>;
    expect(wan.bytesUp).toBeLessThan(alone.bytesUp);
    expect(wan.bytesDown).toBeLessThan(0.5 * alone.bytesDown);
    expect(tiered.rounds[1].tiers?.included[0].rounds?.[0].map(({ site }) => site)).toEqual(["hall", "yard"]);
  });

  it("gives the same model in a world that loses, doubles and delays, and again when it goes on after a stop", async () => {
    const tiers = { north: { rounds: 2, children: ["s*1", "s*2", "s*3"] }, south: { children: ["s*4", "s*5", "s*6"] } };
    const conditions = { latency: [1, 300], loss: 0.15, duplication: 0.2, dropout: 0.2, skew: 20 };
    const rough = { tiers, conditions, rounds: 4, quorum: { goal: 1, minimum: 0.4, deadline: "30s", attempts: 6 } };
    const whole = await run(rough);
    expect(await run(rough)).toMatchObject({ model: whole.model, rounds: whole.rounds.map(({ included }) => ({ included })) });
    expect(whole.rounds.some(({ excluded }) => excluded.some(({ reason }) => reason.startsWith("north: ")))).toBe(true);
    const state = await temporaryFolder();
    const stop = new AbortController();
    const stopped = simulate({ ...many, ...rough }, { compare: false, executor, state, signal: stop.signal });
    for await (const event of stopped.events) if (event.kind === "round" && event.round === 2) stop.abort();
    await expect(stopped.result).rejects.toThrow(/ABORTED/);
    const resumed = await simulate({ ...many, ...rough }, { compare: false, executor, state, resume: true }).result;
    expect(resumed.model).toEqual(whole.model);
    expect(resumed.rounds.map(({ model, included }) => [model, included])).toEqual(
      whole.rounds.map(({ model, included }) => [model, included]),
    );
  });

  it("keeps models and updates to the share of a link, and lets questions pass", async () => {
    const tree = (bandwidth?: string) => ({ north: { ...(bandwidth === undefined ? {} : { bandwidth }), children: ["*"] } });
    const big = { model: { use: "mlp", hidden: [1500] }, quorum: { goal: 1, minimum: 1, deadline: "2min", attempts: 1 } };
    const free = await run({ ...big, tiers: tree() });
    const narrow = await run({ ...big, tiers: tree("1Mbit/s") });
    expect(narrow.model).toEqual(free.model);
    // Hundreds of kilobytes for each of two rounds do not fit through such a link within the round.
    await expect(run({ ...big, tiers: tree("20kbit/s") })).rejects.toThrow(/ROUND_ABANDONED/);
  });
});
