/** Our side of the bench: the models by the names the peers use, and training measured for a given time in this thread. */
import { performance } from "node:perf_hooks";
import { seeded } from "../../dist/core/random.js";
import { buildModel, createEngine, initialise, modelSchema } from "../../dist/model/index.js";

/** What is measured. `units` and such follow bench/peers/models.py. */
export const cases = {
  step: [{ model: "cnn-lstm", window: 48, features: 9, batch: 32 }],
  step256: [{ model: "cnn-lstm", window: 48, features: 9, batch: 256 }],
  lstm: [
    { model: "lstm64", window: 100, features: 15, batch: 32 },
    { model: "lstm128", window: 100, features: 15, batch: 32 },
  ],
  mlp: [{ model: "mlp", window: 1, features: 56, batch: 128 }],
};

export function specOf({ model, window, features }) {
  if (model === "cnn-lstm") {
    return buildModel(modelSchema.parse("cnn-lstm"), { inputs: { sequence: [window, features] }, outputs: 1, task: "binary" });
  }
  if (model === "mlp") {
    return {
      inputs: { statistics: [features] },
      nodes: [
        { use: "dense", name: "dense.0", units: 64 },
        { use: "relu", name: "relu.0" },
        { use: "dense", name: "dense.1", units: 32 },
        { use: "relu", name: "relu.1" },
        { use: "dense", name: "dense.2", units: 1 },
      ],
    };
  }
  return {
    inputs: { sequence: [window, features] },
    nodes: [
      { use: "lstm", name: "lstm", units: Number(model.slice(4)) },
      { use: "dense", name: "dense", units: 1 },
    ],
  };
}

/** An engine with data for `steps` batches per pass. */
export function prepare(one, steps = 32) {
  const spec = specOf(one);
  const random = seeded("bench", one.model);
  const engine = createEngine(spec);
  engine.load(initialise(spec, random.fork("values")));
  const count = one.batch * steps;
  const length = one.model === "mlp" ? 1 : one.window;
  const data = {
    count,
    inputs: {
      [Object.keys(spec.inputs)[0]]: {
        rows: Float32Array.from({ length: count * length * one.features }, () => random.normal()),
        width: one.features,
        starts: Int32Array.from({ length: count }, (_, i) => i * length),
        length,
      },
    },
    targets: Float32Array.from({ length: count }, () => (random.float() < 0.3 ? 1 : 0)),
    targetWidth: 1,
  };
  const options = {
    loss: one.model === "mlp" ? { use: "mse" } : { use: "bce" },
    optimizer: { use: "sgd", learningRate: 0.01, momentum: 0.9 },
    batch: one.batch,
    epochs: 1,
    learningRate: 0.01,
    seed: "bench",
  };
  return { engine, data, options };
}

/** Whole passes of engine.train for about `seconds`: copying, shuffling, gathering and the loss are inside. */
export function measure({ engine, data, options }, seconds) {
  let steps = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  while (performance.now() - started < seconds * 1000) steps += engine.train(data, options).steps;
  const used = process.cpuUsage(cpu);
  return { steps, seconds: (performance.now() - started) / 1000, cpu: (used.user + used.system) / 1e6 };
}
