/**
 * What the first page promises of the fleet: npm run prove -- fleet [--seeds N].
 *
 * - examples/fleet.yaml over N seeds on its own plant, and over N other plants (another plant is another draw of machines, ages, failures
 *   and sensors): the federation's F1 is at least 0.90 of the pooled model's, and above local-only by more than two standard deviations
 *   (the larger of the two spreads).
 * - examples/fleet-hard.yaml: there it is not, and the result says so in words.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const summary =
  "federated against pooled and local-only on the fleet, over seeds and over plants, and where federation does not help";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const share = 0.9;
const spreads = 2;

export async function prove(args, say) {
  const seeds = read(args);
  const { simulate } = await import(pathToFileURL(join(root, "dist/lab/simulate.js")).href);
  const { parse } = await import("yaml");
  const file = (name) => parse(readFileSync(join(root, "examples", name), "utf8"));
  const count = Array.from({ length: seeds }, (_, i) => i);

  async function series(name, variants) {
    const runs = [];
    for (const { label, plan, seed } of variants) {
      const result = await simulate(plan, { seed, compare: true, folder: join(root, "examples") }).result;
      const of = (scenario) => result.scenarios[scenario].metrics.f1 ?? 0;
      const one = {
        label,
        federated: of("federated"),
        centralised: of("centralised"),
        local: of("local"),
        own: result.scenarios.local.ownMachines?.f1 ?? 0,
        seconds: result.environment.seconds,
      };
      runs.push({ ...one, remarks: result.remarks.filter((remark) => remark.startsWith("Federation did not help")) });
      say(
        `${name}, ${label}: federated ${one.federated.toFixed(3)}, pooled ${one.centralised.toFixed(3)}, local ${one.local.toFixed(3)}, own machines ${one.own.toFixed(3)}`,
      );
    }
    return { ...judge(runs), runs };
  }

  const standard = file("fleet.yaml");
  const hard = file("fleet-hard.yaml");
  const figures = {
    seeds: await series(
      "seeds",
      count.map((i) => ({ label: `seed ${standard.seed + i}`, plan: standard, seed: standard.seed + i })),
    ),
    plants: await series(
      "plants",
      count.map((i) => ({ label: `plant ${i + 2}`, plan: { ...standard, data: { ...standard.data, seed: i + 2 } }, seed: standard.seed })),
    ),
    hard: await series(
      "hard",
      count.slice(0, 3).map((i) => ({ label: `seed ${hard.seed + i}`, plan: hard, seed: hard.seed + i })),
    ),
  };
  const helps = (one) => one.shareOfPooled >= share && one.gainInSpreads > spreads;
  const saysSo = figures.hard.runs.every((run) => run.remarks.length === 1);
  return { figures, passed: helps(figures.seeds) && helps(figures.plants) && !helps(figures.hard) && saysSo };
}

function judge(runs) {
  const of = (name) => runs.map((run) => run[name]);
  const federated = spread(of("federated"));
  const centralised = spread(of("centralised"));
  const local = spread(of("local"));
  // Against the better of the two ways to stay alone: on everybody's machines, or every site's own model on its own machines.
  const own = spread(of("own"));
  const alone = own.mean > local.mean ? own : local;
  const widest = Math.max(federated.sd, alone.sd);
  return {
    federated,
    centralised,
    local,
    own,
    shareOfPooled: federated.mean / centralised.mean,
    gainInSpreads: (federated.mean - alone.mean) / widest,
  };
}

function spread(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1));
  return { mean, sd, values };
}

function read(args) {
  if (args.length === 0) return 5;
  if (args[0] === "--seeds" && args.length === 2 && /^[1-9]\d?$/.test(args[1])) return Number(args[1]);
  throw new Error(`fleet: expected --seeds N, got ${args.join(" ")}`);
}
