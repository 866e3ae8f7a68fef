/**
 * Every row of docs/results.md, from its example file, over several seeds, beside pooled and local-only training.
 *
 *   npm run prove -- results [--seeds N] [--only NAME[,NAME]] [--fresh]
 *
 * An interrupted proof goes on: what a seed of a row gave is kept in out/prove-results under a digest of the example file and of the
 * sources that figures depend on, and is taken from there while that digest stands (--fresh forgets it). With --only the other rows keep
 * the figures they have in evidence/results.json. A row that fails is recorded with its error, and the rest goes on.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { judgeRow, summarise } from "../lib/results-judge.mjs";
import { rows } from "../lib/results-rows.mjs";

export const summary = "quality on every public data set from its example file: npm run prove -- results [--seeds N] [--only NAME]";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const kept = join(root, "out/prove-results");

export async function prove(args, say) {
  const { seeds, only, fresh } = read(args);
  const { simulate } = await import(pathToFileURL(join(root, "dist/lab/simulate.js")).href);
  const sources = digestOfSources();
  const before = existing();
  const figures = { seeds, rows: {} };
  for (const row of rows) {
    if (only !== undefined && !only.includes(row.name)) {
      if (before?.rows?.[row.name] !== undefined) figures.rows[row.name] = before.rows[row.name];
      continue;
    }
    figures.rows[row.name] = await proveRow(row, { seeds, fresh, sources, simulate, say });
    say(`${row.name}: ${line(row, figures.rows[row.name])}`);
  }
  // A row that was never measured holds nothing.
  const passed = rows.every(
    ({ name }) => figures.rows[name]?.error === undefined && (figures.rows[name]?.verdict ?? { gate: false }).gate !== false,
  );
  return { figures, passed };
}

async function proveRow(row, { seeds, fresh, sources, simulate, say }) {
  const file = join(root, "examples", `${row.name}.yaml`);
  const digest = createHash("sha256").update(sources).update(readFileSync(file)).digest("hex");
  const runs = [];
  try {
    for (let seed = 0; seed < seeds; seed++) {
      const place = join(kept, row.name, `${seed}.json`);
      const known = fresh || !existsSync(place) ? undefined : JSON.parse(readFileSync(place, "utf8"));
      if (known?.digest === digest) {
        say(`${row.name}, seed ${seed}: as measured before`);
        runs.push(known.run);
        continue;
      }
      say(`${row.name}, seed ${seed} ...`);
      const result = await simulate(file, { seed, compare: true }).result;
      const run = figuresOf(result);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(`${place}.part`, `${JSON.stringify({ digest, run })}\n`);
      renameSync(`${place}.part`, place);
      runs.push(run);
    }
  } catch (error) {
    return { digest, error: String(error?.message ?? error).slice(0, 2000), verdict: judgeRow(row, undefined) };
  }
  const scenarios = summarise(runs);
  return {
    digest,
    commit: commit(),
    seeds: runs.map((run) => run.seed),
    scenarios,
    references: runs[0].references,
    parameters: runs[0].parameters,
    seconds: Math.round(runs.reduce((sum, run) => sum + run.wall, 0) * 10) / 10,
    verdict: judgeRow(row, scenarios),
  };
}

/** What is kept of a run: every metric of every scenario, not the curves and rounds. */
function figuresOf(result) {
  const scenarios = {};
  for (const [name, one] of Object.entries(result.scenarios)) {
    scenarios[name] = { metrics: one.metrics, seconds: one.seconds };
  }
  return {
    seed: result.seed,
    scenarios,
    references: result.references.map(({ name, metrics }) => ({ name, metrics })),
    parameters: result.model.parameters,
    wall: result.environment.seconds,
  };
}

function line(row, { error, scenarios, verdict }) {
  if (error !== undefined) return `FAILED: ${error}`;
  const { mean, sd } = scenarios.federated.metrics[row.metric] ?? { mean: Number.NaN, sd: 0 };
  const asked = row.gate ?? (row.ratio === undefined ? undefined : `${row.ratio} x centralised`);
  const said = verdict.gate === undefined ? "reported" : verdict.gate ? (verdict.goal ? "goal reached" : "gate reached") : "gate MISSED";
  return `${row.metric} ${mean.toPrecision(4)} +/- ${sd.toPrecision(2)} (gate ${asked ?? "-"}, goal ${row.goal ?? "-"}): ${said}`;
}

/** Of the sources that figures depend on: everything but the command and its drawings. */
function digestOfSources() {
  const hash = createHash("sha256");
  const folders = ["core", "model", "data", "training", "aggregation", "wire", "evaluation", "round", "io/source", "lab"];
  const files = [...folders.map((name) => join(root, "src", name)), join(root, "kernels")].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
  for (const file of files.sort())
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
}

/** With --only, rows come from different commits; each says its own. */
function commit() {
  const done = spawnSync("git", ["rev-parse", "--short=12", "HEAD"], { cwd: root, encoding: "utf8" });
  return done.status === 0 ? done.stdout.trim() : "unknown";
}

function existing() {
  const file = join(root, "evidence/results.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).figures : undefined;
}

function read(args) {
  const options = { seeds: 3, only: undefined, fresh: false };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--fresh") options.fresh = true;
    else if (args[i] === "--seeds" && /^[1-9]\d?$/.test(args[i + 1] ?? "")) options.seeds = Number(args[++i]);
    else if (args[i] === "--only" && args[i + 1] !== undefined) {
      options.only = args[++i].split(",");
      const unknown = options.only.filter((name) => !rows.some((row) => row.name === name));
      if (unknown.length > 0) throw new Error(`results: no row ${unknown.join(", ")}; there are ${rows.map((row) => row.name).join(", ")}`);
    } else throw new Error(`results: expected --seeds N, --only NAME or --fresh, got ${args[i]}`);
  }
  return options;
}
