/** Ten thousand simulated plants in one process: one round of a real model on real examples, dealt evenly. Time and memory. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { megabytes, round } from "./lib/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** In a process of its own, so that its largest resident memory is the simulation's. */
export async function loadSimulated(out, sites = 10_000, machines = 1000) {
  const child = spawn(process.execPath, [join(here, "load-simulation.mjs"), sites, machines].map(String), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let found;
  for await (const line of createInterface({ input: child.stdout })) found = JSON.parse(line);
  if (found === undefined) throw new Error("load-simulation.mjs ended without a word");
  out.say(
    { bench: "load-simulated", sites, ...found },
    `load-simulated: ${sites} simulated plants in one process, ${found.examples} training examples, ${found.parameters} parameters: ${found.rounds} rounds in ` +
      `${found.roundSeconds.map((one) => round(one)).join(" and ")} s (training included), everything else ${round(found.otherSeconds)} s, ` +
      `at most ${megabytes(found.highest)} resident; included ${found.included}`,
  );
}
