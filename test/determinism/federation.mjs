/**
 * Small federations through the real protocols and the real executor: the model must be the same bytes with 1, 2 and 4 workers,
 * and when sites are slow, late and heard twice. Throws when the runs differ, naming which did.
 */
import { createHash } from "node:crypto";

const sites = 6;
const spec = {
  inputs: { x: [12, 4] },
  nodes: [
    { use: "lstm", name: "l", units: 6 },
    { use: "dense", name: "h", units: 8 },
    { use: "relu", name: "h.act" },
    { use: "dense", name: "out", units: 1 },
  ],
};

/** Sites differ in size and in what they see, so that an order that mattered would show. */
function siteData(seeded, index) {
  const random = seeded("determinism", "site", index);
  const count = 20 + 13 * index;
  const rows = Float32Array.from({ length: (count * 2 + 12) * 4 }, () => random.normal() + 0.2 * index);
  const starts = Int32Array.from({ length: count }, (_, i) => i * 2);
  return {
    count,
    inputs: { x: { rows, width: 4, starts, length: 12 } },
    targets: Float32Array.from(starts, () => random.integer(2)),
    targetWidth: 1,
  };
}

const runs = [
  { name: "1 worker", workers: 1, conditions: { latency: [5, 5], loss: 0, duplication: 0, dropout: 0, skew: 0 } },
  { name: "2 workers, skewed site times", workers: 2, conditions: { latency: [1, 900], loss: 0, duplication: 0, dropout: 0, skew: 50 } },
  {
    name: "4 workers, messages lost and doubled",
    workers: 4,
    conditions: { latency: [1, 300], loss: 0.2, duplication: 0.3, dropout: 0, skew: 9 },
  },
];

async function runFederation(load, { workers, conditions }) {
  const { seeded } = await load("core/random.js");
  const { initialise } = await load("model/init.js");
  const { mean } = await load("aggregation/mean.js");
  const { defaultFixedPoint, encodeFixed } = await load("aggregation/fixed-point.js");
  const { createWorld } = await load("lab/world.js");
  const { threadExecutor } = await load("io/workers/threads.js");
  const executor = threadExecutor({ workers });
  const data = Array.from({ length: sites }, (_, i) => siteData(seeded, i));
  const names = data.map((_, i) => `site ${i}`);
  const plan = {
    sites: names,
    rounds: 3,
    rule: mean({ use: "mean", weighted: true }),
    format: defaultFixedPoint,
    learningRates: [0.1, 0.1, 0.05],
    goal: sites,
    minimum: sites,
    deadline: 1e9,
    retry: 5000,
    attempts: 3,
    weights: Object.fromEntries(names.map((name, i) => [name, data[i].count])),
  };
  const workerOf = (site, index) => ({
    site,
    trainingTime: 100,
    async work(request) {
      if (request.type !== "train") throw new Error(`expected a round, got ${request.type}`);
      const options = {
        loss: { use: "bce" },
        optimizer: { use: "sgd", learningRate: 0.1, momentum: 0.9 },
        batch: 8,
        epochs: 2,
        learningRate: request.learningRate,
        seed: `determinism ${site} ${request.round}`,
      };
      const result = await executor.run({ kind: "train", model: spec, values: request.values, data: data[index], options });
      const { round, attempt } = request;
      const update = encodeFixed(
        result.values.map((value, i) => value - request.values[i]),
        defaultFixedPoint,
      );
      return { type: "update", round, attempt, from: site, members: 1, weight: data[index].count, loss: result.loss, update };
    },
  });
  try {
    const world = createWorld(plan, names.map(workerOf), conditions, "determinism");
    const hash = createHash("sha256");
    const closed = async (round) => void hash.update(round.model).update(Float64Array.of(round.loss));
    await world.train(plan, initialise(spec, seeded("determinism", "federation")), 1, closed);
    return hash.digest("hex");
  } finally {
    await executor.close();
  }
}

/** The same through the library: fleet, features, splits, federated scaling, threshold, metrics; all three scenarios once. */
function plan(conditions) {
  return {
    federation: "determinism",
    data: { use: "fleet", machines: 12, days: 50, sites: 4, seed: 5 },
    task: { kind: "failure", window: "12h", horizon: "24h", stride: "12h" },
    sites: { use: "by", column: "site" },
    model: { use: "gru" },
    training: { optimizer: { use: "adam", learningRate: 0.003 }, epochs: 1, batch: 32 },
    rounds: 2,
    aggregate: { use: "mean" },
    seed: 3,
    conditions,
  };
}

async function runSimulation(load, { workers, conditions }, compare) {
  const { simulate } = await load("index.js");
  const { scenarios } = await simulate(plan(conditions), { workers, compare }).result;
  return scenarios;
}

/** The hash that every run gave. Errors when one gave another. */
function agreed(what, hashes) {
  for (const [i, hash] of hashes.entries()) {
    if (hash !== hashes[0]) throw new Error(`${what}: expected ${hashes[0]} as with "${runs[0].name}", got ${hash} with "${runs[i].name}"`);
  }
  return hashes[0];
}

const digest = (value) => createHash("sha256").update(JSON.stringify(value)).digest("hex");

export async function federationHashes(load) {
  const models = [];
  const simulated = [];
  for (const run of runs) models.push(await runFederation(load, run));
  for (const [i, run] of runs.entries()) simulated.push(await runSimulation(load, run, i === 0));
  const { federated, centralised, local } = simulated[0];
  return {
    "federation: models and losses of 3 rounds over 6 sites": agreed("federation", models),
    "simulation: federated model": agreed(
      "simulation",
      simulated.map((scenarios) => scenarios.federated.model.sha256),
    ),
    "simulation: federated metrics": agreed(
      "metrics",
      simulated.map((scenarios) => digest(scenarios.federated.metrics)),
    ),
    "simulation: centralised model": centralised.model.sha256,
    "simulation: metrics of every site and scenario": digest(
      [federated, centralised, local].map(({ metrics, perSite }) => [metrics, perSite]),
    ),
  };
}
