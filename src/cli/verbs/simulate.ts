/** `millwright simulate`: runs a federation on this machine, shows it live, compares it, and leaves result and report behind. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { fail, MillwrightError } from "../../core/errors.js";
import type { SimulationResult } from "../../lab/result.js";
import { type Bundle, encodeBundle } from "../../round/bundle.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import type { ExitCode } from "../exit-codes.js";
import { type Verb, wantsJson } from "../program.js";
import { renderReport } from "../report/report.js";
import { closing, type Written } from "../show/closing.js";
import { progress } from "../show/progress.js";
import { type AnyResult, mergeSeeds, viewOf } from "../show/view.js";
import { startSimulation } from "../wiring.js";
import { readText, writeWhole } from "./files.js";
import { finishedSeeds } from "./finished-seeds.js";
import { resolvePath, shownPath, wholeNumber } from "./numbers.js";
import { replayAction } from "./replay.js";

interface Options {
  readonly seeds?: number;
  readonly seed?: number;
  readonly json?: string | boolean;
  readonly out?: string;
  readonly workers?: number;
  readonly resume?: boolean;
  readonly compare?: boolean;
  readonly quiet?: boolean;
  readonly replay?: string;
}

/** The federation that runs when no file is named. */
const builtIn = fileURLToPath(new URL("../../../examples/fleet.yaml", import.meta.url));

export const simulateVerb: Verb = (program, run) => {
  program
    .command("simulate")
    .description("Run a federation on this machine and compare it with pooled and with local-only training.")
    .argument("[file]", "federation file, YAML or JSON (default: the built-in fleet)")
    .option("--seeds <n>", "run this many seeds, report mean and standard deviation", wholeNumber("--seeds", 1, 100))
    .option("--seed <n>", "first seed, instead of the one in the file", wholeNumber("--seed", 0, 4294967295))
    .option("--json [out]", "write the result to OUT, or to the output when OUT is left away")
    .option("--out <dir>", "folder for result, report and model (default: out/NAME)")
    .option("--workers <n>", "worker threads (default: one per core, at most one per site)", wholeNumber("--workers", 1, 256))
    .option("--resume", "go on where an interrupted run of the same file stopped")
    .option("--compare", "run all three scenarios, whatever the file says")
    .option("--no-compare", "run the federated scenario only")
    .option("--quiet", "no progress, only the closing table")
    .option(
      "--replay <record>",
      "repeat a recorded run from who was included, and compare every round's model (record.json or result.json)",
    )
    .action((file: string | undefined, options: Options, command: Command) =>
      run((context) =>
        options.replay === undefined
          ? simulateAction(context, file === undefined ? builtIn : resolvePath(context, file), options, wantsJson(command))
          : replayAction(context, options.replay, file, options, wantsJson(command)),
      ),
    );
};

async function simulateAction(context: Context, file: string, options: Options, json: boolean): Promise<ExitCode> {
  const jsonTo = typeof options.json === "string" ? resolvePath(context, options.json) : undefined;
  if (jsonTo !== undefined) guardTarget(jsonTo);
  const folder = options.out === undefined ? join(context.cwd, "out", nameOf(file)) : resolvePath(context, options.out);
  const state = join(folder, "state");
  const model = join(folder, "model.safetensors");
  const seeds = options.seeds ?? 1;
  if (options.resume === true && !holdsAnything(state)) {
    line(context.err, `Nothing to go on from in ${shownPath(context, state)}: the run starts at its first round.`);
  }
  const finished = finishedSeeds(state, file, options.compare);
  const firstSeed = options.seed ?? finished.seed;
  const runs: SimulationResult[] = [];
  for (let i = 0; i < seeds; i++) {
    const stored = options.resume === true && (i > 0 || existsSync(model)) ? finished.get(firstSeed + i) : undefined;
    if (stored !== undefined) {
      runs.push(stored);
      continue;
    }
    const done = await runOne(context, file, options, {
      seed: firstSeed + i,
      title: seeds === 1 ? undefined : `seed ${i + 1}/${seeds}`,
      state,
    });
    if (done === "interrupted") return interrupted(context, i, seeds);
    // The model that is kept is that of the first seed.
    if (i === 0) writeWhole(model, encodeBundle(done.bundle));
    if (seeds > 1) finished.put(done.result);
    runs.push(done.result);
  }
  const result: AnyResult = seeds === 1 ? runs[0] : mergeSeeds(runs);
  const written = writeFiles(context, result, folder, jsonTo);
  finished.clear();
  if (json && jsonTo === undefined) writeJson(context, result);
  else
    for (const text of closing(viewOf(result), written, colorsFor(context.out, context.env), context.out.columns ?? 100))
      line(context.out, text);
  return 0;
}

/** Whether an interrupted run left something in its folder. */
const holdsAnything = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;

async function runOne(
  context: Context,
  file: string,
  options: Options,
  one: { seed: number | undefined; title: string | undefined; state: string },
): Promise<{ result: SimulationResult; bundle: Bundle } | "interrupted"> {
  const shown = progress(context, { quiet: options.quiet === true, title: one.title });
  try {
    const simulation = await startSimulation(file, {
      seed: one.seed,
      workers: options.workers,
      compare: options.compare,
      state: one.state,
      resume: options.resume,
      dataRoot: context.env.MILLWRIGHT_DATA,
      signal: context.interrupt,
    });
    for await (const event of simulation.events) shown.show(event);
    return { result: await simulation.result, bundle: await simulation.bundle };
  } catch (error) {
    if (error instanceof MillwrightError && error.code === "ABORTED") return "interrupted";
    throw error;
  } finally {
    shown.done();
  }
}

function interrupted(context: Context, done: number, seeds: number): ExitCode {
  const finished = seeds === 1 ? "" : ` after ${done} of ${seeds} seeds`;
  line(context.err, `Interrupted${finished}. Run the same command with --resume to go on from the last finished round.`);
  return 6;
}

/** Never overwrite a federation file because it stood where OUT belongs. */
function guardTarget(path: string): void {
  if (!existsSync(path)) return;
  if (/\.json$/i.test(path) && /"format":\s*"millwright-/.test(readText(path).slice(0, 400))) return;
  fail("USAGE", {
    where: "--json",
    expected: "the place of a new file, or of an earlier result",
    got: `${path}, which exists and is no result`,
    remedy: "put the federation file first: millwright simulate FILE --json OUT",
  });
}

function nameOf(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? "run";
  const name = base.replace(/\.(ya?ml|json)$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-");
  return name === "" ? "run" : name;
}

function writeFiles(context: Context, result: AnyResult, folder: string, jsonTo: string | undefined): Written {
  const resultPath = jsonTo ?? join(folder, "result.json");
  const reportPath = join(folder, "report.html");
  writeWhole(resultPath, `${JSON.stringify(result)}\n`);
  writeWhole(reportPath, renderReport(viewOf(result)));
  return {
    result: shownPath(context, resultPath),
    report: shownPath(context, reportPath),
    model: shownPath(context, join(folder, "model.safetensors")),
  };
}
