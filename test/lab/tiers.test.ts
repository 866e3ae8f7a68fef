/** Trees of tiers in simulation: the flat federation's bytes under linear rules, whatever the tree, the losses and the arrival. */
import { describe, expect, it } from "vitest";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import type { SimulationResult } from "../../src/lab/result.js";
import { simulate } from "../../src/lab/simulate.js";
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
});
