/**
 * What the real network adds to a round: the same federation file simulated in one process, and run by `serve` and four `join` as processes
 * of their own (mutual TLS, journals, record, policy). Both train with the same code to the same losses; who counts decides the model.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { median, round } from "./lib/report.mjs";

const program = join(dirname(fileURLToPath(import.meta.url)), "../dist/cli/main.js");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const names = ["plant-1", "plant-2", "plant-3", "plant-4"];

const file = {
  federation: "overhead",
  task: { kind: "failure", window: "24h", horizon: "24h", stride: "6h" },
  data: { use: "fleet", machines: 16, days: 30, sites: names.length, siteNames: names },
  split: { by: "time", test: 0.4 },
  sites: { use: "by", column: "site" },
  model: { use: "cnn-lstm", norm: "group", hidden: [16, 8] },
  training: { optimizer: { use: "adam", learningRate: 0.005 }, loss: { use: "bce" }, epochs: 1, batch: 32 },
  rounds: 12,
  aggregate: { use: "mean" },
  quorum: { goal: 1, minimum: 0.5, deadline: "5min", attempts: 2 },
  threshold: 0.5,
  compare: { scenarios: ["federated"] },
  seed: 7,
};

async function simulated(workers) {
  const { simulate } = await import("../dist/index.js");
  const { rounds } = await simulate(file, { compare: false, workers }).result;
  return { seconds: rounds.slice(2).map((one) => one.seconds), losses: rounds.map((one) => one.loss) };
}

/** The file run by `serve` and a `join` for each name: seconds from one closed round to the next, and the losses. */
export async function networked(file, names) {
  const folder = mkdtempSync(join(tmpdir(), "millwright-overhead-"));
  const path = join(folder, "federation.json");
  writeFileSync(path, JSON.stringify(file));
  const children = [];
  const run = (args) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    children.push(child);
    return child;
  };
  try {
    const data = join(folder, "coordinator");
    const server = run(["serve", path, "--data", data, "--port", "0", "--sites", names.join(","), "--invite", "--log", "json"]);
    let last = "";
    const closed = [];
    const over = new Promise((resolve, reject) => {
      server.once("exit", () => reject(new Error(`serve ended: ${last}`)));
      createInterface({ input: server.stderr }).on("line", (line) => {
        last = line;
        if (!line.startsWith("{")) return;
        const event = JSON.parse(line);
        if (event.event === "round.closed") closed.push({ at: performance.now(), loss: event.loss });
        if (event.event === "run.finished") resolve();
        if (event.level === "error") reject(new Error(line));
      });
    });
    over.catch(() => {});
    for (const name of names) {
      const token = join(data, "tokens", `${name}.token`);
      for (let i = 0; !existsSync(token); i++) {
        if (i > 600) throw new Error(`no invitation for ${name}: ${last}`);
        await sleep(100);
      }
      const site = join(folder, `${name}.json`);
      writeFileSync(site, JSON.stringify({ site: name, data: "federation" }));
      mkdirSync(join(folder, name));
      const plant = run(["join", "--site", site, "--data", join(folder, name), "--token", `@${token}`, "--federation", path]);
      plant.stderr.resume();
    }
    await over;
    const seconds = closed.slice(1).map((one, i) => (one.at - closed[i].at) / 1000);
    return { seconds: seconds.slice(1), losses: closed.map((one) => one.loss) };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await sleep(300);
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function networkOverhead(out) {
  // In turns: the machine may be busier at one time than at another.
  const [first, real, second] = [await simulated(2), await networked(file, names), await simulated(2)];
  const same = JSON.stringify(first.losses.map((one) => one.toFixed(12))) === JSON.stringify(real.losses.map((one) => one.toFixed(12)));
  const simulation = median([...first.seconds, ...second.seconds]);
  const network = median(real.seconds);
  out.say(
    {
      bench: "network-overhead",
      sites: names.length,
      rounds: file.rounds,
      simulatedSeconds: round(simulation),
      networkSeconds: round(network),
      overheadMs: round((network - simulation) * 1000),
      fastestSimulated: round(Math.min(...first.seconds, ...second.seconds)),
      fastestNetwork: round(Math.min(...real.seconds)),
      sameLosses: same,
      losses: real.losses,
    },
    `network-overhead: ${names.length} plants as processes of their own, real training of 7,855 parameters: a round ${round(network * 1000)} ms (median, ` +
      `fastest ${round(Math.min(...real.seconds) * 1000)}), the same file simulated ${round(simulation * 1000)} ms (fastest ` +
      `${round(Math.min(...first.seconds, ...second.seconds) * 1000)}); losses of all rounds ${same ? "the same" : "DIFFER"}, last ${round(real.losses.at(-1))}`,
  );
}
