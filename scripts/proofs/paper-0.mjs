/**
 * Figures 5 to 7 of paper 0 (Bataineh et al.) with its CNN-LSTM, on the built-in fleet or on real machines:
 * npm run prove -- paper-0 [--seeds N] [--data fleet|azure-pdm] [--only fig5,fig6,fig7]. What it claims is that the figures were made; which of the paper's claims
 * they bear out is part of the evidence. With --only the other figures stay as they are.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const summary = "figures 5 to 7 of paper 0: npm run prove -- paper-0 [--seeds N] [--data fleet|azure-pdm] [--only fig6]";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const all = ["fig5", "fig6", "fig7"];

export async function prove(args, say) {
  const { seeds, data, only } = read(args);
  const place = join(root, "evidence/paper-0.json");
  const before = only === undefined || !existsSync(place) ? {} : JSON.parse(readFileSync(place, "utf8")).figures;
  const figures = {};
  for (const name of all) {
    if (only !== undefined && !only.includes(name)) {
      if (before[name] !== undefined) figures[name] = before[name];
      continue;
    }
    say(`paper-0/${name} on ${data}, ${seeds} seeds ...`);
    const words = ["experiment", `paper-0/${name}`, "--seeds", String(seeds), "--data", data, "--quiet", "--json"];
    const out = join(root, "out/prove-paper-0", name);
    const done = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...words, "--out", out], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (done.status !== 0) throw new Error(`paper-0/${name}: exit ${done.status}\n${done.stderr}`);
    const { title, claim, points, findings, table } = JSON.parse(done.stdout);
    figures[name] = { title, claim, data, seeds, findings, table, points };
    for (const finding of findings) say(`  ${finding.holds ? "reproduced" : "not reproduced"}: ${finding.claim} ${finding.because}`);
  }
  return { figures, passed: all.every((name) => figures[name] !== undefined) };
}

function read(args) {
  const options = { seeds: 3, data: "fleet", only: undefined };
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1];
    if (args[i] === "--seeds" && /^[1-9]\d?$/.test(value ?? "")) options.seeds = Number(value);
    else if (args[i] === "--data" && value !== undefined) options.data = value;
    else if (args[i] === "--only" && value?.split(",").every((name) => all.includes(name))) options.only = value.split(",");
    else throw new Error(`paper-0: expected --seeds N, --data NAME or --only fig5,fig6,fig7, got ${args.slice(i, i + 2).join(" ")}`);
  }
  return options;
}
