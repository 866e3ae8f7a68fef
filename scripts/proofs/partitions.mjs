/**
 * npm run prove -- partitions [--minutes 8] [--seed 1]
 *
 * The kit's federation with every node in a network namespace of its own, joined by veth pairs as the tree says (as root; without, it says
 * how to). Runs under: packets lost (nft, 5 % each way), thin links (tbf, 256 kbit/s), links that go down and come back, one way only
 * deaf (nft on one side), and all of it at random. Every run has to end with the model that its record gives.
 *
 * tc netem is not used: many kernels lack it.
 */
import { spawnSync } from "node:child_process";
import { loadKit, root } from "../lib/network-kit.mjs";

export const summary = "network namespaces with partitions, 5 % loss and thin links, as root: partitions [--minutes 8] [--seed 1]";

const facilities = { "facility-a": ["plant-1", "plant-2"], "facility-b": ["plant-3"] };

export async function prove(args, say) {
  const { minutes, seed } = read(args);
  const missing = lacking();
  if (missing !== undefined) throw new Error(`partitions: ${missing}`);
  const kit = await loadKit();
  const program = kit.copyProgram(root);
  const random = kit.evenly(seed);
  const end = performance.now() + minutes * 60_000;
  const runs = [];
  try {
    for (const [name, hurt] of scenarios) {
      if (name !== scenarios[0][0] && performance.now() > end) break;
      const one = await run(kit, program, name, hurt, random);
      runs.push(one);
      say(
        `${name}: ${one.ended}, ${one.rounds} rounds in ${one.seconds} s, ${one.partial} partial, ${one.same ? "the replayed model" : "NOT the replayed model"}; ${JSON.stringify(one.shown)}${one.faults.length > 0 ? `; ${one.faults.join("; ").slice(0, 2000)}` : ""}`,
      );
    }
  } finally {
    program.remove();
  }
  const figures = { scenarios: runs.length, of: scenarios.length, each: runs };
  return { figures, passed: runs.length === scenarios.length && runs.every((one) => one.same && one.faults.length === 0) };
}

/** What is done to the links while the federation runs, and what shows that it was done. */
const scenarios = [
  ["nothing", async () => ({})],
  [
    "5 % of all packets lost",
    async ({ links, until }) => {
      for (const link of links) link.lose(5);
      await until(30);
      return { dropped: links.reduce((sum, link) => sum + link.dropped(), 0) };
    },
  ],
  [
    "thin links",
    async ({ links, until }) => {
      for (const link of links) link.thin("256kbit");
      await until(30);
      return { bytes: links.reduce((sum, link) => sum + link.shaped(), 0) };
    },
  ],
  [
    "partitions",
    async ({ links, until, pause, random, rounds }) => {
      let cuts = 0;
      let went = 0;
      for (let at = 4; at < 30; at += 4) {
        await until(at);
        const link = links[Math.floor(random() * links.length)];
        const before = rounds();
        link.down();
        cuts++;
        await pause(2000 + random() * 6000);
        link.up();
        if (rounds() > before) went++;
      }
      return { cuts, roundsWentOnIn: went };
    },
  ],
  [
    "deaf one way",
    async ({ links, until, pause, random }) => {
      let dropped = 0;
      for (let at = 5; at < 30; at += 6) {
        await until(at);
        const link = links[Math.floor(random() * links.length)];
        link.deaf();
        await pause(3000 + random() * 4000);
        dropped += link.dropped();
        link.hear();
      }
      return { dropped };
    },
  ],
  [
    "loss, thin links, partitions and kills",
    async ({ links, until, pause, random, network }) => {
      for (const link of links) {
        link.lose(5);
        link.thin("512kbit");
      }
      let cuts = 0;
      let kills = 0;
      for (let at = 3; at < 30; at += 4) {
        await until(at);
        const link = links[Math.floor(random() * links.length)];
        link.down();
        cuts++;
        await pause(1000 + random() * 3000);
        link.up();
        const nodes = [...network.nodes.values()];
        const node = nodes[Math.floor(random() * nodes.length)];
        if (await node.kill()) kills++;
        node.start();
      }
      return { cuts, kills, dropped: links.reduce((sum, link) => sum + link.dropped(), 0) };
    },
  ],
];

async function run(kit, program, name, hurt, random) {
  const spaces = layOut();
  let network;
  let kept = true;
  const begun = performance.now();
  try {
    network = await kit.openNetwork(program, { facilities, rounds: 40, deadline: "6s" }, { spaces: spaces.places });
    network.startAll();
    await network.until("the first round", () => network.rounds() >= 1, 120_000);
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const shown = await hurt({
      links: spaces.links,
      random,
      network,
      pause,
      rounds: () => network.rounds(),
      until: (round) => network.until(`round ${round}`, () => network.rounds() >= round || network.over() !== undefined, 400_000),
    });
    await network.until("the end of the run", () => network.over() !== undefined, 400_000);
    const seconds = Math.round((performance.now() - begun) / 100) / 10;
    const ended = network.over();
    await network.stop();
    const { same, rounds, model, said } = await kit.replays(network);
    const faults = [...(await kit.faultsOf(network)), ...(same ? [] : [said])];
    const record = await kit.recordOf(network, "region");
    kept = faults.length > 0;
    const partial = record.rounds.filter(({ included }) => included.flatMap((one) => one.rounds?.flat() ?? []).length < 3).length;
    return { name, ended, rounds, partial, seconds, same, model, shown, faults, ...(kept ? { folder: network.folder } : {}) };
  } catch (error) {
    return {
      name,
      ended: "stuck",
      rounds: network?.rounds() ?? 0,
      partial: 0,
      seconds: 0,
      same: false,
      shown: {},
      faults: [error.message],
      folder: network?.folder,
    };
  } finally {
    await network?.stop();
    if (!kept) network?.remove();
    spaces.remove();
  }
}

/** A namespace for each node and a veth pair for each link: 198.18.N.1 is the parent's end, 198.18.N.2 the child's. */
function layOut() {
  const id = `mw${process.pid % 10_000}`;
  const names = ["region", ...Object.entries(facilities).flatMap(([facility, plants]) => [facility, ...plants])];
  const space = (name) => `${id}-${name}`;
  const remove = () => {
    for (const name of names) spawnSync("ip", ["netns", "del", space(name)]);
  };
  const places = new Map();
  const links = [];
  try {
    for (const name of names) {
      ip("netns", "add", space(name));
      ip("-n", space(name), "link", "set", "lo", "up");
    }
    const pairs = Object.entries(facilities).flatMap(([facility, plants]) => [
      ["region", facility],
      ...plants.map((plant) => [facility, plant]),
    ]);
    pairs.forEach(([parent, child], i) => {
      const n = i + 1;
      // Names of interfaces have at most 15 characters.
      const [up, down] = [`v${n}p`, `v${n}c`];
      ip("link", "add", `${id}${up}`, "netns", space(parent), "type", "veth", "peer", "name", `${id}${down}`, "netns", space(child));
      ip("-n", space(parent), "addr", "add", `198.18.${n}.1/24`, "dev", `${id}${up}`);
      ip("-n", space(child), "addr", "add", `198.18.${n}.2/24`, "dev", `${id}${down}`);
      ip("-n", space(parent), "link", "set", `${id}${up}`, "up");
      ip("-n", space(child), "link", "set", `${id}${down}`, "up");
      links.push(linkOf(space(child), `${id}${down}`, space(parent), `${id}${up}`));
      places.set(child, { wrap: ["ip", "netns", "exec", space(child)], parentHost: `198.18.${n}.1` });
    });
    for (const name of names) {
      const hosts = pairs.flatMap(([parent], i) => (parent === name ? [`198.18.${i + 1}.1`] : []));
      const wrap = ["ip", "netns", "exec", space(name)];
      places.set(name, { ...places.get(name), wrap, hosts });
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { places, links, remove };
}

function linkOf(childSpace, childDevice, parentSpace, parentDevice) {
  const nft = (space, text) => ok(spawnSync("ip", ["netns", "exec", space, "nft", "-f", "-"], { input: text, encoding: "utf8" }), text);
  const both = [
    [childSpace, childDevice],
    [parentSpace, parentDevice],
  ];
  const table = (device, rule) => {
    const name = `mw_${device}`;
    const chain = `chain in {\ntype filter hook input priority 0;\niifname "${device}" ${rule}\n}`;
    return `table inet ${name}\ndelete table inet ${name}\ntable inet ${name} {\n${chain}\n}\n`;
  };
  const counted = (space, device) => {
    const { stdout } = spawnSync("ip", ["netns", "exec", space, "nft", "list", "table", "inet", `mw_${device}`], { encoding: "utf8" });
    return Number(/counter packets (\d+)/.exec(stdout ?? "")?.[1] ?? 0);
  };
  return {
    lose(percent) {
      for (const [space, device] of both) nft(space, table(device, `numgen random mod 100 < ${percent} counter drop`));
    },
    deaf() {
      nft(childSpace, table(childDevice, "counter drop"));
    },
    hear() {
      nft(childSpace, `delete table inet mw_${childDevice}\n`);
    },
    dropped: () => both.reduce((sum, [space, device]) => sum + counted(space, device), 0),
    thin(rate) {
      for (const [space, device] of both)
        tc(space, "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", "8kb", "latency", "400ms");
    },
    shaped() {
      return both.reduce((sum, [space, device]) => {
        const { stdout } = spawnSync("tc", ["-n", space, "-s", "qdisc", "show", "dev", device], { encoding: "utf8" });
        return sum + Number(/Sent (\d+) bytes/.exec(stdout ?? "")?.[1] ?? 0);
      }, 0);
    },
    down: () => ip("-n", childSpace, "link", "set", childDevice, "down"),
    up: () => ip("-n", childSpace, "link", "set", childDevice, "up"),
  };
}

const ip = (...words) => ok(spawnSync("ip", words, { encoding: "utf8" }), `ip ${words.join(" ")}`);
const tc = (space, ...words) => ok(spawnSync("tc", ["-n", space, ...words], { encoding: "utf8" }), `tc ${words.join(" ")}`);

function ok(done, what) {
  if (done.status !== 0) throw new Error(`${what}: ${done.stderr || done.error?.message}`);
  return done.stdout;
}

function lacking() {
  if (process.getuid?.() !== 0) return "needs root, for network namespaces: sudo npm run prove -- partitions";
  for (const [tool, name] of [
    ["ip", "iproute2"],
    ["tc", "iproute2"],
    ["nft", "nftables"],
  ]) {
    if (spawnSync(tool, ["-V"]).error !== undefined) return `needs ${tool}: apt-get install ${name}`;
  }
  const probe = `mwprobe${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (made.status !== 0) return `needs network namespaces, and the system refuses them: ${made.stderr}`;
  spawnSync("ip", ["netns", "del", probe]);
  return undefined;
}

function read(args) {
  const given = { minutes: 8, seed: 1 };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]?.slice(2);
    if (!(name in given) || !/^\d+(\.\d+)?$/.test(args[i + 1] ?? ""))
      throw new Error(`partitions: expected ${summary}, got ${args.join(" ")}`);
    given[name] = Number(args[i + 1]);
  }
  return given;
}
