/**
 * Shows one simulated world again, line by line: node scripts/replay-fault.mjs SEED [BUG]. With the name of a planted bug
 * (test/lab/faults/bugs.ts) the world has it. Runs the build: `npm run build` first where the source changed.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { plantedBugs } from "./lib/fault-bugs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [seed, name] = process.argv.slice(2);
if (!/^\d{1,9}$/.test(seed ?? "")) {
  console.error("usage: node scripts/replay-fault.mjs SEED [BUG]");
  process.exit(2);
}
const bugs = await plantedBugs();
const bug = name === undefined ? undefined : bugs.find((one) => one.name === name);
if (name !== undefined && bug === undefined) {
  console.error(`no planted bug is called ${name}: ${bugs.map((one) => one.name).join(", ")}`);
  process.exit(2);
}
const { runWorld } = await import(pathToFileURL(join(root, "dist/lab/faults/world.js")).href);
const result = await runWorld(Number(seed), { ...(bug === undefined ? {} : { variant: bug.plant() }), trace: (line) => console.log(line) });
console.log(`${result.shape}, ${(result.simulatedMs / 1000).toFixed(0)} simulated seconds, ${result.events} events`);
console.log(result.fault === undefined ? "every promise held" : `does not hold: ${result.fault}`);
process.exitCode = result.fault === undefined ? 0 : 1;
