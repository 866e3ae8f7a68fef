import { describe, expect, it } from "vitest";
import { aggregate } from "../../src/aggregation/aggregate.js";
import { defaultFixedPoint, encodeFixed } from "../../src/aggregation/fixed-point.js";
import { mean } from "../../src/aggregation/mean.js";
import type { Rule } from "../../src/aggregation/rule.js";
import { fail } from "../../src/core/errors.js";
import { millis, weight } from "../../src/core/quantities.js";
import { seeded } from "../../src/core/random.js";
import { type Conditions, calm, createWorld, type SiteWorker } from "../../src/lab/world.js";
import type { ClosedRound, CoordinatorPlan } from "../../src/round/coordinator.js";

const names = ["a", "b", "c", "d", "e"];

function plan(overrides: Partial<CoordinatorPlan> = {}): CoordinatorPlan {
  return {
    sites: names,
    rounds: 4,
    rule: mean(),
    format: defaultFixedPoint,
    learningRates: [0.1, 0.1, 0.1, 0.1],
    goal: names.length,
    minimum: 3,
    deadline: millis(60_000),
    retry: millis(1_000),
    attempts: 3,
    weights: Object.fromEntries(names.map((name, i) => [name, 10 * (i + 1)])),
    ...overrides,
  };
}

/** A worker whose "training" is a fixed function of site, round and model, so that results can be derived by hand. */
function worker(site: string, counter?: Map<string, number>): SiteWorker {
  return {
    site,
    trainingTime: 100,
    async work(request) {
      if (request.type === "ask") return { type: "answer", exchange: request.exchange, from: site, body: { site } };
      counter?.set(`${site}/${request.round}/${request.attempt}`, (counter.get(`${site}/${request.round}/${request.attempt}`) ?? 0) + 1);
      const change = request.values.map((value, i) => localChange(site, request.round, i) - 0.1 * value);
      const update = encodeFixed(change, defaultFixedPoint);
      return {
        type: "update",
        round: request.round,
        attempt: request.attempt,
        from: site,
        members: 1,
        weight: 10 * (names.indexOf(site) + 1),
        loss: 1,
        update,
      };
    },
  };
}

const localChange = (site: string, round: number, i: number) => seeded(site, round, i).normal();

async function run(conditions: Conditions, settings: CoordinatorPlan = plan(), counter?: Map<string, number>, seed = "seed") {
  const rounds: ClosedRound[] = [];
  const world = createWorld(
    settings,
    names.map((name) => worker(name, counter)),
    conditions,
    seed,
  );
  const model = await world.train(settings, new Float32Array(7), 1, async (round) => void rounds.push(round));
  return { model, rounds, world };
}

/** What the record of who was included says the model must be. */
function replay(rounds: readonly ClosedRound[], rule: Rule = mean()): Float32Array {
  let model = new Float32Array(7);
  for (const { round, included } of rounds) {
    const contributions = included.map(({ site, weight: counted }) => ({
      from: site,
      round,
      members: 1,
      weight: weight(counted),
      update: encodeFixed(
        model.map((value, i) => localChange(site, round, i) - 0.1 * value),
        defaultFixedPoint,
      ),
    }));
    const change = aggregate(rule, contributions, defaultFixedPoint);
    model = model.map((value, i) => value + change[i]);
  }
  return model;
}

describe("a simulated federation", () => {
  it("gives the model that the record of the included sites implies", async () => {
    const { model, rounds } = await run(calm);
    expect(rounds.map((round) => round.included.length)).toEqual([5, 5, 5, 5]);
    expect(model).toEqual(replay(rounds));
  });

  it("gives the same bytes whatever the speed of sites and the order of arrival", async () => {
    const { model } = await run(calm);
    for (let seed = 0; seed < 10; seed++) {
      const skewed = await run({ ...calm, latency: [1, 500], skew: 20 }, plan(), undefined, `seed ${seed}`);
      expect(skewed.model).toEqual(model);
    }
  });

  it("survives lost and doubled messages: each site trains each attempt once, and nothing counts twice", async () => {
    const { model } = await run(calm);
    for (let seed = 0; seed < 20; seed++) {
      const counter = new Map<string, number>();
      const result = await run({ ...calm, latency: [1, 300], loss: 0.3, duplication: 0.3 }, plan(), counter, `lossy ${seed}`);
      expect([...counter.values()].every((times) => times === 1)).toBe(true);
      expect(result.model).toEqual(replay(result.rounds));
      if (result.rounds.every((round) => round.included.length === 5)) expect(result.model).toEqual(model);
    }
  });

  it("closes a round at the deadline with the minimum, names who was missing, and goes on", async () => {
    let excluded = 0;
    for (let seed = 0; seed < 10; seed++) {
      const { model, rounds, world } = await run({ ...calm, dropout: 0.25 }, plan({ minimum: 2 }), undefined, `away ${seed}`);
      expect(model).toEqual(replay(rounds));
      excluded += rounds.reduce((sum, round) => sum + round.excluded.length, 0);
      expect(world.now()).toBeLessThanOrEqual(3 * 4 * 60_000 + 10_000);
    }
    expect(excluded).toBeGreaterThan(10);
  });

  it("abandons a round below the minimum after its attempts, with a coded error that names the sites", async () => {
    await expect(run({ ...calm, dropout: 0.97 })).rejects.toThrow(/ROUND_ABANDONED.*no answer before the round closed/);
  });

  it("is the same from any round on: what befalls a message hangs on the message, not on what came before", async () => {
    const conditions = { latency: [1, 400], loss: 0.2, duplication: 0.2, dropout: 0.1, skew: 30 } as const;
    const settings = plan({ goal: 3, minimum: 2 });
    for (let seed = 0; seed < 5; seed++) {
      const { model, rounds } = await run(conditions, settings, undefined, `again ${seed}`);
      for (const from of [1, 2, 3]) {
        const world = createWorld(
          settings,
          names.map((name) => worker(name)),
          conditions,
          `again ${seed}`,
        );
        expect(await world.train(settings, rounds[from - 1].model, from + 1, async () => {})).toEqual(model);
      }
    }
  });

  it("a goal below all sites does not wait for the slowest", async () => {
    const { rounds, model } = await run({ ...calm, skew: 50 }, plan({ goal: 3 }));
    expect(rounds.every((round) => round.included.length === 3)).toBe(true);
    expect(model).toEqual(replay(rounds));
  });

  it("keeps a site out of a round when its answer is not acceptable", async () => {
    const liar: SiteWorker = {
      ...worker("c"),
      work: async (request) => ({ ...(await worker("c").work(request)), weight: 1_000_000 }) as Awaited<ReturnType<SiteWorker["work"]>>,
    };
    const settings = plan();
    const rounds: ClosedRound[] = [];
    const world = createWorld(
      settings,
      names.map((name) => (name === "c" ? liar : worker(name))),
      calm,
      "s",
    );
    await world.train(settings, new Float32Array(7), 1, async (round) => void rounds.push(round));
    expect(rounds[0].included.map((one) => one.site)).toEqual(["a", "b", "d", "e"]);
    expect(rounds[0].excluded).toEqual([{ site: "c", reason: expect.stringMatching(/expected a weight from 1 to 30, got 1000000/) }]);
  });

  it("asks everybody and refuses to go on without one", async () => {
    const settings = plan({ deadline: millis(5_000) });
    const world = createWorld(
      settings,
      names.map((name) => worker(name)),
      { ...calm, loss: 0.4 },
      "ask",
    );
    const answers = await world.ask("hello", {});
    expect([...answers.keys()].sort()).toEqual(names);
    const broken: SiteWorker = { ...worker("e"), work: async () => fail("DATA_INVALID", { expected: "numbers", got: "NaN" }) };
    const dead = createWorld(settings, [...names.slice(0, 4).map((name) => worker(name)), broken], calm, "ask");
    await expect(dead.ask("hello", {})).rejects.toThrow(
      /^DATA_INVALID: exchange 3: expected 5 of 5 sites to do it, got 4; e: expected numbers, got NaN/,
    );
    const other: SiteWorker = { ...worker("d"), work: async () => fail("TRAINING_DIVERGED", { expected: "numbers", got: "infinity" }) };
    const mixed = createWorld(settings, [...names.slice(0, 3).map((name) => worker(name)), other, broken], calm, "ask");
    await expect(mixed.ask("hello", {})).rejects.toThrow(/ROUND_ABANDONED.*d: TRAINING_DIVERGED.*e: DATA_INVALID/);
  });

  it("applies rules of every kind in plaintext", async () => {
    const middle: Rule = {
      kind: "coordinate",
      name: "median",
      minimum: 1,
      combine: (values) => [...values].sort((x, y) => x - y)[values.length >> 1],
    };
    const flat: Rule = { kind: "gram", name: "equal", minimum: 1, weights: (_, count) => new Float64Array(count).fill(1) };
    const first: Rule = { kind: "whole", name: "first", minimum: 1, aggregate: (updates) => updates[0] };
    for (const rule of [middle, flat, first]) {
      const { model, rounds } = await run(calm, plan({ rule }));
      expect(model).toEqual(replay(rounds, rule));
    }
  });
});
