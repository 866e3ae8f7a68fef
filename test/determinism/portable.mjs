/**
 * What must be the same bytes on every machine, Node version and browser: elementary functions, random numbers, first values,
 * and small models after a few training steps. Plain JavaScript over the built modules, so that any runtime can run it.
 */

const count = 48;

/** Small models that between them use every kind of layer, each with its own optimiser and loss. */
const models = [
  {
    name: "mlp, sgd with momentum, bce",
    spec: {
      inputs: { x: [12] },
      nodes: [
        { use: "dense", name: "a", units: 16 },
        { use: "gelu", name: "a.act" },
        { use: "dropout", name: "a.drop", rate: 0.25 },
        { use: "layer-norm", name: "n" },
        { use: "dense", name: "out", units: 1 },
      ],
    },
    targets: "binary",
    options: { loss: { use: "bce", positiveWeight: 3 }, optimizer: { use: "sgd", learningRate: 0.05, momentum: 0.9, weightDecay: 0.001 } },
  },
  {
    name: "cnn-lstm of two branches, batch norm, adam, bce",
    spec: {
      inputs: { x: [12, 5] },
      nodes: [
        { use: "reshape", name: "image", from: "x", shape: [12, 5, 1] },
        { use: "conv2d", name: "c1", channels: 2, kernel: 3, padding: "same" },
        { use: "batch-norm", name: "n1" },
        { use: "relu", name: "r1" },
        { use: "average-pool", name: "p1", kernel: 2, ceil: true },
        { use: "conv2d", name: "c2", channels: 4, kernel: 3, padding: "same" },
        { use: "group-norm", name: "n2", groups: 2 },
        { use: "relu", name: "r2" },
        { use: "average-pool", name: "p2", kernel: 2, ceil: true },
        { use: "flatten", name: "flat" },
        { use: "lstm", name: "lstm", from: "x", units: 6 },
        { use: "concat", name: "both", from: ["flat", "lstm"] },
        { use: "dense", name: "h", units: 8 },
        { use: "tanh", name: "h.act" },
        { use: "dense", name: "out", units: 1 },
      ],
    },
    targets: "binary",
    options: { loss: { use: "bce" }, optimizer: { use: "adam", learningRate: 0.01 } },
  },
  {
    name: "bidirectional lstm and gru, adamw, huber, clipped",
    spec: {
      inputs: { x: [10, 4] },
      nodes: [
        { use: "lstm", name: "l", units: 5, bidirectional: true, output: "all" },
        { use: "gru", name: "g", units: 6, output: "last" },
        { use: "dense", name: "out", units: 1 },
      ],
    },
    targets: "real",
    options: { loss: { use: "huber" }, optimizer: { use: "adamw", learningRate: 0.01, weightDecay: 0.01 }, clipNorm: 0.5 },
  },
  {
    name: "convolutional autoencoder, adam, mse",
    spec: {
      inputs: { x: [16, 4] },
      nodes: [
        { use: "conv1d", name: "e1", channels: 8, kernel: 5, stride: 2, padding: 2 },
        { use: "relu", name: "e1.act" },
        { use: "conv-transpose1d", name: "d1", channels: 6, kernel: 5, stride: 2, padding: 2, outputPadding: 1 },
        { use: "sigmoid", name: "d1.act" },
        { use: "max-pool", name: "p", kernel: 2 },
        { use: "upsample1d", name: "u", factor: 2 },
        { use: "conv1d", name: "out", channels: 4, kernel: 3, padding: "same" },
      ],
    },
    targets: "input",
    options: { loss: { use: "mse" }, optimizer: { use: "adam", learningRate: 0.01 } },
  },
  {
    name: "images, residual, cross-entropy, flips",
    spec: {
      inputs: { x: [8, 8, 1] },
      nodes: [
        { use: "conv2d", name: "c1", channels: 4, kernel: 3, padding: "same" },
        { use: "relu", name: "r1" },
        { use: "conv2d", name: "c2", channels: 4, kernel: 3, padding: "same" },
        { use: "add", name: "sum", from: ["r1", "c2"] },
        { use: "max-pool", name: "p", kernel: 2 },
        { use: "flatten", name: "flat" },
        { use: "dense", name: "out", units: 3 },
      ],
    },
    targets: "class",
    options: {
      loss: { use: "cross-entropy", labelSmoothing: 0.1 },
      optimizer: { use: "sgd", learningRate: 0.05 },
      flip: { horizontal: true, vertical: true },
    },
  },
];

function hex(bytes) {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of the bytes of a typed array, in the order of this machine; every supported one is little-endian. */
async function sha256(values) {
  return hex(await globalThis.crypto.subtle.digest("SHA-256", new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
}

function elementary(math) {
  const unary = [
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sigmoid",
    "erf",
    "erfc",
    "lgamma",
    "normalCdf",
  ];
  const values = [];
  for (let i = -400; i <= 400; i++) {
    const x = i * 0.0721 + i * i * i * 1e-7;
    for (const name of unary) values.push(math[name](name.startsWith("log") ? Math.abs(x) + 1e-9 : x));
    values.push(math.pow(Math.abs(x) + 0.01, i / 97), math.normalQuantile((i + 401) / 802));
  }
  // A NaN has many bit patterns and none of them is a result.
  if (values.some(Number.isNaN)) throw new Error("elementary functions: expected numbers, got NaN");
  return Float64Array.from(values);
}

function data(random, shape, targets) {
  const width = shape.length === 2 ? shape[1] : shape.reduce((product, n) => product * n, 1);
  const length = shape.length === 2 ? shape[0] : 1;
  // Windows overlap, as they do in a real series.
  const rows = Float32Array.from({ length: (count * 3 + length) * width }, () => random.normal());
  const starts = Int32Array.from({ length: count }, (_, i) => i * 3);
  const inputs = { x: { rows, width, starts, length } };
  if (targets === "input") return { count, inputs, targets: "input" };
  const draw = { binary: () => random.integer(2), class: () => random.integer(3), real: () => random.normal() }[targets];
  return { count, inputs, targets: Float32Array.from({ length: count }, draw), targetWidth: 1 };
}

/** Hashes by name. `load` imports a built module by its path below dist. */
export async function portableHashes(load) {
  const math = await load("core/math.js");
  const { seeded } = await load("core/random.js");
  const { initialise } = await load("model/init.js");
  const { createEngine } = await load("model/engine-wasm.js");
  const hashes = {};
  hashes["elementary functions"] = await sha256(elementary(math));
  const random = seeded("determinism", 1);
  hashes["random numbers"] = await sha256(Float64Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? random.float() : random.normal())));
  for (const { name, spec, targets, options } of models) {
    const examples = data(seeded("determinism", "data", name), spec.inputs.x, targets);
    const engine = createEngine(spec);
    engine.load(initialise(spec, seeded("determinism", "init", name)));
    // 48 examples in batches of 10 and 5 epochs: 25 steps, each epoch with a ragged last batch.
    const { losses } = engine.train(examples, {
      batch: 10,
      epochs: 5,
      learningRate: options.optimizer.learningRate,
      seed: `determinism ${name}`,
      ...options,
    });
    hashes[`model: ${name}`] = await sha256(engine.values());
    hashes[`losses: ${name}`] = await sha256(Float64Array.from(losses));
    hashes[`predictions: ${name}`] = await sha256(engine.predict(examples));
    if (spec.nodes.some((node) => node.use === "batch-norm")) continue;
    const units = Int32Array.from({ length: count }, (_, i) => i % 7);
    const { norms, sum } = engine.unitGradients(examples, { loss: options.loss, units, clip: 0.5 });
    hashes[`unit norms: ${name}`] = await sha256(norms);
    hashes[`unit gradients: ${name}`] = await sha256(sum);
  }
  return hashes;
}
