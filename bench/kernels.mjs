/**
 * Times the training kernels: whole steps of the CNN-LSTM of paper 0 and other models, and the microkernel against a
 * multiply-add peak measured in the same run. Best of many runs, warmed up: says what the machine can do, not what a
 * busy one does; the processor time beside it does not count the time others had the core. `node bench/kernels.mjs [seconds per line] [--json]`; needs a build.
 */
import { performance } from "node:perf_hooks";
import { seeded } from "../dist/core/random.js";
import { instantiate } from "../dist/kernels/instance.js";
import { createEngine } from "../dist/model/engine-wasm.js";
import { inferModel } from "../dist/model/shape.js";

const seconds = Number(process.argv.find((word) => /^\d+(\.\d+)?$/.test(word)) ?? 1);
const json = process.argv.includes("--json");
const rows = [];

export function cnnLstm(norm, T = 48, F = 9) {
  const nodes = [{ use: "reshape", name: "image", shape: [T, F, 1] }];
  for (let i = 0; i < 4; i++) {
    nodes.push({ use: "conv2d", name: `conv.${i}`, channels: 2 * (i + 1), kernel: 3, padding: "same" });
    nodes.push(norm === "batch" ? { use: "batch-norm", name: `norm.${i}` } : { use: "group-norm", name: `norm.${i}`, groups: 1 });
    nodes.push({ use: "relu", name: `relu.${i}` });
    nodes.push({ use: "average-pool", name: `pool.${i}`, kernel: 2, ceil: true });
  }
  const steps = Math.ceil(T / 16);
  nodes.push({ use: "reshape", name: "f", shape: [steps, 8] });
  nodes.push({ use: "lstm", name: "lstm", units: 20, from: "sequence" });
  nodes.push({ use: "lstm", name: "bilstm", units: 16, bidirectional: true, from: "f" });
  nodes.push({ use: "flatten", name: "flat", from: "f", order: "channels-last" });
  nodes.push({ use: "concat", name: "joined", from: ["lstm", "bilstm", "flat"] });
  nodes.push({ use: "dense", name: "dense.0", units: 16 }, { use: "relu", name: "r0" });
  nodes.push({ use: "dense", name: "dense.1", units: 4 }, { use: "relu", name: "r1" }, { use: "dense", name: "dense.2", units: 1 });
  return { inputs: { sequence: [T, F] }, nodes };
}

const mlp = {
  inputs: { statistics: [56] },
  nodes: [
    { use: "dense", name: "a", units: 64 },
    { use: "relu", name: "ra" },
    { use: "dense", name: "b", units: 32 },
    { use: "relu", name: "rb" },
    { use: "dense", name: "c", units: 1 },
  ],
};

const lstm = (units, T, F) => ({
  inputs: { sequence: [T, F] },
  nodes: [
    { use: "lstm", name: "lstm", units },
    { use: "dense", name: "head", units: 1 },
  ],
});

function prepared(spec, count) {
  const random = seeded("bench", count);
  const engine = createEngine(spec);
  const values = new Float32Array(engine.size);
  for (const { offset, size, name, shape } of inferModel(spec).tensors) {
    const bound = 1 / Math.sqrt(shape.length > 1 ? size / shape[0] : 16);
    for (let i = offset; i < offset + size; i++) {
      values[i] =
        name.endsWith("running_var") || name.startsWith("norm")
          ? name.endsWith("weight") || name.endsWith("var")
            ? 1
            : 0
          : bound * (2 * random.float() - 1);
    }
  }
  engine.load(values);
  const [[input, shape]] = Object.entries(spec.inputs);
  const [length, width] = shape.length === 1 ? [1, shape[0]] : shape;
  const data = {
    count,
    inputs: {
      [input]: {
        rows: Float32Array.from({ length: count * length * width }, () => random.normal()),
        width,
        length,
        starts: Int32Array.from({ length: count }, (_, i) => i * length),
      },
    },
    targets: Float32Array.from({ length: count }, () => (random.float() < 0.5 ? 0 : 1)),
    targetWidth: 1,
  };
  return { engine, values, data };
}

/** Least wall and least processor milliseconds of one of the `per` parts of a run. */
function best(run, per) {
  const until = performance.now() + 1000 * seconds;
  let wall = Number.POSITIVE_INFINITY;
  let cpu = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) run();
  do {
    const before = process.cpuUsage();
    const start = performance.now();
    run();
    wall = Math.min(wall, (performance.now() - start) / per);
    const { user, system } = process.cpuUsage(before);
    cpu = Math.min(cpu, (user + system) / 1000 / per);
  } while (performance.now() < until);
  return { wall, cpu };
}

function row(name, value, unit, note = "") {
  rows.push({ name, value, unit, note });
  if (!json) console.log(`${name.padEnd(52)} ${value.toFixed(value < 10 ? 3 : 1).padStart(9)} ${unit}${note && `   ${note}`}`);
}

/** Milliseconds per step: one call trains on a few batches, so that the fixed cost of a call counts as in use. */
function step(name, spec, batch, steps = batch > 64 ? 2 : 8) {
  const { engine, data } = prepared(spec, batch * steps);
  const options = {
    loss: { use: "bce" },
    optimizer: { use: "sgd", learningRate: 1e-4, momentum: 0.9 },
    learningRate: 1e-4,
    batch,
    epochs: 1,
    seed: "b",
  };
  const { wall: ms, cpu } = best(() => engine.train(data, options), steps);
  row(`${name}, batch ${batch}: step`, ms, "ms", `${Math.round((1000 * batch) / ms)} examples/s; processor time ${cpu.toFixed(3)} ms`);
  return ms;
}

function unitStep(name, spec, batch, steps = batch > 64 ? 2 : 8) {
  const { engine, data } = prepared(spec, batch * steps);
  const units = Int32Array.from({ length: data.count }, (_, i) => i);
  const { wall: ms, cpu } = best(() => engine.unitGradients(data, { loss: { use: "bce" }, units, clip: 1, mode: "train" }), steps);
  row(`${name}, batch ${batch}: one clipped gradient per example`, ms, "ms", `processor time ${cpu.toFixed(3)} ms`);
}

/** Multiply-adds per second of a loop that only multiplies and adds, and of the microkernel in cache. */
function peaks() {
  const { kernels, start, reserve } = instantiate();
  reserve(start + (1 << 20), "bench");
  const rate = (macs, run) => macs / best(run, 1).wall / 1e6;
  const loops = 50_000;
  const peak = rate(loops * 7 * 4, () => kernels.peak(loops, start));
  const share = (value) => `${Math.round((100 * value) / peak)} % of the peak`;
  row("multiply-add peak (sums in registers)", peak, "GMAC/s");
  const [k, n, times] = [64, 32, 60];
  const [x, w, y] = [start, start + 65536, start + 131072];
  const product = rate(k * n * 8 * times, () => kernels.affine(x, w, 0, y, 1, 0, k, n / 4, 0, 0, 1, 0, 0, times, 0, 0, 0));
  row("microkernel, 64 inputs, 32 outputs", product, "GMAC/s", share(product));
  // Steps lie an odd number of tiles apart, as the engine lays them out: at powers of two they fall into few cache sets.
  const [depth, steps] = [16, 24];
  const gradient = rate(depth * n * 8 * steps * 20, () => {
    for (let i = 0; i < 20; i++) {
      kernels.weightGradient(x, w, y, 0, 1, 0, depth, 0, depth, n / 4, 0, 0, 0, 1, 0, 0, steps, (depth + 1) * 32, (n + 4) * 32);
    }
  });
  row("weight gradient, 16 by 32 over 24 steps", gradient, "GMAC/s", share(gradient));
}

peaks();
for (const batch of [32, 256]) {
  step("cnn-lstm, batch norm", cnnLstm("batch"), batch);
  step("cnn-lstm, group norm", cnnLstm("group"), batch);
  unitStep("cnn-lstm, group norm", cnnLstm("group"), batch);
}
step("mlp 56-64-32-1", mlp, 128);
step("lstm 64, 200 x 15", lstm(64, 200, 15), 32, 2);
step("lstm 128, 100 x 15", lstm(128, 100, 15), 32, 2);
if (json) console.log(JSON.stringify(rows));
