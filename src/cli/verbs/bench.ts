/**
 * `millwright bench`: how fast this machine trains, with the installed kernels. Only our own side; comparisons with other libraries are made
 * by `npm run bench` in a clone, both sides in one run.
 */
import { performance } from "node:perf_hooks";
import { fail } from "../../core/errors.js";
import { seeded } from "../../core/random.js";
import type { ExampleData } from "../../model/engine.js";
import type { ModelSpec } from "../../model/spec.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { bytes, count, table } from "../show/text.js";

interface Case {
  readonly name: string;
  readonly model: { readonly use: string; readonly [option: string]: unknown };
  readonly window?: number;
  readonly width: number;
  readonly batch: number;
}

const cases: readonly Case[] = [
  { name: "cnn-lstm, window 48 x 9, batch 32", model: { use: "cnn-lstm" }, window: 48, width: 9, batch: 32 },
  { name: "cnn-lstm, window 48 x 9, batch 256", model: { use: "cnn-lstm" }, window: 48, width: 9, batch: 256 },
  { name: "lstm 64, window 48 x 9, batch 32", model: { use: "lstm", units: 64 }, window: 48, width: 9, batch: 32 },
  { name: "gru with convolution, window 30 x 14, batch 128", model: { use: "gru" }, window: 30, width: 14, batch: 128 },
  { name: "mlp 56-64-32-1, batch 128", model: { use: "mlp", hidden: [64, 32] }, width: 56, batch: 128 },
];

export interface Measured {
  readonly name: string;
  readonly batch: number;
  /** Best of several passes, in milliseconds per step of the optimiser. */
  readonly stepMs: number;
  readonly samplesPerSecond: number;
}

/** Steps of one pass, passes at least, and milliseconds to spend on a case. */
const steps = 8;
const leastPasses = 3;
const budgetMs = 1200;

export const benchVerb: Verb = (program, run) => {
  program
    .command("bench")
    .description("Measure how fast this machine trains: steps and samples per second of a few models, one thread.")
    .argument("[part]", "only cases whose name contains this")
    .option("--json", "print the figures as JSON")
    .action((part: string | undefined, _options: unknown, command) =>
      run(async (context) => {
        const chosen = cases.filter((c) => part === undefined || c.name.includes(part));
        if (chosen.length === 0)
          fail("USAGE", { where: "bench", expected: `part of ${cases.map((c) => c.name).join("; ")}`, got: String(part) });
        const started = performance.now();
        const kernels = await import("../../kernels/binary.js");
        const measured: Measured[] = [];
        const coldStart = { ms: 0 };
        for (const one of chosen) {
          if (!wantsJson(command)) line(context.err, `measuring ${one.name}`);
          measured.push(await measure(one, coldStart, started));
          context.interrupt.throwIfAborted();
        }
        const facts = {
          node: process.version,
          kernelBytes: kernels.kernelSize,
          kernelSha256: kernels.kernelSha256,
          coldStartMs: coldStart.ms,
          residentBytes: process.memoryUsage.rss(),
        };
        if (wantsJson(command)) writeJson(context, { ...facts, measured });
        else show(context, measured, facts);
        return 0;
      }),
    );
};

async function measure(one: Case, coldStart: { ms: number }, started: number): Promise<Measured> {
  const { createEngine } = await import("../../model/engine-wasm.js");
  const { buildModel, modelSchema } = await import("../../model/presets.js");
  const shape: [string, number[]] = one.window === undefined ? ["statistics", [one.width]] : ["sequence", [one.window, one.width]];
  const spec: ModelSpec = buildModel(modelSchema.parse(one.model), { inputs: { [shape[0]]: shape[1] }, outputs: 1, task: "binary" });
  const engine = createEngine(spec);
  const data = examples(shape[0], one.window ?? 1, one.width, one.batch * steps);
  const pass = (): void => {
    engine.train(data, {
      loss: { use: "bce" },
      optimizer: { use: "sgd", learningRate: 0.01, momentum: 0.9 },
      batch: one.batch,
      epochs: 1,
      learningRate: 0.01,
      seed: "bench",
    });
  };
  pass();
  if (coldStart.ms === 0) coldStart.ms = performance.now() - started;
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + budgetMs;
  for (let passes = 0; passes < leastPasses || performance.now() < until; passes++) {
    const from = performance.now();
    pass();
    best = Math.min(best, (performance.now() - from) / steps);
  }
  return { name: one.name, batch: one.batch, stepMs: best, samplesPerSecond: (one.batch / best) * 1000 };
}

function examples(input: string, length: number, width: number, total: number): ExampleData {
  const random = seeded("bench");
  const rows = Float32Array.from({ length: (total + length) * width }, () => random.normal());
  const starts = Int32Array.from({ length: total }, (_, i) => i);
  return {
    count: total,
    inputs: { [input]: { rows, width, starts, length } },
    targets: Float32Array.from({ length: total }, () => random.integer(2)),
    targetWidth: 1,
  };
}

interface Facts {
  readonly node: string;
  readonly kernelBytes: number;
  readonly coldStartMs: number;
  readonly residentBytes: number;
}

function show(context: Context, measured: readonly Measured[], facts: Facts): void {
  const color = colorsFor(context.out, context.env);
  const rows = measured.map((m) => [m.name, `${m.stepMs.toFixed(2)} ms`, count(m.samplesPerSecond)]);
  for (const text of table([["one thread, best pass", "step", "samples/s"].map((h) => color.dim(h)), ...rows])) line(context.out, text);
  line(context.out);
  line(
    context.out,
    `Node ${facts.node.slice(1)}, kernels ${bytes(facts.kernelBytes)}, first step ${facts.coldStartMs.toFixed(0)} ms after the start, ${bytes(facts.residentBytes)} of memory in use.`,
  );
}
