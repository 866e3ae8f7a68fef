/** What a federation file will run, cost and reveal, as sections of text around the numbers of `describePlan`. */
import { describePlan, type PlanDescription } from "../lab/plan.js";
import type { Finding } from "../round/check.js";
import { bytes, count } from "./show/text.js";

type Row = readonly [string, string];

export interface Described extends PlanDescription {
  readonly sections: readonly { readonly title: string; readonly rows: readonly Row[] }[];
  readonly remarks: readonly string[];
}

/** Reads and describes a file. Errors: those of describePlan. */
export async function describeFile(path: string, dataRoot: string | undefined): Promise<Described> {
  const plan = await describePlan(path, dataRoot === undefined || dataRoot === "" ? {} : { dataRoot });
  return {
    ...plan,
    sections: [
      { title: "Predicts", rows: predicts(plan) },
      { title: "Learns from", rows: learnsFrom(plan) },
      { title: "Sites", rows: sites(plan) },
      { title: "Model", rows: model(plan) },
      { title: "Trains", rows: trains(plan) },
      { title: "What leaves each site", rows: leaves(plan) },
      { title: "Takes", rows: takes(plan) },
      { title: "Checked", rows: plan.passed.map((claim): Row => ["ok", claim]) },
      { title: "Privacy", rows: [["claim", "none: updates and sums can betray something of the rows to whoever sees them"]] },
    ],
    remarks: [...plan.notes, ...plan.warnings.map(warningText)],
  };
}

function warningText({ where, expected, got, remedy }: Finding): string {
  return `${where ?? "plan"}: better with ${expected}; here ${got}${remedy === undefined ? "" : ` (${remedy})`}.`;
}

function predicts({ file, model }: PlanDescription): Row[] {
  const { kind, ...rest } = file.task;
  const options = Object.entries(rest).flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${String(value)}`]));
  const answers = { binary: "a probability", classes: "a class", number: "a number", reconstruction: "how unusual a window is" };
  return [
    ["task", [kind, ...options].join(", ")],
    ["answer", answers[model.answers.kind]],
    [
      "the model sees",
      Object.entries(model.inputs)
        .map(([name, shape]) => `${name} ${shape.join(" x ")}`)
        .join(", "),
    ],
  ];
}

function learnsFrom({ data, partition }: PlanDescription): Row[] {
  const trained = partition.sites.map((s) => s.train);
  const total = (pick: (site: PlanDescription["partition"]["sites"][number]) => number): string =>
    count(partition.sites.reduce((sum, s) => sum + pick(s), 0));
  return [
    ["data", `${data.name}: ${data.description}`],
    ["rows, inputs", `${count(data.rows)} rows, ${data.columns.length} columns`],
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

/** Sites and layers that are listed one by one; the rest is in the JSON. */
const listed = 30;

function sites({ partition }: PlanDescription): Row[] {
  const rows = partition.sites.slice(0, listed).map((s): Row => {
    const positive = s.positives === undefined ? "" : `, ${count(s.positives)} positive`;
    return [s.site, `${count(s.train)} train${positive}, ${count(s.validation)} validate, ${count(s.test)} test`];
  });
  return partition.sites.length > listed ? [...rows, ["...", `${partition.sites.length - listed} more`]] : rows;
}

function model({ file, model: { layers, parameters, values } }: PlanDescription): Row[] {
  const rows = layers.slice(0, listed).map(({ name, use, from, shape, parameters: own }): Row => {
    const weights = own === 0 ? "" : `, ${count(own)} parameters`;
    return [name, `${use} of ${from.join(", ")}: ${shape.join(" x ")}${weights}`];
  });
  const buffers = values === parameters ? "" : `, and ${count(values - parameters)} running values of norms that travel with them`;
  return [
    ["model", file.model.use],
    ...rows,
    ...(layers.length > listed ? [["...", `${layers.length - listed} more`] as const] : []),
    ["in all", `${layers.length} layers, ${count(parameters)} parameters${buffers}`],
  ];
}

function trains({ file, steps }: PlanDescription): Row[] {
  const { optimizer, epochs, batch, schedule } = file.training;
  return [
    ["rounds", `${file.rounds}, each ${epochs} ${epochs === 1 ? "pass" : "passes"} over a site's data in batches of ${batch}`],
    ["optimiser", `${optimizer.use}, learning rate ${optimizer.learningRate}, schedule ${schedule.use}`],
    ["rule", file.aggregate.use],
    ["steps", `${count(steps)} over all sites`],
    ["scenarios", (file.compare?.scenarios ?? ["centralised", "local", "federated"]).join(", ")],
  ];
}

function leaves({ traffic: { perRound, total, before }, partition, seen }: PlanDescription): Row[] {
  const each = (all: number): string => bytes(Math.round(all / partition.sites.length));
  return [
    ...seen.map(({ when, what }): Row => [when, `${what}; the coordinator sees them`]),
    ["never", "other readings, whole rows, names of machines, times"],
    ["bytes before round 1", `${each(before.up)} up, ${each(before.down)} down per site`],
    ["bytes every round", `${each(perRound.up)} up, ${each(perRound.down)} down per site`],
    ["bytes over the run", `${bytes(total.up)} up, ${bytes(total.down)} down, all sites together`],
  ];
}

function takes({ memory }: PlanDescription): Row[] {
  return [
    ["examples", bytes(memory.examples)],
    ["each worker", `about ${bytes(memory.worker)} in the kernels`],
    ["coordinator", `${bytes(memory.coordinator)} for sum and model`],
  ];
}
