/** The windows that our sites train on, scaled as they scale them, as raw files for a peer. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A federation file: logistic regression over flattened windows, plain SGD. */
export const logistic = (names, rounds) => ({
  federation: "real",
  task: { kind: "failure", window: "24h", horizon: "24h", stride: "6h" },
  data: { use: "fleet", machines: 3 * names.length, days: 45, sites: names.length, siteNames: names },
  split: { by: "time", test: 0.4 },
  sites: { use: "by", column: "site" },
  model: { use: "linear", input: "sequence" },
  training: { optimizer: { use: "sgd", learningRate: 0.02 }, loss: { use: "bce" }, epochs: 1, batch: 32 },
  rounds,
  aggregate: { use: "mean" },
  quorum: { goal: 1, minimum: 0.5, deadline: "5min", attempts: 2 },
  threshold: 0.5,
  compare: { scenarios: ["federated"] },
  seed: 7,
});

/** Writes windows.json and two files for every site. Returns the number of parameters of the model over them. */
export async function exportWindows(content, folder) {
  const { setUp } = await import("../../dist/lab/setup.js");
  const { parseFederation } = await import("../../dist/round/file.js");
  const { createSiteWork } = await import("../../dist/round/site-work.js");
  const { inlineExecutor } = await import("../../dist/io/workers/inline.js");
  const { combineAnswers } = await import("../../dist/round/topics.js");
  const { fitScaler } = await import("../../dist/data/pipeline.js");
  const { unpackStatistic } = await import("../../dist/data/statistic-wire.js");
  const file = parseFederation(content, "real");
  const { parts, parameters } = await setUp(file, { folder: "." });
  const works = parts.map((part) => createSiteWork({ site: part.site, part, file, seed: "real", executor: inlineExecutor() }));
  const ask = (work, topic, body) => work.work({ type: "ask", exchange: 1, topic, body });
  const told = new Map();
  for (const work of works) told.set(work.site, (await ask(work, "statistics", {})).body);
  const scaler = fitScaler(unpackStatistic(combineAnswers("statistics", told)));
  const sites = [];
  let width = 0;
  for (const [i, work] of works.entries()) {
    await ask(work, "prepare", scaler);
    const { count, inputs, targets } = work.data();
    const { rows, starts, length, width: features } = inputs.sequence;
    width = length * features;
    const x = new Float32Array(count * width);
    for (let k = 0; k < count; k++) x.set(rows.subarray(starts[k] * features, (starts[k] + length) * features), k * width);
    writeFileSync(join(folder, `${i}.x`), x);
    writeFileSync(join(folder, `${i}.y`), Float32Array.from(targets));
    sites.push({ count, x: `${i}.x`, y: `${i}.y` });
  }
  const { learningRate } = content.training.optimizer;
  writeFileSync(join(folder, "windows.json"), JSON.stringify({ width, sites, rate: learningRate, batch: content.training.batch }));
  if (parameters !== width + 1) throw new Error(`expected a model of ${width + 1} parameters, got ${parameters}`);
  return parameters;
}
