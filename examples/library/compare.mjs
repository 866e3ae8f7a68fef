/** A federation from code, followed while it runs: `node examples/library/compare.mjs`. */
import { simulate } from "millwright";

const simulation = simulate({
  federation: "from-code",
  data: { use: "fleet", machines: 20, days: 60, sites: 4 },
  task: { kind: "failure", window: "24h", horizon: "24h", stride: "12h" },
  split: { by: "time", test: 0.4 },
  sites: { use: "by", column: "site" },
  model: { use: "mlp", hidden: [16] },
  training: { optimizer: { use: "adam", learningRate: 0.005 }, loss: { use: "bce", positiveWeight: 10 } },
  rounds: 6,
});

// Events are for showing: what is being done, rounds with their loss, time left. They end when the simulation ends.
for await (const event of simulation.events) {
  if (event.kind === "round" && event.scenario === "federated")
    console.log(`round ${event.round}/${event.rounds}: loss ${event.loss.toFixed(4)}`);
}

// The result is what `millwright simulate --json` writes. A figure that has no value is absent, never zero.
const { scenarios, model } = await simulation.result;
for (const [name, { metrics }] of Object.entries(scenarios)) console.log(`${name}: PR-AUC ${metrics.prAuc?.toFixed(3) ?? "not defined"}`);
console.log(`model ${model.sha256.slice(0, 12)}, ${model.parameters} parameters`);
