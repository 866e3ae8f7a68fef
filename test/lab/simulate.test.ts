/** Whole simulations through the library: the same model whatever the machine does, resuming, scenarios, events, and refusals. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { threadExecutor } from "../../src/io/workers/threads.js";
import type { SimulationEvent } from "../../src/lab/events.js";
import { describePlan } from "../../src/lab/plan.js";
import type { SimulationResult } from "../../src/lab/result.js";
import { type SimulateOptions, simulate } from "../../src/lab/simulate.js";
import { temporaryFolder } from "../support/folder.js";
import { sensorsSource, smallFederation } from "../support/small-federation.js";

const folder = await temporaryFolder();
const script = new URL("../../dist/io/workers/worker.js", import.meta.url);

const run = (change: object = {}, options: SimulateOptions = {}): Promise<SimulationResult> =>
  simulate({ ...smallFederation, ...change }, { compare: false, workers: 1, ...options }).result;

const shaOf = async (...parts: Parameters<typeof run>): Promise<string> => (await run(...parts)).model.sha256;

async function refusal(running: Promise<unknown>): Promise<MillwrightError> {
  const error = await running.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(MillwrightError);
  return error as MillwrightError;
}

const base = run();

it("gives the same model and figures with 1, 2 and 4 workers, with slow and late sites, lost and doubled messages", async () => {
  const want = await base;
  const worlds = [
    { workers: 2, conditions: { latency: [1, 900], skew: 50 } },
    { workers: 4, conditions: { latency: [1, 300], loss: 0.2, duplication: 0.3, skew: 9 } },
  ];
  for (const { workers, conditions } of worlds) {
    const executor = threadExecutor({ workers, script });
    const got = await run({ conditions }, { executor });
    await executor.close();
    expect(got.model).toEqual(want.model);
    expect(got.scenarios.federated?.metrics).toEqual(want.scenarios.federated?.metrics);
  }
});

it("depends on the seed", async () => {
  expect(await shaOf({}, { seed: 8 })).not.toBe((await base).model.sha256);
});

it("goes on after it was stopped, and ends with the model of a run that was not", async () => {
  const state = join(folder, "stopped");
  const want = (await base).model.sha256;
  for (const stopAt of [1, 2, 3]) {
    const stop = new AbortController();
    const stopped = simulate(smallFederation, { compare: false, workers: 1, state, resume: stopAt > 1, signal: stop.signal });
    const seen: number[] = [];
    for await (const event of stopped.events) {
      if (event.kind !== "round") continue;
      seen.push(event.round);
      if (event.round === stopAt) stop.abort();
    }
    expect((await refusal(stopped.result)).code).toBe("ABORTED");
    expect(Math.max(...seen)).toBeLessThan(smallFederation.rounds);
  }
  const rounds: number[] = [];
  const resumed = simulate(smallFederation, { compare: false, workers: 1, state, resume: true });
  for await (const event of resumed.events) if (event.kind === "site") rounds.push(event.round);
  expect(Math.min(...rounds)).toBeGreaterThan(3);
  expect((await resumed.result).model.sha256).toBe(want);
  expect((await resumed.result).rounds.map((round) => round.round)).toEqual([1, 2, 3, 4, 5]);
});

it("resumes all three scenarios, under bad conditions and with averaged models", async () => {
  const change = { conditions: { latency: [1, 400], dropout: 0.3, skew: 9 }, quorum: { goal: 0.7, minimum: 0.3 }, average: { last: 3 } };
  const want = await run(change, { compare: true });
  const state = join(folder, "three");
  const stop = new AbortController();
  const stopped = simulate({ ...smallFederation, ...change }, { compare: true, workers: 1, state, signal: stop.signal });
  for await (const event of stopped.events) if (event.kind === "round" && event.scenario === "federated" && event.round === 2) stop.abort();
  expect((await refusal(stopped.result)).code).toBe("ABORTED");
  const got = await run(change, { compare: true, state, resume: true });
  expect(got.model).toEqual(want.model);
  for (const name of ["centralised", "local", "federated"] as const) {
    expect(got.scenarios[name]?.model).toEqual(want.scenarios[name]?.model);
    expect(got.scenarios[name]?.metrics).toEqual(want.scenarios[name]?.metrics);
  }
  expect(want.rounds.some((round) => round.excluded.length > 0)).toBe(true);
});

it("refuses to resume another plan", async () => {
  const state = join(folder, "other");
  const stop = new AbortController();
  const stopped = simulate(smallFederation, { compare: false, workers: 1, state, signal: stop.signal });
  for await (const event of stopped.events) if (event.kind === "round") stop.abort();
  await refusal(stopped.result);
  expect((await refusal(run({ rounds: 7 }, { state, resume: true }))).code).toBe("RESUME_REFUSED");
  expect((await refusal(run({}, { seed: 99, state, resume: true }))).code).toBe("RESUME_REFUSED");
});

it("weighs sites by their examples, or every site once", async () => {
  const uneven = { data: { ...smallFederation.data, machines: 7 }, sites: { use: "iid", count: 3 } };
  const plain = { aggregate: { use: "mean", weighted: false } };
  expect(await shaOf({ ...uneven, ...plain })).not.toBe(await shaOf(uneven));
  // All sites of the built-in fleet are alike in size: one third of the sum, whatever the weights.
  expect(await shaOf(plain)).toBe((await base).model.sha256);
});

it("goes on without sites that are away, and says who and why", async () => {
  const { rounds, remarks } = await run({ conditions: { dropout: 0.4 }, quorum: { minimum: 0.3 } });
  const excluded = rounds.flatMap((round) => round.excluded);
  expect(excluded.length).toBeGreaterThan(0);
  for (const round of rounds) expect(round.included.length + round.excluded.length).toBe(3);
  for (const { reason } of excluded) expect(reason).toBe("no answer before the round closed");
  expect(remarks.join(" ")).toMatch(/at least one site was left out/);
});

it("lets a scenario differ where the file says so, and only there", async () => {
  const compare = { local: { rounds: 1, training: { epochs: 2 } }, centralised: { rounds: 2, training: { batch: 8 } } };
  const rounds = { centralised: 0, local: 0, federated: 0 };
  const simulation = simulate({ ...smallFederation, compare }, { compare: true, workers: 1 });
  for await (const event of simulation.events) if (event.kind === "round") rounds[event.scenario]++;
  expect(rounds).toEqual({ centralised: 2, local: 1, federated: smallFederation.rounds });
  const result = await simulation.result;
  const plain = await run({}, { compare: true });
  expect(result.model).toEqual(plain.model);
  expect(result.model).toEqual((await base).model);
  expect(result.scenarios.centralised?.model?.sha256).not.toBe(plain.scenarios.centralised?.model?.sha256);
  expect(result.scenarios.local?.metrics).not.toEqual(plain.scenarios.local?.metrics);
});

it("tells what it does in order, and ends", async () => {
  const events: SimulationEvent[] = [];
  const simulation = simulate(smallFederation, { compare: true, workers: 1 });
  for await (const event of simulation.events) events.push(event);
  const kinds = events.map((event) => event.kind);
  expect(kinds.indexOf("started")).toBeLessThan(kinds.indexOf("round"));
  expect(kinds.at(-1)).toBe("finished");
  expect(kinds.filter((kind) => kind === "finished")).toHaveLength(1);
  for (const scenario of ["centralised", "local", "federated"] as const) {
    const rounds = events.flatMap((event) => (event.kind === "round" && event.scenario === scenario ? [event.round] : []));
    expect(rounds).toEqual([1, 2, 3, 4, 5]);
  }
});

it("writes a result without holes: no number that is none, and no figure that does not exist", async () => {
  const result = await run({}, { compare: true });
  const text = JSON.stringify(result);
  expect(text).not.toMatch(/:null|\[null|,null/);
  expect(text).not.toMatch(/"(NaN|Infinity|undefined)"/);
  // Nobody fails in these three weeks and nothing is flagged: F1 has no value and is left out, not zero.
  const quiet = { data: { ...smallFederation.data, machines: 3, days: 20 }, threshold: 0.999 };
  const mute = await run({ ...quiet, task: { ...smallFederation.task, events: ["comp4"] } });
  expect(mute.partition.sites.map((site) => site.positives)).toEqual([0, 0, 0]);
  const { metrics } = mute.scenarios.federated as NonNullable<typeof mute.scenarios.federated>;
  expect(Object.hasOwn(metrics, "f1")).toBe(false);
  expect(JSON.stringify(mute)).not.toContain(":null");
  expect(mute.remarks.join(" ")).toContain("f1 is not defined");
});

it("judges rounds on validation examples where the file asks for it, and trains no differently for it", async () => {
  const larger = { data: { ...smallFederation.data, machines: 12, days: 60 }, split: { by: "time", validation: 0.2, test: 0.3 } };
  const plain = await run(larger);
  const judged = await run({ ...larger, evaluate: { every: 2 } });
  expect(judged.model).toEqual(plain.model);
  expect(judged.rounds.map((round) => Object.hasOwn(round.metrics, "prAuc"))).toEqual([false, true, false, true, true]);
  expect(plain.rounds.every((round) => Object.keys(round.metrics).length === 0)).toBe(true);
  // Validation examples are not the test examples.
  expect(judged.rounds[4].metrics.prAuc).not.toBe(judged.scenarios.federated?.metrics.prAuc);
  const state = join(folder, "judged");
  const stop = new AbortController();
  const change = { ...smallFederation, ...larger, evaluate: { every: 2 }, average: { last: 2 } };
  const stopped = simulate(change, { compare: false, workers: 1, state, signal: stop.signal });
  for await (const event of stopped.events) if (event.kind === "round" && event.round === 3) stop.abort();
  await refusal(stopped.result);
  const resumed = await simulate(change, { compare: false, workers: 1, state, resume: true }).result;
  const whole = await simulate(change, { compare: false, workers: 1 }).result;
  expect(resumed.rounds.map((round) => round.metrics)).toEqual(whole.rounds.map((round) => round.metrics));
  expect((await refusal(run({ evaluate: {} }))).message).toContain("validation");
});

it("moves about the bytes that the plan foretold", async () => {
  const result = await base;
  const plan = await describePlan(smallFederation);
  const { bytesUp, bytesDown } = result.scenarios.federated as NonNullable<typeof result.scenarios.federated>;
  expect(Math.abs(plan.traffic.total.up / bytesUp - 1)).toBeLessThan(0.005);
  expect(Math.abs(plan.traffic.total.down / bytesDown - 1)).toBeLessThan(0.005);
  expect(plan.partition).toEqual(result.partition);
  expect(plan.model.parameters).toBe(result.model.parameters);
  expect(plan.model.layers.reduce((sum, layer) => sum + layer.parameters, 0)).toBe(plan.model.parameters);
});

const values = (learningRate: number, options: object = {}) => ({
  federation: "values",
  data: { use: sensorsSource, ...options },
  task: { kind: "value", window: 4 },
  split: { by: "time", test: 0.3 },
  sites: { use: "iid", count: 3 },
  model: { use: "linear" },
  training: { optimizer: { use: "sgd", learningRate }, epochs: 30, batch: 4 },
  rounds: 2,
});

it("names the column, the row and the site of a value that is none", async () => {
  const error = await refusal(simulate(values(0.001, { broken: 77 }), { compare: false, workers: 1 }).result);
  expect(error.code).toBe("DATA_INVALID");
  expect(error.message).toMatch(/\ba\b.*row 77|row 77.*\ba\b/);
});

it("calls training that runs away by its name", async () => {
  const error = await refusal(simulate(values(1000), { compare: false, workers: 1 }).result);
  expect(error.code).toBe("TRAINING_DIVERGED");
  expect(error.message).toMatch(/round 1/);
  const good = await simulate(values(0.001), { compare: false, executor: inlineExecutor() }).result;
  expect(good.scenarios.federated?.metrics.rmse).toBeGreaterThan(0);
});

it("refuses before anything is trained what cannot work, all faults at once", async () => {
  const error = await refusal(run({ detection: {}, quorum: { goal: 0.2, minimum: 0.9 } }));
  expect(error.code).toBe("PLAN_REFUSED");
  expect(error.faults.map((fault) => fault.where)).toEqual(["detection", "quorum"]);
});
