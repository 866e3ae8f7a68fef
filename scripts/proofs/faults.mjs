/**
 * The programs under simulated faults: npm run prove -- faults [--seeds N] [--bug-seeds N].
 *
 * - N clean worlds (default 20,000), each with crashes, bad disks and networks, wrong clocks and an operator's orders drawn from its seed:
 *   every promise of src/lab/faults/watch.ts holds and every run comes to its end.
 * - Every planted bug of test/lab/faults/bugs.ts is found within 2,000 seeds.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { plantedBugs } from "../lib/fault-bugs.mjs";

export const summary = "crashes, bad disks, bad networks and wrong clocks over many seeds, and whether planted bugs are found";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** Failing seeds that are kept in the evidence. */
const mostKept = 20;

export async function prove(args, say) {
  const { seeds, bugSeeds } = read(args);
  const { runWorld, replayCommand } = await import(pathToFileURL(join(root, "dist/lab/faults/world.js")).href);
  const began = process.hrtime.bigint();
  const injected = {};
  const shapes = {};
  const failed = [];
  let simulatedMs = 0;
  let events = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const result = await runWorld(seed);
    simulatedMs += result.simulatedMs;
    events += result.events;
    shapes[result.shape] = (shapes[result.shape] ?? 0) + 1;
    for (const [kind, count] of Object.entries(result.injected)) injected[kind] = (injected[kind] ?? 0) + count;
    if (result.fault !== undefined) {
      say(`seed ${seed} does not hold: ${result.fault}\n  ${replayCommand(seed)}`);
      if (failed.length < mostKept) failed.push({ seed, fault: result.fault, replay: replayCommand(seed) });
    }
    if ((seed + 1) % 500 === 0) say(`${seed + 1} of ${seeds} seeds, ${failed.length} failed`);
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const bugs = [];
  for (const bug of await plantedBugs()) {
    let found;
    for (let seed = 0; seed < bugSeeds && found === undefined; seed++) {
      const { fault } = await runWorld(seed, { variant: bug.plant() });
      if (fault !== undefined) found = { seed, by: fault.slice(0, 300) };
    }
    say(`${bug.name}: ${found === undefined ? `NOT found in ${bugSeeds} seeds` : `found at seed ${found.seed}`}`);
    bugs.push({ name: bug.name, what: bug.what, ...(found ?? {}) });
  }
  const figures = {
    seeds,
    failed,
    simulatedSeconds: Math.round(simulatedMs / 1000),
    seconds: Math.round(seconds),
    speedUp: Math.round(simulatedMs / 1000 / seconds),
    events,
    injected,
    shapes,
    bugs,
  };
  return { figures, passed: failed.length === 0 && bugs.length >= 12 && bugs.every((bug) => bug.seed !== undefined) };
}

function read(args) {
  const found = { seeds: 20_000, bugSeeds: 2000 };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i] === "--seeds" ? "seeds" : args[i] === "--bug-seeds" ? "bugSeeds" : undefined;
    if (name === undefined || !/^[1-9]\d{0,6}$/.test(args[i + 1] ?? "")) {
      throw new Error(`faults: expected --seeds N or --bug-seeds N, got ${args.slice(i).join(" ")}`);
    }
    found[name] = Number(args[i + 1]);
  }
  return found;
}
