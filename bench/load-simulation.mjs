/** The simulation of load-simulated.mjs: SITES MACHINES. Tells one JSON line. */
import { performance } from "node:perf_hooks";
import { simulate } from "../dist/index.js";
import { fileOf } from "./lib/load-federation.mjs";

const [sites, machines] = process.argv.slice(2).map(Number);
const file = fileOf({ federation: "load-simulated", sites, model: "8k", rounds: 2, machines });
file.data = { ...file.data, days: 30 };
const started = performance.now();
const { rounds, partition, model } = await simulate(file, { compare: false }).result;
const roundSeconds = rounds.map((one) => one.seconds);
console.log(
  JSON.stringify({
    rounds: rounds.length,
    roundSeconds,
    otherSeconds: (performance.now() - started) / 1000 - roundSeconds.reduce((sum, one) => sum + one, 0),
    included: rounds.at(-1).included.length,
    losses: rounds.map((one) => one.loss),
    examples: partition.sites.reduce((sum, one) => sum + one.train, 0),
    parameters: model.parameters,
    highest: process.resourceUsage().maxRSS * 1024,
  }),
);
