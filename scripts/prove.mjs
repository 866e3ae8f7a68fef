/**
 * `npm run prove -- NAME [arguments]`: runs a proof that is too long for the tests and writes evidence/NAME.json with the command,
 * commit, machine, figures and date. A proof is scripts/proofs/NAME.mjs:
 *
 *   export const summary = "one line";
 *   export async function prove(args, say) { return { figures, passed } }
 *
 * `figures` is plain JSON; `passed` says whether what the proof claims holds (false exits with 1, the evidence is written all the same).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const proofs = join(root, "scripts/proofs");
const [name, ...args] = process.argv.slice(2);

function git(...words) {
  const done = spawnSync("git", words, { cwd: root, encoding: "utf8" });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

/** What the figures were made with. `dirty` counts changed files other than evidence: with it, the commit alone does not say it. */
function provenance() {
  const changed = git("status", "--porcelain", "--", ".", ":!evidence", ":!docs/results.md");
  return {
    command: `npm run prove -- ${[name, ...args].join(" ")}`,
    commit: git("rev-parse", "HEAD") ?? "unknown",
    dirty: changed === undefined ? true : changed !== "",
    millwright: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version,
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGB: Math.round(totalmem() / 1e8) / 10,
      platform: `${platform()} ${process.arch}`,
      node: process.version,
    },
  };
}

async function main() {
  const known = existsSync(proofs)
    ? readdirSync(proofs)
        .filter((file) => file.endsWith(".mjs"))
        .map((file) => file.slice(0, -4))
        .sort()
    : [];
  if (name === undefined || !known.includes(name)) {
    console.error(name === undefined ? "usage: npm run prove -- NAME [arguments]" : `prove: no proof is called ${JSON.stringify(name)}`);
    for (const one of known) {
      const { summary } = await import(pathToFileURL(join(proofs, `${one}.mjs`)).href);
      console.error(`  ${one.padEnd(14)} ${summary}`);
    }
    return 2;
  }
  const { prove } = await import(pathToFileURL(join(proofs, `${name}.mjs`)).href);
  const before = provenance();
  const started = Date.now();
  const { figures, passed } = await prove(args, (text) => console.error(text));
  if (figures === undefined || typeof passed !== "boolean") throw new Error(`proof ${name}: expected { figures, passed }`);
  const evidence = {
    proof: name,
    ...before,
    date: new Date(started).toISOString(),
    seconds: Math.round((Date.now() - started) / 100) / 10,
    passed,
    figures,
  };
  const file = join(root, "evidence", `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  // Whole or not at all: a killed proof leaves the evidence before it.
  writeFileSync(`${file}.part`, `${JSON.stringify(evidence, null, 2)}\n`);
  renameSync(`${file}.part`, file);
  console.error(
    `${passed ? "holds" : "does NOT hold"}: evidence/${name}.json (${evidence.seconds} s${before.dirty ? ", uncommitted changes" : ""})`,
  );
  return passed ? 0 : 1;
}

process.exitCode = await main();
