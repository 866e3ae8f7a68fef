/**
 * The training engine on the WebAssembly kernels. Layout and schedule: model/run and kernels/affine.ts.
 *
 * Results depend on the spec, the data, the options and the kernels' version alone: not on the machine, on what the
 * engine did before, or on the number of workers. Parameters and activations are f32; sums over a batch run in a fixed
 * order. Not guaranteed: equal bits between different versions of the kernels.
 */
import { fail } from "../core/errors.js";
import { type Label, seeded } from "../core/random.js";
import { defaultMemoryLimit, instantiate, type KernelInstance } from "../kernels/instance.js";
import type { Engine, ExampleData, TrainOptions, TrainResult } from "./engine.js";
import { sizeOf } from "./geometry.js";
import { checkData, copyData, exampleWeight, fillBatch, placeFacts } from "./run/batches.js";
import { analyse, compile, type Purpose } from "./run/compile.js";
import { createOptimizer } from "./run/optimizers.js";
import { createParameters } from "./run/parameters.js";
import type { BatchFacts, Program } from "./run/program.js";
import { unitGradients } from "./run/units.js";
import { inferModel, type ModelLimits } from "./shape.js";
import type { LossSpec, ModelSpec } from "./spec.js";

/** Limits of an engine, checked before memory is taken. */
export interface EngineOptions {
  /** Bytes of kernel memory: parameters, activations and the data of one call. Default 1 GiB. */
  readonly memoryLimit?: number;
  /** Largest batch. Default 65536 examples. */
  readonly batchLimit?: number;
  readonly modelLimits?: Partial<ModelLimits>;
}

const largestEpochs = 1_000_000;
const largestCache = 8;
/** Examples per pass where nothing is learned: enough to keep the loop long, few enough to stay in the cache. */
const passSize = 64;

type Places = Pick<BatchFacts, "order" | "valid" | "scale" | "flags" | "classWeights">;

/** What the parts of the engine share. */
export interface EngineState {
  readonly instance: KernelInstance;
  readonly parameters: ReturnType<typeof createParameters>;
  readonly facts: BatchFacts;
  readonly outputSize: number;
  readonly spec: ModelSpec;
  /** Lays out and binds a program, copies and checks the data. */
  prepare(data: ExampleData, purpose: Omit<Purpose, "octets" | "reconstruct">, batch: number): Program;
  setKeys(seed: string, ...labels: readonly Label[]): () => void;
}

/**
 * An engine for a model, with all parameters zero until `load`. Errors: those of inferModel; MODEL_TOO_LARGE where the
 * memory limit is passed.
 *
 * @example
 * ```ts
 * import { createEngine, initialise, seeded } from "millwright/model";
 *
 * const engine = createEngine(spec);
 * engine.load(initialise(spec, seeded(7)));
 * const { losses, steps } = engine.train(data, {
 *   loss: { use: "mse" },
 *   optimizer: { use: "adam", learningRate: 0.1 },
 *   learningRate: 0.1,
 *   batch: 2,
 *   epochs: 100,
 *   seed: "example",
 * });
 * steps; // => 200
 * losses[99] < 0.001; // => true
 * engine.predict(data).length; // => 4
 * ```
 */
export function createEngine(spec: ModelSpec, options: EngineOptions = {}): Engine {
  const inferred = inferModel(spec, options.modelLimits);
  const instance = instantiate(Math.min(options.memoryLimit ?? defaultMemoryLimit, 2_147_418_112));
  const batchLimit = options.batchLimit ?? 65536;
  const graph = analyse(spec, inferred);
  const parameters = createParameters(inferred.size);
  const facts: BatchFacts = {
    order: 0,
    valid: 0,
    scale: 0,
    flags: 0,
    loss: 0,
    keys: new Int32Array(graph.dropouts.size * 2),
    flipped: false,
    count: 0,
    sources: [],
    out: 0,
    classWeights: 0,
  };
  const parts = { instance, parameters, facts };
  // A first emission registers all parameters and their derived orders; then their memory can be laid out.
  compile(graph, { mode: "train", training: true, octets: 1 }, parts, 0, true);
  const free = parameters.freeze(instance, instance.start);
  const outputSize = sizeOf(inferred.outputShape);
  const batchNorm = spec.nodes.find((node) => node.use === "batch-norm");
  /** Programs of the last few purposes; all use the same memory, one at a time. */
  const programs = new Map<string, { program: Program; places: Places }>();

  function prepare(data: ExampleData, purpose: Omit<Purpose, "octets" | "reconstruct">, batch: number): Program {
    checkData(spec, data, outputSize, purpose.loss);
    const octets = Math.ceil(Math.min(batch, data.count) / 8);
    const reconstruct = purpose.loss !== undefined && data.targets === "input";
    const key = JSON.stringify([purpose, reconstruct, octets]);
    let entry = programs.get(key);
    if (entry === undefined) {
      const factsEnd = placeFacts(facts, free, octets);
      const weights = purpose.loss?.use === "cross-entropy" ? purpose.loss.classWeights : undefined;
      facts.classWeights = weights === undefined ? 0 : factsEnd;
      const start = Math.ceil((factsEnd + (weights?.length ?? 0) * 8) / 64) * 64;
      const program = compile(graph, { ...purpose, reconstruct, octets }, parts, start)!;
      const { order, valid, scale, flags, classWeights } = facts;
      entry = { program, places: { order, valid, scale, flags, classWeights } };
      if (programs.size === largestCache) programs.delete(programs.keys().next().value!);
      programs.set(key, entry);
    }
    const { program } = entry;
    Object.assign(facts, entry.places);
    program.clear();
    if (facts.classWeights !== 0 && purpose.loss?.use === "cross-entropy") {
      instance.doubles().set(purpose.loss.classWeights!, facts.classWeights >> 3);
    }
    const { sources, end } = copyData(instance, spec, data, program.end);
    facts.sources.splice(0, facts.sources.length, ...sources);
    facts.out = end;
    facts.flipped = false;
    parameters.refresh();
    return program;
  }

  function setKeys(seed: string, ...labels: readonly Label[]): () => void {
    if (graph.dropouts.size === 0) return () => {};
    const random = seeded(seed, "dropout", ...labels);
    return () => {
      for (let i = 0; i < facts.keys.length; i++) facts.keys[i] = random.uint32() | 0;
    };
  }

  const state: EngineState = { instance, parameters, facts, outputSize, spec, prepare, setKeys };

  function checkFinite(values: Float32Array): void {
    for (const { name, offset, size } of inferred.tensors) {
      for (let i = offset; i < offset + size; i++) {
        if (Number.isFinite(values[i])) continue;
        fail("NOT_FINITE", { where: `tensor "${name}", element ${i - offset}`, expected: "a finite number", got: String(values[i]) });
      }
    }
  }

  function evaluatePasses(data: ExampleData, loss: LossSpec): number {
    const program = prepare(data, { mode: "predict", training: false, loss }, passSize);
    const weightOf = exampleWeight(data, loss);
    let total = 0;
    let weights = 0;
    eachPass(data.count, (order) => {
      for (const example of order) weights += weightOf(example);
      const octets = fillBatch(instance, facts, order, 1);
      facts.loss = 0;
      program.run(octets);
      total += facts.loss;
    });
    return total / weights;
  }

  return {
    spec,
    tensors: inferred.tensors,
    size: inferred.size,
    load(values) {
      if (values.length !== inferred.size) {
        fail("SHAPE_MISMATCH", { where: "parameters", expected: `${inferred.size} values`, got: String(values.length) });
      }
      checkFinite(values);
      parameters.load(values);
    },
    values() {
      const values = new Float32Array(inferred.size);
      parameters.save(values);
      return values;
    },
    train: (data, train) => trainPass(state, data, train, batchLimit),
    predict(data) {
      const program = prepare(data, { mode: "predict", training: false }, passSize);
      const result = new Float32Array(data.count * outputSize);
      instance.reserve(facts.out + passSize * outputSize * 4, "predictions");
      let done = 0;
      eachPass(data.count, (order) => {
        program.run(fillBatch(instance, facts, order, 1));
        const from = facts.out >> 2;
        result.set(instance.floats().subarray(from, from + order.length * outputSize), done * outputSize);
        done += order.length;
      });
      return result;
    },
    evaluate: (data, loss) => {
      const value = evaluatePasses(data, loss);
      if (!Number.isFinite(value)) fail("NOT_FINITE", { where: "evaluation", expected: "a finite loss", got: String(value) });
      return value;
    },
    unitGradients(data, unitOptions) {
      if (batchNorm !== undefined) {
        fail("MODEL_INVALID", {
          where: `layer "${batchNorm.name}"`,
          expected: "a model whose examples do not influence each other",
          got: "batch norm",
          remedy: "use group norm",
        });
      }
      return unitGradients(state, data, unitOptions, inferred.size);
    },
  };
}

function eachPass(count: number, visit: (order: Int32Array) => void): void {
  for (let first = 0; first < count; first += passSize) {
    visit(Int32Array.from({ length: Math.min(passSize, count - first) }, (_, i) => first + i));
  }
}

function trainPass(state: EngineState, data: ExampleData, options: TrainOptions, batchLimit: number): TrainResult {
  const { instance, parameters, facts, spec } = state;
  const { kernels } = instance;
  const { batch, epochs, loss, seed, clipNorm, flip } = options;
  limit("batch", batch, batchLimit);
  limit("epochs", epochs, largestEpochs);
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    fail("FILE_INVALID", { where: "clipNorm", expected: "a positive number", got: String(clipNorm) });
  }
  const flips = (flip?.horizontal ? 1 : 0) + (flip?.vertical ? 2 : 0);
  if (flips !== 0 && !Object.values(spec.inputs).some((shape) => shape.length === 3)) {
    fail("PLAN_REFUSED", { where: "flip", expected: "a model with an image input", got: "none" });
  }
  const program = state.prepare(data, { mode: "train", training: true, loss }, batch);
  facts.flipped = flips !== 0;
  kernels.fill(parameters.lanes, parameters.laneBytes);
  const optimizer = createOptimizer(kernels, parameters, options.optimizer, options.learningRate);
  const weightOf = exampleWeight(data, loss);
  const losses: number[] = [];
  let steps = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = seeded(seed, "epoch", epoch).permutation(data.count);
    const nextKeys = state.setKeys(seed, epoch);
    const coin = flips === 0 ? undefined : seeded(seed, "flip", epoch);
    let total = 0;
    let weights = 0;
    for (let first = 0; first < data.count; first += batch) {
      const members = order.subarray(first, Math.min(first + batch, data.count));
      let weight = 0;
      for (const example of members) weight += weightOf(example);
      // A batch whose classes all have weight zero teaches nothing.
      if (weight === 0) continue;
      nextKeys();
      const octets = fillBatch(instance, facts, members, 1 / weight);
      if (coin !== undefined) {
        const flags = instance.bytes();
        for (let i = 0; i < octets * 8; i++) flags[facts.flags + i] = coin.uint32() & flips;
      }
      if (steps > 0) parameters.refresh();
      facts.loss = 0;
      program.run(octets);
      kernels.reduceLanes(parameters.lanes, parameters.reduced, parameters.trainable);
      const norm = Math.sqrt(kernels.sumSquares(parameters.reduced, parameters.trainable));
      if (!Number.isFinite(facts.loss) || !Number.isFinite(norm)) diverged(epoch, steps, facts.loss, norm);
      // PyTorch's clip_grad_norm_.
      optimizer.step(clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + 1e-6)));
      total += facts.loss * weight;
      weights += weight;
      steps++;
    }
    if (!Number.isFinite(kernels.sumSquares(parameters.theta, parameters.trainable))) {
      fail("TRAINING_DIVERGED", { where: `epoch ${epoch}`, expected: "finite parameters", got: "NaN or infinity", remedy });
    }
    losses.push(weights === 0 ? 0 : total / weights);
  }
  return { losses, steps };
}

const remedy = "lower the learning rate, set clipNorm, or look at the data";

function diverged(epoch: number, step: number, loss: number, norm: number): never {
  fail("TRAINING_DIVERGED", {
    where: `epoch ${epoch}, step ${step}`,
    expected: "a finite loss and gradient",
    got: `loss ${loss}, gradient norm ${norm}`,
    remedy,
  });
}

function limit(where: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    fail("LIMIT_EXCEEDED", { where, expected: `a whole number in 1..${most}`, got: String(value) });
  }
}
