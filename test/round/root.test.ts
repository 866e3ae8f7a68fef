/** A root from the first question to the released model, with sites that really train, beside the simulation of the same file. */
import { beforeAll, describe, expect, it } from "vitest";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { simulate } from "../../src/lab/simulate.js";
import { encodeBundle } from "../../src/round/bundle.js";
import { parseFederation } from "../../src/round/file.js";
import { temporaryFolder } from "../support/folder.js";
import { sensorsSource, smallFederation } from "../support/small-federation.js";
import { tinyCmapss, tinySkab, tinySteelPlates } from "../support/tiny/sets.js";
import { runTree } from "./tree-world.js";

const small = { ...smallFederation, model: { use: "mlp", hidden: [4] }, rounds: 3 };
const executor = inlineExecutor();

const dataRoot = await temporaryFolder();
beforeAll(async () => {
  await tinyCmapss(dataRoot);
  await tinySkab(dataRoot);
  await tinySteelPlates(dataRoot);
});

const training = { optimizer: { use: "adam", learningRate: 0.01 }, batch: 16 };
const common = { sites: { use: "iid", count: 2 }, training, rounds: 2 };
const tasks: Record<string, object> = {
  "remaining life": {
    ...common,
    federation: "life",
    data: { use: "cmapss", set: "FD001" },
    task: { kind: "rul", window: 8, cap: 30 },
    model: "linear",
  },
  class: {
    ...common,
    federation: "class",
    data: { use: "steel-plates-faults" },
    task: { kind: "class" },
    split: { by: "rows", test: 0.3 },
    model: { use: "mlp", hidden: [6] },
  },
  value: {
    ...common,
    federation: "sensors",
    data: { use: sensorsSource },
    split: { by: "time", test: 0.3 },
    task: { kind: "value", window: 4, horizon: 2, residual: true },
    model: "linear",
  },
  anomaly: {
    ...common,
    federation: "normal",
    data: { use: "skab" },
    task: { kind: "anomaly", window: 12 },
    model: "autoencoder",
    rounds: 1,
  },
  "failure with quantiles": { ...small, threshold: "quantiles", average: { last: 2 }, split: { by: "time", test: 0.3, validation: 0.2 } },
};

describe("a root", () => {
  it("releases the bundle of the simulation, byte for byte, and its figures", async () => {
    const simulation = simulate(small, { compare: false, executor });
    const bundle = await simulation.bundle;
    const result = await simulation.result;
    const { release, rounds, error } = await runTree(parseFederation(small), {}, "calm");
    expect(error).toBeUndefined();
    expect(rounds.map(({ round }) => round)).toEqual([1, 2, 3]);
    expect(release?.bundle).toEqual(bundle);
    expect(Buffer.from(encodeBundle(release?.bundle as typeof bundle)).equals(encodeBundle(bundle))).toBe(true);
    const figures = result.scenarios.federated?.metrics as Record<string, number>;
    for (const name of ["f1", "precision", "recall", "accuracy"]) expect(release?.metrics[name]).toBe(figures[name]);
  });

  it.each(Object.entries(tasks))("releases the bundle and the figures of the simulation: %s", async (_, file) => {
    const simulation = simulate(file, { compare: false, executor, dataRoot });
    const bundle = await simulation.bundle;
    const figures = (await simulation.result).scenarios.federated?.metrics as Record<string, number>;
    const { release, error } = await runTree(parseFederation(file), { delay: 50 }, "task", { dataRoot });
    expect(error).toBeUndefined();
    expect(Buffer.from(encodeBundle(release?.bundle as typeof bundle)).equals(encodeBundle(bundle))).toBe(true);
    const metrics = release?.metrics ?? {};
    expect(Object.keys(metrics).length).toBeGreaterThan(1);
    // Areas under curves come from histograms in a federation; everything else is exact.
    for (const [name, value] of Object.entries(metrics)) if (!name.endsWith("Auc")) expect([name, value]).toEqual([name, figures[name]]);
  });
});
