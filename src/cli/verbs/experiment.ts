/** `millwright experiment`: a figure of a paper, done again as table and chart. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { fail } from "../../core/errors.js";
import type { SimulationResult } from "../../lab/result.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import { experimentPage } from "../experiments/page.js";
import { bases, type Experiment, experiments, quickFile, quickValues } from "../experiments/registry.js";
import { type ExperimentResult, type Point, pointOf, tableOf } from "../experiments/result.js";
import { type Verb, wantsJson } from "../program.js";
import { progress } from "../show/progress.js";
import { nearest, table, wrap } from "../show/text.js";
import { startSimulation } from "../wiring.js";
import { readText, writeWhole } from "./files.js";
import { resolvePath, shownPath, wholeNumber } from "./numbers.js";

interface Options {
  readonly seeds: number;
  readonly rounds?: number;
  readonly data: string;
  readonly quick?: boolean;
  readonly out?: string;
  readonly workers?: number;
  readonly quiet?: boolean;
}

const examples = new URL("../../../examples/", import.meta.url);

export const experimentVerb: Verb = (program, run) => {
  program
    .command("experiment")
    .description("Do a figure of a paper again, as table and chart; without a name, list them.")
    .argument("[name]", "name of the experiment")
    .option("--seeds <n>", "seeds per value", wholeNumber("--seeds", 1, 100), 1)
    .option("--data <name>", `machines to learn from: ${Object.keys(bases).join(" or ")}`, "fleet")
    .option("--rounds <n>", "rounds instead of those of the file", wholeNumber("--rounds", 1, 10_000))
    .option("--quick", "a try in a minute: few values, few rounds, little data; says nothing about the paper")
    .option("--out <dir>", "folder for the JSON and the page (default: out/NAME)")
    .option("--workers <n>", "worker threads", wholeNumber("--workers", 1, 256))
    .option("--quiet", "no progress")
    .option("--json", "print the result as JSON")
    .action((name: string | undefined, options: Options, command) =>
      run(async (context) => {
        const json = wantsJson(command);
        if (name === undefined) {
          if (json)
            writeJson(
              context,
              experiments.map(({ name, title, claim }) => ({ name, title, claim })),
            );
          else
            for (const text of table(
              experiments.map((e) => [e.name, e.title]),
              ["left", "left"],
            ))
              line(context.out, text);
          return 0;
        }
        const experiment = experiments.find((e) => e.name === name);
        if (experiment === undefined) {
          const names = experiments.map((e) => e.name);
          const near = nearest(name, names);
          fail("USAGE", {
            where: "experiment",
            expected: `one of ${names.join(", ")}`,
            got: name,
            ...(near === undefined ? {} : { remedy: `did you mean ${near}?` }),
          });
        }
        const result = await conduct(context, experiment, options);
        const folder =
          options.out === undefined ? join(context.cwd, "out", experiment.name.replace("/", "-")) : resolvePath(context, options.out);
        const page = join(folder, "experiment.html");
        writeWhole(join(folder, "experiment.json"), `${JSON.stringify(result, undefined, 2)}\n`);
        writeWhole(page, experimentPage(experiment, result));
        if (json) writeJson(context, result);
        else show(context, experiment, result, shownPath(context, page));
        return 0;
      }),
    );
};

async function conduct(context: Context, experiment: Experiment, options: Options): Promise<ExperimentResult> {
  const base = Object.hasOwn(bases, options.data) ? bases[options.data] : undefined;
  if (base === undefined) fail("USAGE", { where: "--data", expected: `one of ${Object.keys(bases).join(", ")}`, got: options.data });
  const read = parse(readText(fileURLToPath(new URL(base, examples)))) as Record<string, unknown>;
  const quick = options.quick === true;
  const file = quick ? quickFile(read) : read;
  const values = quick ? quickValues(experiment.axis.values) : experiment.axis.values;
  const firstSeed = typeof file.seed === "number" ? file.seed : 7;
  const seeds = Array.from({ length: options.seeds }, (_, i) => firstSeed + i);
  const points: Point[] = [];
  let environment: SimulationResult["environment"] | undefined;
  for (const value of values) {
    const runs: SimulationResult[] = [];
    for (const seed of seeds) {
      const varied = {
        ...experiment.vary(file, value),
        compare: { scenarios: experiment.scenarios },
        ...(options.rounds === undefined ? {} : { rounds: options.rounds }),
      };
      const shown = progress(context, { quiet: options.quiet === true, title: `${value} ${experiment.axis.label}, seed ${seed}` });
      try {
        const simulation = await startSimulation(varied, {
          seed,
          workers: options.workers,
          dataRoot: context.env.MILLWRIGHT_DATA,
          signal: context.interrupt,
        });
        simulation.result.catch(() => undefined);
        for await (const event of simulation.events) shown.show(event);
        runs.push(await simulation.result);
      } finally {
        shown.done();
      }
    }
    environment = runs[0]?.environment;
    points.push(pointOf(value, runs, experiment.scenarios));
  }
  if (environment === undefined) fail("INTERNAL", { where: experiment.name, expected: "at least one run", got: "none" });
  const { name, title, claim, axis } = experiment;
  const findings = experiment.judge(points);
  const rows = tableOf(experiment, points);
  return {
    format: "millwright-experiment/1",
    name,
    title,
    claim,
    axis: axis.label,
    data: options.data,
    quick,
    seeds,
    points,
    findings,
    table: rows,
    environment,
  };
}

function show(context: Context, experiment: Experiment, result: ExperimentResult, page: string): void {
  const color = colorsFor(context.out, context.env);
  const [head, ...rows] = result.table;
  line(context.out, color.bold(experiment.title));
  for (const text of wrap(`The paper: ${experiment.claim}`, 100)) line(context.out, text);
  line(context.out);
  for (const text of table([head.map((h) => color.dim(h)), ...rows], ["right", "left"])) line(context.out, text);
  line(context.out);
  for (const { claim, holds, because } of result.findings) {
    const word = holds ? color.green("reproduced") : color.yellow("not reproduced");
    for (const text of wrap(`${word}: ${claim} ${because}`, 100, "  ")) line(context.out, text);
  }
  if (result.quick) line(context.out, color.yellow("A quick try: two rounds on little data say nothing about the paper."));
  line(context.out);
  line(context.out, `Drawn in ${color.cyan(page)}`);
}
