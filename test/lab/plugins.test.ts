/** Modules of the user's own: what they return is checked where it enters, and a fault is told as the module's. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { describePlan } from "../../src/lab/plan.js";
import { simulate } from "../../src/lab/simulate.js";
import { temporaryFolder } from "../support/folder.js";
import { smallFederation } from "../support/small-federation.js";

const folder = await temporaryFolder();
let written = 0;

/** A module with this default export. */
function module(text: string): string {
  const name = `./module-${++written}.mjs`;
  writeFileSync(join(folder, name), text);
  return name;
}

async function refusal(change: object): Promise<MillwrightError> {
  const error = await describePlan({ ...smallFederation, ...change }, { folder }).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(MillwrightError);
  return error as MillwrightError;
}

const model = (body: string) => ({ model: { use: module(`export default (options, context) => (${body});`) } });

it("a model module is told its options, the inputs and the task, and gives the same model as the graph it returns", async () => {
  const nodes = [
    { use: "lstm", name: "memory", units: 5 },
    { use: "dense", name: "answer", units: 1 },
  ];
  const use = module(
    `export default ({ units }, { inputs, outputs, task }) => {
      if (task !== "binary" || inputs.sequence[1] !== 9) throw new Error("told wrong: " + task + " " + inputs.sequence);
      return { nodes: [{ use: "lstm", name: "memory", units }, { use: "dense", name: "answer", units: outputs }] };
    };`,
  );
  const run = async (change: object) =>
    (await simulate({ ...smallFederation, ...change }, { folder, compare: false, workers: 1 }).result).model;
  const own = await run({ model: { use, units: 5 } });
  expect(own).toEqual(await run({ model: { use: "graph", nodes } }));
  expect(await run({ model: { use, units: 6 } })).not.toEqual(own);
});

it("a rule module runs, and its options reach it", async () => {
  const use = module(
    `export default ({ pick, ...rest }) => {
      if (Object.keys(rest).length > 0) throw new Error("unexpected " + Object.keys(rest));
      return { kind: "whole", name: "one of them", minimum: 1, aggregate: (updates) => updates[pick] };
    };`,
  );
  const run = async (pick: number) =>
    (await simulate({ ...smallFederation, aggregate: { use, pick } }, { folder, compare: false, workers: 1 }).result).model.sha256;
  expect(await run(0)).not.toBe(await run(1));
});

const faults: readonly [string, () => object, string][] = [
  ["a module that is not there", () => ({ model: "./absent.mjs" }), "absent.mjs"],
  ["a module that does not parse", () => ({ model: module("export default (") }), "a module that loads"],
  ["no default export", () => ({ model: module("export const model = 1;") }), "a default export (options, context)"],
  ["a module that throws", () => ({ model: module("export default () => { throw new Error('no luck'); };") }), "no luck"],
  ["nothing returned", () => model("undefined"), "nodes"],
  ["an unknown layer", () => model('{ nodes: [{ use: "dens", name: "a", units: 1 }] }'), "nodes.0"],
  ["a layer that is told too much", () => model('{ nodes: [{ use: "relu", name: "a", unit: 1 }] }'), "unit"],
  [
    "a graph that does not fit together",
    () => model('{ nodes: [{ use: "relu", name: "a" }, { use: "dense", name: "b", from: "elsewhere", units: 1 }] }'),
    "elsewhere",
  ],
  ["inputs of another shape", () => model('{ inputs: { sequence: [3, 3] }, nodes: [{ use: "flatten", name: "a" }] }'), "sequence"],
  ["no rule", () => ({ aggregate: { use: module("export default () => 7;") } }), 'kind "linear"'],
  ["half a rule", () => ({ aggregate: { use: module('export default () => ({ kind: "gram", name: "x", minimum: 1 });') } }), "weights"],
];

it.each(faults)("refuses %s", async (_, change, told) => {
  const error = await refusal(change());
  expect(error.code).toBe("PLUGIN_INVALID");
  expect(error.message).toContain(told);
});

it("refuses a model whose output is not what the task needs, before anything is trained", async () => {
  const error = await refusal(model('{ nodes: [{ use: "flatten", name: "f" }, { use: "dense", name: "a", units: 3 }] }'));
  expect(error.code).toBe("PLAN_REFUSED");
  expect(error.message).toContain("1 outputs for a binary task");
});

it("tells of modules where a model's name is wrong", async () => {
  const error = await refusal({ model: "gruu" });
  expect(error.code).toBe("FILE_INVALID");
  expect(error.message).toMatch(/model.*cnn-lstm.*my-model\.mjs/);
  expect((await refusal({ model: { use: "gru", unit: 3 } })).detail).toMatchObject({ where: "model", got: '"unit"' });
});
