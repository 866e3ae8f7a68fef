/**
 * A whole FedAvg run on C-MAPSS FD001: ours through the product's own simulation (protocol, fixed-point sums and all), the peer's
 * loop on windows of the same number per site. Only rounds are timed: reading data and judging the model are left out on both sides.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { startPython } from "./peer.mjs";
import { median, round } from "./report.mjs";

const length = 30;
const sensors = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21];

function federation(rounds) {
  return {
    federation: "bench-fedavg",
    task: { kind: "rul", window: length, stride: 1, cap: 125 },
    data: { use: "cmapss", set: "FD001" },
    sites: { use: "iid", count: 10 },
    model: { use: "cnn-lstm" },
    training: { optimizer: { use: "adam", learningRate: 0.001 }, epochs: 2, batch: 32 },
    rounds,
    seed: 7,
  };
}

/** Windows of the training file: sensors scaled to mean 0 and deviation 1, life capped at 125 and divided by it. */
function readWindows(path) {
  const bytes = readFileSync(path);
  const lines = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").trim().split("\n");
  const table = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const width = sensors.length;
  const rows = new Float32Array(table.length * width);
  sensors.forEach((sensor, column) => {
    const values = table.map((row) => row[4 + sensor]);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) * (b - mean), 0) / values.length) || 1;
    for (let i = 0; i < values.length; i++) rows[i * width + column] = (values[i] - mean) / deviation;
  });
  const last = new Map();
  for (const row of table) last.set(row[0], row[1]);
  const starts = [];
  const targets = [];
  for (let i = 0; i + length <= table.length; i++) {
    const end = table[i + length - 1];
    if (table[i][0] !== end[0]) continue;
    starts.push(i);
    targets.push(Math.min(last.get(end[0]) - end[1], 125) / 125);
  }
  return { rows, width, count: table.length, starts: Int32Array.from(starts), targets: Float32Array.from(targets) };
}

export async function fedavgBench({ rounds, turns, limit }, out) {
  const root = process.env.MILLWRIGHT_DATA;
  const names = ["train_FD001.txt.gz", "train_FD001.txt"].map((name) => join(root ?? "", "cmapss", name));
  const path = root === undefined ? undefined : names.find((name) => existsSync(name));
  if (path === undefined) {
    out.say(
      { bench: "fedavg", notMeasured: "no data" },
      "fedavg: not measured: set MILLWRIGHT_DATA to the folder with cmapss/ (millwright data fetch cmapss)",
    );
    return;
  }
  const { simulate } = await import("../../dist/index.js");
  const workers = Math.min(2, availableParallelism());
  const ours = [];
  let sizes = [];
  for (let turn = 0; turn < turns; turn++) {
    const result = await simulate(federation(rounds), { compare: false, workers, dataRoot: root }).result;
    ours.push(result.rounds.reduce((sum, r) => sum + r.seconds, 0));
    sizes = result.partition.sites.map((site) => site.train);
  }
  const mine = median(ours);
  const steps = rounds * 2 * sizes.reduce((sum, size) => sum + Math.ceil(size / 32), 0);
  const windows = sizes.reduce((a, b) => a + b, 0);
  const label = `fedavg FD001, ${sizes.length} sites, ${rounds} rounds, 2 epochs, ${windows} windows of ${length}x${sensors.length}, batch 32`;
  const fields = { bench: label, ours: round(mine), workers };

  const data = readWindows(path);
  if (windows > data.starts.length)
    throw new Error(`the simulation trained on ${windows} windows, the file has only ${data.starts.length}`);
  const folder = mkdtempSync(join(tmpdir(), "millwright-bench-"));
  try {
    const raw = join(folder, "windows.bin");
    writeFileSync(raw, Buffer.concat([data.rows, data.starts, data.targets].map((a) => Buffer.from(a.buffer))));
    const header = join(folder, "header.json");
    writeFileSync(
      header,
      JSON.stringify({
        path: raw,
        rows: data.count,
        width: data.width,
        windows: data.starts.length,
        length,
        sites: sizes,
        rounds,
        epochs: 2,
        batch: 32,
        learningRate: 0.001,
      }),
    );
    for (const threads of [2, 1]) {
      const child = startPython("fedavg.py", [header, threads, limit]);
      const theirs = child.reason === undefined ? await child.next() : child;
      child.close?.();
      if (theirs.reason !== undefined) {
        out.say(
          { ...fields, peer: `PyTorch, ${threads} threads`, notMeasured: theirs.reason },
          `${label}: Millwright ${round(mine)} s; PyTorch: not measured: ${theirs.reason}`,
        );
        return;
      }
      // Per step of the optimiser, because a peer that exceeds the limit stops early.
      const ratio = theirs.seconds / theirs.steps / (mine / steps);
      const stopped = theirs.steps < steps ? ` of ${steps} steps, then stopped` : " steps";
      out.say(
        {
          ...fields,
          peer: `PyTorch eager, ${threads} threads`,
          peerVersion: theirs.version,
          theirs: round(theirs.seconds),
          steps: theirs.steps,
          ratio: round(ratio),
        },
        `${label}: Millwright ${round(mine)} s with ${workers} workers, PyTorch ${theirs.version} eager ${round(theirs.seconds)} s with ` +
          `${threads} thread${threads > 1 ? "s" : ""} (${theirs.steps}${stopped}), ratio ${round(ratio)}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
