/**
 * npm run prove -- kills [--kills N] [--minutes M] [--seed S]
 *
 * Federations of real processes (region, two facilities, three plants, on loopback) under random kill -9 of any of them, starting up
 * included. Every run has to end with the model that `simulate --replay` derives from its record, or be failed by its own rule; what a
 * plant was told had counted has to be in its facility's record. The folders of runs where this does not hold are kept.
 */
import { loadKit, root } from "../lib/network-kit.mjs";

export const summary = "random kill -9 over coordinator, facility and plant: kills [--kills 500] [--minutes 60] [--seed 1]";

const perRun = 100;

export async function prove(args, say) {
  const { kills: wanted, minutes, seed } = read(args);
  const kit = await loadKit();
  const program = kit.copyProgram(root);
  const end = performance.now() + minutes * 60_000;
  const total = { region: 0, facility: 0, plant: 0, starting: 0 };
  const sum = () => total.region + total.facility + total.plant;
  const runs = [];
  try {
    for (let n = 0; sum() < wanted && performance.now() < end; n++) {
      const one = await run(kit, program, { seed: seed + n, kills: Math.min(perRun, wanted - sum()), end });
      for (const kind of Object.keys(total)) total[kind] += one.kills[kind];
      runs.push(one);
      say(
        `run ${n + 1}: ${one.kills.region + one.kills.facility + one.kills.plant} kills, ${one.ended}, ${one.rounds} rounds, ` +
          `${one.same ? "the replayed model" : "NOT the replayed model"}${one.faults.length > 0 ? `, ${one.faults.join("; ")}` : ""}; ${sum()} kills so far`,
      );
    }
  } finally {
    program.remove();
  }
  const good = (one) => (one.ended === "finished" ? one.same : one.ended === "failed") && one.faults.length === 0;
  const figures = {
    kills: sum(),
    wanted,
    ...total,
    runs: runs.length,
    finished: runs.filter((one) => one.ended === "finished").length,
    failedByRule: runs.filter((one) => one.ended === "failed").length,
    replayed: runs.filter((one) => one.same).length,
    acknowledgedAndLost: runs.reduce((lost, one) => lost + one.faults.length, 0),
    crashes: runs.reduce((all, one) => all + one.crashes.length, 0),
    each: runs,
  };
  return { figures, passed: sum() >= wanted && runs.every(good) };
}

async function run(kit, program, { seed, kills, end }) {
  const network = await kit.openNetwork(program, {
    facilities: { "facility-a": ["plant-1", "plant-2"], "facility-b": ["plant-3"] },
    rounds: 150,
    deadline: "5s",
  });
  let kept = false;
  try {
    network.startAll();
    const done = await kit.killAtRandom(network, { kills, seed, enough: () => performance.now() > end });
    await network.until("the end of the run", () => network.over() !== undefined, 400_000);
    const ended = network.over();
    // A moment for the plants to hear of their last replies.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const crashes = [...network.nodes.values()].flatMap((node) =>
      node.crashes() > 0 ? [{ node: node.name, times: node.crashes(), said: lastWords(node) }] : [],
    );
    await network.stop();
    const { same, rounds, model, said } = ended === "finished" ? await kit.replays(network) : { same: false, rounds: network.rounds() };
    const faults = [...(await kit.faultsOf(network)), ...(ended === "finished" && !same ? [said] : [])];
    const record = await kit.recordOf(network, "region");
    kept = faults.length > 0;
    return {
      seed,
      kills: done,
      ended,
      rounds,
      attempts: record.rounds.reduce((all, { attempt }) => all + attempt, 0),
      partial: record.rounds.filter(({ included }) => included.flatMap((one) => one.rounds?.flat() ?? []).length < 3).length,
      same,
      model,
      faults,
      crashes,
      ...(kept ? { folder: network.folder } : {}),
    };
  } catch (error) {
    kept = true;
    return {
      seed,
      kills: { region: 0, facility: 0, plant: 0, starting: 0 },
      ended: "stuck",
      rounds: network.rounds(),
      same: false,
      faults: [String(error.message).slice(0, 8000)],
      crashes: [],
      folder: network.folder,
    };
  } finally {
    await network.stop();
    if (!kept) network.remove();
  }
}

function lastWords(node) {
  const text = node
    .log()
    .split("\n")
    .filter((line) => !line.startsWith("{"));
  return text.slice(-8).join("\n").slice(-600);
}

function read(args) {
  const given = { kills: 500, minutes: 60, seed: 1 };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]?.slice(2);
    if (!(name in given) || !/^\d+(\.\d+)?$/.test(args[i + 1] ?? "")) throw new Error(`kills: expected ${summary}, got ${args.join(" ")}`);
    given[name] = Number(args[i + 1]);
  }
  return given;
}
