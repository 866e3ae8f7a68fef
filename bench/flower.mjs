/**
 * `npm run bench -- flower`: Millwright and Flower (SuperLink, SuperNodes from pip) in the same run on the same machine, one after the other:
 * ten clients in processes of their own, a model of the same size, first with training stubbed on both sides. Wire bytes go through one
 * kind of counting relay. Flower runs with --insecure, which spares it all of TLS; Millwright with mutual TLS, a durable record and
 * acknowledged replies, as always. Install size is what `pip install flwr` and `npm install millwright` leave on the disk.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { makeFederation } from "./lib/load-federation.mjs";
import { countingRelay, watchMemory } from "./lib/meter.mjs";
import { peersFolder } from "./lib/peer.mjs";
import { megabytes, round } from "./lib/report.mjs";
import { exportWindows, logistic } from "./lib/windows.mjs";
import { start } from "./load-real.mjs";
import { networked } from "./network-overhead.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Rounds a second from the first closed round to the last, so that starting up is in `coldSeconds` and nowhere else. */
const figures = ({ began, closed, bytes, server, clients }) => ({
  coldSeconds: (closed[0].at - began) / 1000,
  roundsPerSecond: ((closed.length - 1) * 1000) / (closed.at(-1).at - closed[0].at),
  bytesPerRound: (closed.at(-1).bytes - closed[0].bytes) / (closed.length - 1),
  totalBytes: bytes,
  server,
  client: clients.reduce((sum, one) => sum + one, 0) / clients.length,
  losses: closed.map((one) => one.loss),
});

async function ours(clients, rounds) {
  const federation = await makeFederation({ sites: clients, model: "8k", rounds });
  const began = performance.now();
  const server = start("load-coordinator.mjs", [federation.data, federation.file, 0]);
  const plants = [];
  let relay;
  try {
    const { port } = await server.next("port");
    relay = await countingRelay(port);
    for (let i = 0; i < clients; i++) plants.push(start("load-plants.mjs", [federation.folder, relay.port, 0, "-", i]));
    const memory = watchMemory([server.pid, ...plants.map((one) => one.pid)]);
    const closed = [];
    while (closed.length < rounds) {
      const one = await server.next("closed");
      closed.push({ at: one.at, loss: one.loss, bytes: relay.total() });
    }
    const [own, ...others] = memory();
    return figures({ began, closed, bytes: relay.total(), server: own, clients: others });
  } finally {
    for (const one of [...plants, server]) await one.end();
    relay?.close();
    federation.remove();
  }
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function theirs(bin, clients, rounds, parameters, limit, data = "") {
  const folder = mkdtempSync(join(tmpdir(), "millwright-flower-"));
  const marks = join(folder, "marks");
  // One home for each program, as on machines of their own.
  const started = [];
  const run = (name, args) => {
    const home = join(folder, name);
    spawnSync("mkdir", ["-p", home]);
    const env = { ...process.env, FLWR_HOME: home, PATH: `${bin}:${process.env.PATH}`, FLWR_TELEMETRY_ENABLED: "0" };
    const child = spawn(join(bin, args[0]), args.slice(1), { env, stdio: ["ignore", "ignore", "pipe"], detached: true });
    child.stderr.on("data", (chunk) => {
      child.said = ((child.said ?? "") + chunk).slice(-3000);
    });
    started.push(child);
    return child;
  };
  let relay;
  try {
    const port = await freePort();
    const began = performance.now();
    const epoch = Date.now() - began;
    const link = run("link", ["flower-superlink", "--insecure", "--port", `${port}`, "--disable-runtime-dependency-installation"]);
    relay = await countingRelay(port);
    const nodes = [];
    for (let i = 0; i < clients; i++) {
      const own = await freePort();
      nodes.push(
        run(`node-${i}`, [
          "flower-supernode",
          "--insecure",
          "--superlink",
          `127.0.0.1:${relay.port}`,
          "--port",
          `${own}`,
          "--node-config",
          `site=${i}`,
        ]),
      );
    }
    const memory = watchMemory([link.pid, ...nodes.map((one) => one.pid)]);
    await listening(port, link, limit);
    spawnSync("mkdir", ["-p", join(folder, "flwr")]);
    writeFileSync(
      join(folder, "flwr/config.toml"),
      `[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "127.0.0.1:${port}"\ninsecure = true\n`,
    );
    const config = `nodes=${clients} rounds=${rounds} parameters=${parameters} data="${data}" marks="${marks}"`;
    const flwr = run("flwr", ["flwr", "run", join(here, "peers/flower"), "bench", "--run-config", config]);
    const until = performance.now() + limit * 1000;
    const closed = [];
    while (closed.length < rounds) {
      await sleep(50);
      const lines = existsSync(marks)
        ? readFileSync(marks, "utf8")
            .trim()
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line))
        : [];
      for (const one of lines.filter(({ round: number }) => number !== undefined).slice(closed.length)) {
        if (!one.arrays) throw new Error("Flower aggregated nothing in a round");
        closed.push({ at: one.time * 1000 - epoch, loss: one.loss, bytes: relay.total() });
      }
      if (link.exitCode !== null) throw new Error(`flower-superlink ended: ${link.said?.slice(-300)}`);
      if (flwr.exitCode !== null && flwr.exitCode !== 0) throw new Error(`flwr run ended with ${flwr.exitCode}: ${flwr.said?.slice(-300)}`);
      if (performance.now() > until) {
        if (closed.length < 3) throw new Error(`${closed.length} of ${rounds} rounds after ${limit} s`);
        break;
      }
    }
    const [own, ...others] = memory();
    return figures({ began, closed, bytes: relay.total(), server: own, clients: others });
  } finally {
    // Each is the head of a group of its own: its children end with it.
    for (const child of started) {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    relay?.close();
    await sleep(500);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function listening(port, link, limit) {
  const { connect } = await import("node:net");
  for (const until = performance.now() + limit * 1000; performance.now() < until; await sleep(100)) {
    const there = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      setTimeout(() => socket.destroy(), 500).unref();
    });
    if (there) return;
    if (link.exitCode !== null) throw new Error(`flower-superlink ended: ${link.said?.slice(-300)}`);
  }
  throw new Error(`flower-superlink does not listen after ${limit} s`);
}

function sizeOf(folder) {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) sum += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
  return sum;
}

/** What each leaves on the disk: ours packed and installed from the registry's packages into a new folder. */
function installs(venv) {
  const listed = spawnSync(join(venv, "bin/pip"), ["list", "--format=json", "--disable-pip-version-check"], { encoding: "utf8" });
  const packages = JSON.parse(listed.stdout).filter(({ name }) => !["pip", "setuptools"].includes(name));
  const library = readdirSync(join(venv, "lib")).map((name) => join(venv, "lib", name, "site-packages"))[0];
  const own = ["pip", "setuptools", "pkg_resources", "_distutils_hack"].filter((name) => existsSync(join(library, name)));
  const peer = { packages: packages.length, bytes: sizeOf(library) - own.reduce((sum, name) => sum + sizeOf(join(library, name)), 0) };
  const folder = mkdtempSync(join(tmpdir(), "millwright-install-"));
  try {
    const packed = spawnSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], {
      cwd: join(here, ".."),
      encoding: "utf8",
    });
    const archive = packed.stdout.trim().split("\n").pop();
    writeFileSync(join(folder, "package.json"), '{"private":true}');
    const args = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", join(folder, archive)];
    if (spawnSync("npm", args, { cwd: folder }).status !== 0) return { peer, reason: "npm install of the packed package failed" };
    const tree = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8"));
    return { peer, ours: { packages: Object.keys(tree.packages).length, bytes: sizeOf(join(folder, "node_modules")) } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function flowerBench(out, { clients = 10, rounds = 20, limit = 300 } = {}) {
  const venv = join(peersFolder(), "flower");
  const bin = join(venv, "bin");
  const label = `flower: ${clients} clients in processes of their own, 8k parameters, training stubbed`;
  const mine = await ours(clients, rounds);
  const told = (one) =>
    `${round(one.roundsPerSecond)} rounds/s, ${Math.round(one.bytesPerRound / 1000)} kB a round on the wire, server ${megabytes(one.server)}, ` +
    `client ${megabytes(one.client)}, ${round(one.coldSeconds)} s from nothing to the first closed round`;
  const text = `${label}: Millwright (mutual TLS, durable) ${told(mine)}`;
  if (!existsSync(join(bin, "flower-superlink"))) {
    const reason = `no ${join(bin, "flower-superlink")}; run bench/peers/flower-setup.sh`;
    out.say({ bench: "flower", ours: mine, notMeasured: reason }, `${text}; Flower: not measured: ${reason}`);
    return;
  }
  const version = spawnSync(join(bin, "python"), ["-c", "import importlib.metadata as m; print(m.version('flwr'))"], {
    encoding: "utf8",
  }).stdout.trim();
  let other;
  try {
    other = await theirs(bin, clients, Math.min(rounds, 10), 7855, limit);
    out.say(
      { bench: "flower", peerVersion: version, ours: mine, theirs: other, ratio: round(mine.roundsPerSecond / other.roundsPerSecond) },
      `${text}; Flower ${version} (no TLS) ${told(other)}; rounds/s ratio ${round(mine.roundsPerSecond / other.roundsPerSecond)}`,
    );
  } catch (error) {
    out.say(
      { bench: "flower", peerVersion: version, ours: mine, notMeasured: String(error.message ?? error) },
      `${text}; Flower ${version}: not measured: ${error.message ?? error}`,
    );
  }
  await realModel(out, bin, version, clients, limit);
  const { peer, ours: own, reason } = installs(venv);
  const theirsText = `Flower ${version} (pip, with what it depends on) ${megabytes(peer.bytes)} in ${peer.packages} packages`;
  if (own === undefined)
    out.say(
      { bench: "flower-install", peerVersion: version, theirs: peer, notMeasured: reason },
      `flower-install: ${theirsText}; Millwright: not measured: ${reason}`,
    );
  else
    out.say(
      { bench: "flower-install", peerVersion: version, ours: own, theirs: peer },
      `flower-install: Millwright (npm) ${megabytes(own.bytes)} in ${own.packages} packages, ${theirsText}`,
    );
}

/** Logistic regression by plain SGD on the same windows: ours by `serve` and ten `join`, theirs in numpy. */
async function realModel(out, bin, version, clients, limit) {
  const names = Array.from({ length: clients }, (_, i) => `plant-${i + 1}`);
  const rounds = 6;
  const file = logistic(names, rounds);
  const folder = mkdtempSync(join(tmpdir(), "millwright-windows-"));
  try {
    const parameters = await exportWindows(file, folder);
    const mine = await networked(file, names);
    const speed = 1 / (mine.seconds.reduce((sum, one) => sum + one, 0) / mine.seconds.length);
    const told = (losses) => losses.map((one) => one.toFixed(4)).join(" ");
    const text =
      `flower-real: ${clients} clients, logistic regression of ${parameters} parameters on the same windows: Millwright ${round(speed)} rounds/s, ` +
      `losses ${told(mine.losses)}`;
    try {
      const other = await theirs(bin, clients, rounds, parameters, limit, folder);
      out.say(
        { bench: "flower-real", peerVersion: version, ours: { roundsPerSecond: speed, losses: mine.losses }, theirs: other },
        `${text}; Flower ${version} ${round(other.roundsPerSecond)} rounds/s, losses ${told(other.losses)}`,
      );
    } catch (error) {
      out.say(
        { bench: "flower-real", peerVersion: version, ours: { roundsPerSecond: speed, losses: mine.losses }, notMeasured: error.message },
        `${text}; Flower ${version}: not measured: ${error.message}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
