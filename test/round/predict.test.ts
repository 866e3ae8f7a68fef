/** A carried model answers for raw rows what the simulation judged, bit for bit; its ONNX file agrees to rounding. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Examples } from "../../src/data/dataset.js";
import { featurePipeline, fitScaler, resolvePlan, siteExamples, siteStatistic } from "../../src/data/pipeline.js";
import { addStatistics } from "../../src/data/statistic.js";
import { reconstructionScores } from "../../src/evaluation/anomaly.js";
import { mostLikely } from "../../src/evaluation/classes.js";
import { predictions, probabilities } from "../../src/lab/judge.js";
import { setUp } from "../../src/lab/setup.js";
import { sharedExamples } from "../../src/lab/shared.js";
import { simulate } from "../../src/lab/simulate.js";
import { createEngine } from "../../src/model/engine-wasm.js";
import { type Bundle, decodeBundle, encodeBundle } from "../../src/round/bundle.js";
import { parseFederation } from "../../src/round/file.js";
import { encodeOnnx } from "../../src/round/onnx.js";
import { type Prediction, predictTable } from "../../src/round/predict.js";
import { close } from "../support/close.js";
import { temporaryFolder } from "../support/folder.js";
import { runOnnx } from "../support/onnx-runtime.js";
import { sensorsSource, smallFederation } from "../support/small-federation.js";
import { tinyCmapss, tinySkab, tinySteelPlates } from "../support/tiny/sets.js";

const dataRoot = await temporaryFolder();
beforeAll(async () => {
  await tinyCmapss(dataRoot);
  await tinySkab(dataRoot);
  await tinySteelPlates(dataRoot);
});

const training = { optimizer: { use: "adam", learningRate: 0.01 }, batch: 16 };
const two = { use: "iid", count: 2 };
const sensors = { federation: "sensors", data: { use: sensorsSource }, split: { by: "time", test: 0.3 }, sites: two, training, rounds: 2 };
const files: Record<string, object> = {
  "failure (fleet)": { ...smallFederation, rounds: 2 },
  "remaining life (cmapss, with statistics)": {
    federation: "life",
    data: { use: "cmapss", set: "FD001" },
    task: { kind: "rul", window: 8, cap: 30 },
    features: [{ use: "scale" }, { use: "statistics" }],
    sites: two,
    model: { use: "hybrid", channels: 4, units: 4, hidden: [4] },
    training,
    rounds: 2,
  },
  "class (table without a clock)": {
    federation: "class",
    data: { use: "steel-plates-faults" },
    task: { kind: "class" },
    split: { by: "rows", test: 0.3 },
    sites: two,
    model: { use: "mlp", hidden: [6] },
    training,
    rounds: 2,
  },
  "value (own source)": { ...sensors, task: { kind: "value", window: 4, horizon: 2 }, model: { use: "linear" } },
  "value (difference to the last known one)": {
    ...sensors,
    task: { kind: "value", window: 4, horizon: 2, residual: true },
    model: { use: "mlp", hidden: [4] },
  },
  "anomaly (reconstruction)": {
    federation: "normal",
    data: { use: "skab" },
    task: { kind: "anomaly", window: 12 },
    sites: two,
    model: { use: "autoencoder" },
    training,
    rounds: 1,
  },
};

/** Where an example is (rows of a table without machines are nowhere) and every bit of its inputs: the same both ways. */
function keyOf(examples: Pick<Examples, "inputs" | "machines" | "times">, i: number, placed: boolean): string {
  const parts = Object.entries(examples.inputs).map(([name, { rows, width, starts, length }]) => {
    const values = rows.slice(starts[i] * width, (starts[i] + length) * width);
    return `${name}:${Buffer.from(values.buffer).toString("base64")}`;
  });
  return [...(placed ? [examples.machines[i], examples.times[i]] : []), ...parts.sort()].join("/");
}

async function judged(file: object, bundle: Bundle) {
  const setup = await setUp(parseFederation(file), { folder: ".", dataRoot });
  const statistics = setup.parts.map((part) => siteStatistic(part, setup.dataPlan));
  const scaler = fitScaler(statistics.reduce(addStatistics));
  const { task } = resolvePlan(setup.dataPlan, setup.dataset);
  const engine = createEngine(setup.model);
  engine.load(bundle.values);
  const placed = setup.dataset.machine !== undefined;
  const answers = new Map<string, string | number>();
  let first: { test: Examples; outputs: Float32Array } | undefined;
  for (const part of setup.parts) {
    const { test } = siteExamples(part, scaler, setup.dataPlan);
    if (test.count === 0) continue;
    const outputs = engine.predict({ ...sharedExamples(test, setup.model, true), targets: undefined });
    first ??= { test, outputs };
    const { kind, width, labels } = setup.outputs;
    const own: ArrayLike<string | number> =
      kind === "binary"
        ? probabilities(outputs)
        : kind === "classes"
          ? Array.from(mostLikely(outputs, width), (code) => labels?.[code] as string)
          : kind === "reconstruction"
            ? reconstructionScores(test.inputs.sequence, outputs)
            : predictions({ examples: test, outputs }, task);
    for (let i = 0; i < test.count; i++) answers.set(keyOf(test, i, placed), own[i]);
  }
  return { setup, scaler, answers, first: first as NonNullable<typeof first> };
}

const answerOf = (one: Prediction) => one.probability ?? one.class ?? one.score ?? one.remainingLife ?? one.value;

describe.each(Object.entries(files))("%s", (_, file) => {
  it("predict gives the answers that were judged, and ONNX agrees", async () => {
    const simulation = simulate(file, { compare: false, workers: 1, dataRoot });
    const bundle = decodeBundle(encodeBundle(await simulation.bundle));
    expect(bundle.values).toEqual((await simulation.bundle).values);
    const { setup, scaler, answers, first } = await judged(file, bundle);
    expect(bundle.scaler).toEqual(JSON.parse(JSON.stringify(scaler)));

    const table = setup.dataset.readings;
    const told = predictTable(bundle, createEngine(bundle.model), table);
    const windows = featurePipeline(bundle.data, bundle.scaler).examples(table);
    expect(told.length).toBe(windows.count);
    let compared = 0;
    const wrong: unknown[] = [];
    told.forEach((one, i) => {
      const want = answers.get(keyOf(windows, i, setup.dataset.machine !== undefined));
      if (want === undefined) return;
      compared++;
      if (!Object.is(answerOf(one), want)) wrong.push([one, want]);
    });
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThanOrEqual(answers.size);
    expect(answers.size).toBeGreaterThan(1);

    const count = Math.min(first.test.count, 16);
    const inputs = Object.fromEntries(
      Object.keys(bundle.model.inputs).map((name) => {
        const { rows, width, starts, length } = first.test.inputs[name];
        const values = Array.from({ length: count }, (_, i) => [...rows.subarray(starts[i] * width, (starts[i] + length) * width)]);
        return [name, Float32Array.from(values.flat())];
      }),
    );
    const ran = await runOnnx(encodeOnnx(bundle), bundle.model.inputs, inputs, count);
    const width = first.outputs.length / first.test.count;
    close(ran.outputs.output, first.outputs.subarray(0, count * width));
    if (setup.outputs.kind === "binary") close(ran.outputs.probability, probabilities(first.outputs.subarray(0, count)));
  });
});
