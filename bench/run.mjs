/**
 * `npm run bench -- [names] [--seconds S] [--turns N] [--rounds R] [--limit S] [--no-tfjs] [--json]`: speed of training against peers measured in
 * the same run, in turns, on the same machine. A peer that cannot run is said to be not measured, with the reason, and gives no ratio.
 * Peers live in a virtual environment outside the project: bench/peers/setup.sh. Figures depend on what else the machine does.
 */
import { spawnSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { flowerBench } from "./flower.mjs";
import { fedavgBench } from "./lib/fedavg-bench.mjs";
import { cases } from "./lib/ours.mjs";
import { coldStartBench, memoryBench, wasmSizeBench } from "./lib/process-bench.mjs";
import { printer } from "./lib/report.mjs";
import { stepBench } from "./lib/step-bench.mjs";
import { loadConnections, loadUploads } from "./load.mjs";
import { loadRound, loadUpdates } from "./load-real.mjs";
import { loadSimulated } from "./load-simulated.mjs";
import { networkOverhead } from "./network-overhead.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "1.5" },
    turns: { type: "string" },
    rounds: { type: "string", default: "20" },
    limit: { type: "string", default: "300" },
    "no-tfjs": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const out = printer(values.json);
const seconds = number(values.seconds, "--seconds");
const turns = number(values.turns ?? "5", "--turns");

const benches = {
  ...Object.fromEntries(Object.keys(cases).map((name) => [name, () => stepBench(name, { seconds, turns, tfjs: !values["no-tfjs"] }, out)])),
  fedavg: () =>
    fedavgBench(
      { rounds: number(values.rounds, "--rounds"), limit: number(values.limit, "--limit"), turns: values.turns === undefined ? 1 : turns },
      out,
    ),
  memory: () => memoryBench(out),
  "cold-start": () => coldStartBench(out),
  "wasm-size": () => wasmSizeBench(out),
  "load-connections": () => loadConnections(out),
  "load-uploads": () => loadUploads(out),
  flower: () => flowerBench(out),
  "load-round": () => loadRound(out),
  "load-updates": () => loadUpdates(out),
  "load-simulated": () => loadSimulated(out),
  "network-overhead": () => networkOverhead(out),
  microkernel: () => {
    const script = join(dirname(fileURLToPath(import.meta.url)), "kernels.mjs");
    const run = spawnSync(process.execPath, [script, String(seconds), ...(values.json ? ["--json"] : [])], { stdio: "inherit" });
    if (run.status !== 0) throw new Error(`bench/kernels.mjs ended with ${run.status}`);
  },
};

const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`bench: expected some of ${Object.keys(benches).join(", ")}, got ${unknown.join(", ")}`);
  process.exit(2);
}
const load = loadavg()[0];
// Peers with several threads suffer most from a busy machine: such figures are not to be quoted.
const busy = load > cpus().length / 2;
out.say(
  {
    bench: "machine",
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    load,
    busy,
  },
  `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}, ${process.platform}-${process.arch}` +
    (busy ? `; BUSY (load ${load.toFixed(1)}): do not quote these figures` : ""),
);
for (const name of names) await benches[name]();

function number(text, option) {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`bench: expected a number above 0 after ${option}, got ${text}`);
  process.exit(2);
}
