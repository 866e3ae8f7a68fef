/** What a federation file will run, cost and reveal: read, loaded, dealt and cut for real, but nothing is trained. */
import { dirname } from "node:path";
import { siteStatistic } from "../data/pipeline.js";
import { packStatistic } from "../data/statistic-wire.js";
import type { PartitionSummary } from "../lab/result.js";
import { setUp } from "../lab/setup.js";
import type { FederationFile } from "../round/file.js";
import { readFile, summary } from "./federation.js";
import { bytes, count } from "./show/text.js";

export interface PlanDescription {
  readonly format: "millwright-plan/1";
  readonly federation: string;
  readonly sections: readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[];
  readonly remarks: readonly string[];
  readonly partition: PartitionSummary;
  readonly model: { readonly parameters: number; readonly values: number; readonly inputs: Readonly<Record<string, readonly number[]>> };
  /** Bytes of a model as it travels, and of all updates that a site sends over the whole run, messages' frames apart. */
  readonly traffic: { readonly perRound: number; readonly perSite: number };
}

/** Bytes of one value of a model or an update on the wire. */
const bytesPerValue = 4;

/** Reads and describes a file. Errors: those of the file, the data, the model and the rule. */
export async function describeFile(path: string, dataRoot: string | undefined): Promise<PlanDescription> {
  const file = readFile(path);
  const setup = await setUp(file, { folder: dirname(path), ...(dataRoot === undefined || dataRoot === "" ? {} : { dataRoot }) });
  const partition = summary({ file, dataset: setup.dataset, plan: setup.dataPlan, parts: setup.parts });
  const values = setup.initial.length;
  const perRound = values * bytesPerValue;
  const perSite = perRound * file.rounds;
  const statistic = JSON.stringify(packStatistic(siteStatistic(setup.parts[0], setup.dataPlan))).length;
  return {
    format: "millwright-plan/1",
    federation: file.federation,
    sections: [
      { title: "Predicts", rows: predicts(file, setup.outputs.kind, setup.model.inputs) },
      { title: "Learns from", rows: learnsFrom(setup.dataset, partition) },
      {
        title: "Model",
        rows: [
          ["preset", file.model.use],
          ["layers", count(setup.model.nodes.length)],
          ["parameters", count(setup.parameters)],
        ],
      },
      { title: "Trains", rows: trains(file, partition) },
      {
        title: "What leaves each site",
        rows: [
          [
            "before round 1",
            `count, sum, sum of squares and extremes of each column, labels of categories, about ${bytes(statistic)}; the coordinator sees them`,
          ],
          ["every round up", `an update of ${count(values)} numbers (${bytes(perRound)}), its loss, and the number of training examples`],
          ["every round down", `the model, ${bytes(perRound)}`],
          ["over the run", `about ${bytes(perSite)} up and as much down per site, ${bytes(2 * perSite * partition.sites.length)} in all`],
          ["at the end", "counts, for the threshold and the figures"],
          ["never", "other readings, whole rows, names of machines, times"],
        ],
      },
      { title: "Privacy", rows: [["claim", "none: updates and sums can betray something of the rows to whoever sees them"]] },
    ],
    remarks: remarks(setup.dataset.notes ?? [], partition),
    partition,
    model: { parameters: setup.parameters, values, inputs: setup.model.inputs },
    traffic: { perRound, perSite },
  };
}

function predicts(
  file: FederationFile,
  output: string,
  inputs: Readonly<Record<string, readonly number[]>>,
): (readonly [string, string])[] {
  const { kind, ...rest } = file.task;
  const options = Object.entries(rest).flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${String(value)}`]));
  return [
    ["task", [kind, ...options].join(", ")],
    [
      "answer",
      { binary: "a probability", classes: "a class", number: "a number", reconstruction: "how unusual a window is" }[output] ?? output,
    ],
    [
      "the model sees",
      Object.entries(inputs)
        .map(([name, shape]) => `${name} ${shape.join(" x ")}`)
        .join(", "),
    ],
  ];
}

function learnsFrom(
  dataset: {
    readonly name: string;
    readonly description: string;
    readonly readings: { readonly rows: number };
    readonly inputs: readonly string[];
  },
  partition: PartitionSummary,
): (readonly [string, string])[] {
  const trained = partition.sites.map((s) => s.train);
  const total = (pick: (site: PartitionSummary["sites"][number]) => number): string =>
    count(partition.sites.reduce((sum, s) => sum + pick(s), 0));
  return [
    ["data", `${dataset.name}: ${dataset.description}`],
    ["rows, inputs", `${count(dataset.readings.rows)} rows, ${dataset.inputs.length} columns`],
    ["sites", `${partition.sites.length}, with ${count(Math.min(...trained))} to ${count(Math.max(...trained))} training examples`],
    ["examples", `${total((s) => s.train)} train, ${total((s) => s.validation)} validate, ${total((s) => s.test)} test`],
    ...(partition.sites.some((s) => s.positives !== undefined)
      ? [["positive", `${total((s) => s.positives ?? 0)} of the training examples`] as const]
      : []),
    [
      "skew",
      Object.entries(partition.skew)
        .map(([name, value]) => `${name} ${value.toFixed(3)}`)
        .join(", "),
    ],
  ];
}

function trains(file: FederationFile, partition: PartitionSummary): (readonly [string, string])[] {
  const { optimizer, epochs, batch, schedule } = file.training;
  const steps = partition.sites.reduce((sum, s) => sum + Math.ceil(s.train / batch) * epochs, 0) * file.rounds;
  return [
    ["rounds", `${file.rounds}, each ${epochs} ${epochs === 1 ? "pass" : "passes"} over a site's data in batches of ${batch}`],
    ["optimiser", `${optimizer.use}, learning rate ${optimizer.learningRate}, schedule ${schedule.use}`],
    ["rule", file.aggregate.use],
    ["steps", `${count(steps)} over all sites`],
    ["scenarios", (file.compare?.scenarios ?? ["centralised", "local", "federated"]).join(", ")],
  ];
}

function remarks(notes: readonly string[], partition: PartitionSummary): string[] {
  const empty = partition.sites.filter((s) => s.train === 0).map((s) => s.site);
  const untested = partition.sites.filter((s) => s.test === 0).map((s) => s.site);
  return [
    ...notes,
    ...(empty.length === 0 ? [] : [`No training examples at ${empty.join(", ")}.`]),
    ...(untested.length === 0 ? [] : [`No test examples at ${untested.join(", ")}: these sites have no figures of their own.`]),
  ];
}
