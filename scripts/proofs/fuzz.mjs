/**
 * Changed bytes for every decoder: npm run prove -- fuzz [--cases N] [--seed N].
 *
 * What comes from another machine, or from a disk that somebody may have written to, is changed N times in all (1.1 million unless told):
 * bits, bytes, lengths and pieces, and places in JSON. Each case must be read or refused with a code; another error, a hang beyond five
 * seconds and memory beyond one gigabyte are findings. The targets are those of test/security/targets; a finding names the target and
 * the seed that repeats it: FUZZ_ONLY=target FUZZ_SEED=seed FUZZ_CASES=1 npx vitest run test/security/fuzz.test.ts
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const summary = "every decoder on a million and more changed inputs: read or refused with a code, in bounded time and memory";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const limits = { slowestMs: 5000, memoryMB: 1000 };

export async function prove(args, say) {
  const { cases, seed } = read(args);
  const folder = mkdtempSync(join(tmpdir(), "millwright-fuzz-"));
  const out = join(folder, "figures.json");
  const env = { ...process.env, FUZZ_CASES: String(cases), FUZZ_SEED: String(seed), FUZZ_OUT: out };
  say(`${cases} cases from seed ${seed}`);
  const done = spawnSync("npx", ["vitest", "run", "test/security/fuzz.test.ts"], { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 28 });
  const targets = JSON.parse(readFileSync(out, "utf8"));
  rmSync(folder, { recursive: true });
  const all = Object.values(targets);
  const total = all.reduce((sum, one) => sum + one.cases, 0);
  const worst = (name) => Math.max(...all.map((one) => one[name]));
  const findings =
    done.status === 0 ? [] : (done.stdout.match(/Error: [^\n]*seed \d+[^\n]*/g) ?? ["a target failed; see the test"]).slice(0, 20);
  const figures = {
    cases: total,
    targets: all.length,
    slowestMs: worst("slowestMs"),
    memoryMB: worst("memoryMB"),
    limits,
    findings,
    each: targets,
  };
  for (const one of findings) say(one);
  const held = figures.slowestMs <= limits.slowestMs && figures.memoryMB <= limits.memoryMB;
  return { figures, passed: done.status === 0 && total >= Math.min(cases, 1_000_000) && held };
}

function read(args) {
  const read = { cases: 1_100_000, seed: 0 };
  for (let i = 0; i < args.length; i += 2) {
    const name = { "--cases": "cases", "--seed": "seed" }[args[i]];
    if (name === undefined || !/^\d{1,9}$/.test(args[i + 1] ?? ""))
      throw new Error(`fuzz: expected --cases N or --seed N, got ${args.join(" ")}`);
    read[name] = Number(args[i + 1]);
  }
  return read;
}
