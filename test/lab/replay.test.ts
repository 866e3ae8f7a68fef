/** A replay derives the models of a run from who was included, without the protocols; what was tampered with shows. */
import { describe, expect, it } from "vitest";
import { digestValues } from "../../src/io/store/digest.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { type RunRecord, readRecord, replay } from "../../src/lab/replay.js";
import { simulate } from "../../src/lab/simulate.js";
import { parseFederation } from "../../src/round/file.js";
import { runTree } from "../round/tree-world.js";
import { smallFederation } from "../support/small-federation.js";

const executor = inlineExecutor();
const options = { folder: ".", executor };
const base = {
  ...smallFederation,
  data: { use: "fleet", machines: 6, days: 24, sites: 6, seed: 2 },
  sites: { use: "by", column: "site" },
  model: { use: "mlp", hidden: [3] },
  rounds: 3,
  average: { last: 2 },
  quorum: { goal: 1, minimum: 0.4, deadline: "20s", attempts: 5 },
};
const flat = simulate(base, { compare: false, executor });
const sites = (await flat.result).scenarios.federated?.perSite.map(({ site }) => site) ?? [];
const tiers = {
  north: { children: { hall: { rounds: 2, children: sites.slice(0, 2) }, yard: { children: sites.slice(2, 4) } } },
  south: { children: sites.slice(4) },
};
const clean: object = tiers;

describe("a replay", () => {
  it("gives the models of a simulation with losses and absences, flat and in tiers", async () => {
    const conditions = { latency: [5, 400], loss: 0.1, duplication: 0.2, dropout: 0.3, skew: 5 };
    for (const change of [{ conditions }, { conditions, tiers: clean }, { tiers: clean, aggregate: { use: "mean", weighted: false } }]) {
      const result = await simulate({ ...base, ...change }, { compare: false, executor }).result;
      const record = readRecord(JSON.parse(JSON.stringify(result)));
      const again = await replay(undefined, record, options);
      expect(again.rounds.map(({ replayed }) => replayed)).toEqual(result.rounds.map(({ model }) => model));
      expect(again.replayed).toBe(result.model.sha256);
      expect(again.same).toBe(true);
    }
  });

  it("gives the models of roots and relays that were killed, with sites that were silent", async () => {
    const file = parseFederation({ ...base, tiers: clean });
    for (const seed of ["one", "two"]) {
      const faults = { loss: 0.05, duplication: 0.2, kill: 0.1, delay: 300, silent: [sites[1], sites[4]] };
      const { rounds, release, error } = await runTree(file, faults, seed);
      if (error !== undefined) throw error;
      const record: RunRecord = {
        format: "millwright-record/1",
        federation: file.federation,
        seed: file.seed,
        file: JSON.parse(JSON.stringify(file)),
        node: "enterprise",
        rounds: rounds.map(({ round, included, model }) => ({ round, included, model: digestValues(model as Float32Array) })),
        model: digestValues(release?.bundle.values as Float32Array),
      };
      const again = await replay(file, readRecord(JSON.parse(JSON.stringify(record))), options);
      expect(again.same).toBe(true);
      expect(rounds.some(({ included }) => JSON.stringify(included).includes(sites[1]))).toBe(false);
    }
  });

  it("shows a member that was added, left out, or counted with another weight", async () => {
    const record = readRecord(JSON.parse(JSON.stringify(await flat.result)));
    const [first, ...others] = record.rounds;
    const without = { ...first, included: first.included.slice(1) };
    const shorter = await replay(undefined, { ...record, rounds: [without, ...others] }, options);
    expect(shorter.same).toBe(false);
    expect(shorter.rounds[0].replayed).not.toBe(shorter.rounds[0].recorded);
    const heavier = { ...first, included: first.included.map((one, i) => (i === 0 ? { ...one, weight: one.weight + 1 } : one)) };
    await expect(replay(undefined, { ...record, rounds: [heavier, ...others] }, options)).rejects.toThrow(/RECORD_DAMAGED/);
    const stranger = { ...first, included: [{ ...first.included[0], site: "nobody" }] };
    await expect(replay(undefined, { ...record, rounds: [stranger] }, options)).rejects.toThrow(/RECORD_DAMAGED.*nobody/);
    await expect(replay(parseFederation({ ...base, rounds: 4 }), record, options)).rejects.toThrow(/PLAN_REFUSED/);
    expect(() => readRecord({ format: "millwright-record/1" })).toThrow(/FILE_INVALID/);
  });
});
