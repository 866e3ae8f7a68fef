/**
 * npm run prove -- soak [--minutes 30] [--rounds 20000]
 *
 * Two proofs of flat memory:
 * - half an hour of rounds in real processes (region, facility, two plants) over links of 50 ms; resident memory of each is sampled every
 *   five seconds. After a third of the time for warming up, what a straight line through the samples gains over the rest has to be within
 *   its scatter (twice the standard deviation around the line) or 3 % of the mean, whichever is larger.
 * - years of rounds in one process under a clock of its own, a day to a round: root, driver, SQLite record, blobs as files, and sites
 *   that really train. The live heap after a full collection is sampled every 500 rounds and held to the same rule, with 5 %.
 *
 * Files are allowed to grow: a record of every round is what they are for. Their size is in the figures.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadKit, root } from "../lib/network-kit.mjs";

export const summary =
  "memory of server, relay and plant over half an hour, and over years of virtual rounds: soak [--minutes 30] [--rounds 20000]";

const sampleEvery = 5000;

export async function prove(args, say) {
  const { minutes, rounds } = read(args);
  // Side by side; and what one of them found is not lost where the other breaks.
  const told = (error) => ({ error: String(error?.message ?? error), same: false, heap: { flat: false } });
  const [real, virtual] = await Promise.all([
    minutes > 0 ? processes(minutes, say).catch(told) : undefined,
    rounds > 0 ? years(rounds, say).catch(told) : undefined,
  ]);
  const figures = { ...(real === undefined ? {} : { processes: real }), ...(virtual === undefined ? {} : { years: virtual }) };
  const parts = [...Object.values(figures.processes?.nodes ?? {}), ...(figures.years === undefined ? [] : [figures.years.heap])];
  const passed = parts.length > 0 && parts.every((one) => one.flat) && figures.processes?.same !== false;
  return { figures, passed };
}

async function processes(minutes, say) {
  const kit = await loadKit();
  const program = kit.copyProgram(root);
  // More rounds than fit into the time: the run is stopped by the operator at its end.
  const network = await kit.openNetwork(program, {
    facilities: { "facility-a": ["plant-1", "plant-2"] },
    rounds: 10_000,
    deadline: "1min",
  });
  for (const node of network.nodes.values()) node.link?.set({ latencyMs: 50 });
  const samples = new Map([...network.nodes.keys()].map((name) => [name, []]));
  let kept = true;
  try {
    network.startAll();
    await network.until("the first round", () => network.rounds() > 0, 120_000);
    const begun = performance.now();
    const firstRound = network.rounds();
    let told = 0;
    while (performance.now() - begun < minutes * 60_000 && network.over() === undefined) {
      await new Promise((resolve) => setTimeout(resolve, sampleEvery));
      for (const node of network.nodes.values()) {
        const pid = node.pid();
        const mb = pid === undefined ? undefined : residentOf(pid);
        if (mb !== undefined) samples.get(node.name).push({ s: Math.round((performance.now() - begun) / 1000), mb });
      }
      if (performance.now() - told > 60_000) {
        told = performance.now();
        const now = [...samples].map(([name, all]) => `${name} ${all.at(-1)?.mb.toFixed(0)}`).join(", ");
        say(`${((performance.now() - begun) / 60_000).toFixed(1)} min, round ${network.rounds()}: MB ${now}`);
      }
    }
    const seconds = (performance.now() - begun) / 1000;
    const done = network.rounds() - firstRound;
    const starts = Object.fromEntries([...network.nodes.values()].map((node) => [node.name, node.starts()]));
    await network.stop();
    const faults = await kit.faultsOf(network);
    const nodes = Object.fromEntries(
      [...samples].map(([name, all]) => [
        name,
        judge(
          all,
          (one) => one.s,
          (one) => one.mb,
          0.03,
        ),
      ]),
    );
    const disk = Object.fromEntries([...network.nodes.values()].map((node) => [node.name, megabytes(node.data)]));
    kept = faults.length > 0;
    return {
      minutes: round(seconds / 60),
      rounds: done,
      perSecond: round(done / seconds),
      restarts: starts,
      nodes,
      diskMB: disk,
      faults,
      same: faults.length === 0,
    };
  } finally {
    await network.stop();
    program.remove();
    if (!kept) network.remove();
  }
}

/** In a process of its own, where the collector can be called. */
function years(rounds, say) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--expose-gc", fileURLToPath(import.meta.url), String(rounds)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
      const line = /^round .*$/m.exec(text)?.[0];
      if (line !== undefined) say(line);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(out.trim().split("\n").at(-1)));
      else reject(new Error(`the years ended with ${code}`));
    });
  });
}

/** What runs there: root and sites in one process, every message through the driver and its record. */
async function virtual(rounds) {
  const load = (path) => import(pathToFileURL(join(root, "dist", path)).href);
  const [
    { openDriver },
    { createRoot },
    { parseFederation },
    { buildRule },
    { openRecord },
    { fileBlobs },
    { folderDisk },
    { federationPart },
  ] = await Promise.all([
    load("coordinator/driver.js"),
    load("round/node-root.js"),
    load("round/file.js"),
    load("aggregation/registry.js"),
    load("io/record/open.js"),
    load("io/store/blobs.js"),
    load("io/disk/folder.js"),
    load("edge/site-file-data.js"),
  ]);
  const [{ createSiteWork }, { inlineExecutor }, { encodeMessage }, { sha256 }] = await Promise.all([
    load("round/site-work.js"),
    load("io/workers/inline.js"),
    load("round/messages.js"),
    load("io/crypto/keys.js"),
  ]);
  const { fileOf } = await loadKit();
  const names = ["plant-1", "plant-2"];
  // What a run may have at most; as many runs as are needed follow each other in one record.
  const perRun = Math.min(10_000, rounds);
  const { tiers: _, ...flat } = fileOf({ facilities: { a: names }, rounds: perRun });
  const file = parseFederation(flat);
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "millwright-years-"));
  try {
    const record = await openRecord({ url: `sqlite:${join(folder, "record.sqlite")}` });
    const blobs = await fileBlobs(folderDisk(folder));
    const executor = inlineExecutor();
    let now = Date.UTC(2026, 0, 1);
    const alarms = new Set();
    const clock = {
      now: () => now,
      uptime: () => now,
      at(moment, ring) {
        const alarm = { moment, ring };
        alarms.add(alarm);
        return () => alarms.delete(alarm);
      },
    };
    const samples = [];
    let closed = 0;
    let ended = 0;
    for (let n = 1; closed < rounds; n++) {
      const run = {
        id: `years-${n}`,
        federation: "kit",
        node: "enterprise",
        plan: sha256(new Uint8Array([n])),
        seed: 7,
        startedAt: now,
        state: "running",
      };
      await record.createRun(run);
      let over = false;
      let halted;
      const driver = await openDriver({
        node: createRoot({ file, seed: 7, children: names.map((site) => ({ site, members: 1 })), rule: buildRule(file.aggregate) }),
        run,
        record,
        blobs,
        clock,
        traffic: () => ({ up: 0, down: 0 }),
        events: {
          tasks() {},
          halted(error) {
            halted = error;
          },
          async closed() {
            closed++;
            now += 86_400_000;
          },
          async released() {
            over = true;
            ended++;
          },
          async failed(error) {
            throw error;
          },
        },
      });
      const works = new Map();
      for (const site of names) {
        const part = await federationPart(site, file, { folder });
        works.set(site, createSiteWork({ site, part, file, seed: `${file.seed}/train`, executor }));
      }
      await driver.start();
      let sampledAt = -1;
      while (!over && closed < rounds) {
        if (halted !== undefined) throw halted;
        for (const site of names) {
          const task = driver.task(site);
          if (task === undefined) continue;
          const message = await works.get(site).work(task.message);
          const { sha256: blob } = await blobs.put(encodeMessage(message));
          await driver.submit(site, { sha256: blob, message });
        }
        for (const alarm of [...alarms]) if (alarm.moment <= now && alarms.delete(alarm)) alarm.ring();
        if (closed % 500 === 0 && closed !== sampledAt) {
          sampledAt = closed;
          globalThis.gc();
          samples.push({ round: closed, mb: process.memoryUsage().heapUsed / 1e6, rss: process.memoryUsage.rss() / 1e6 });
          console.log(`round ${closed}: ${samples.at(-1).mb.toFixed(1)} MB of live heap, ${samples.at(-1).rss.toFixed(0)} MB resident`);
        }
      }
      await driver.close();
    }
    await record.close();
    const heap = judge(
      samples,
      (one) => one.round,
      (one) => one.mb,
      0.05,
    );
    console.log(
      JSON.stringify({
        rounds: closed,
        runs: ended,
        years: round(closed / 365.25),
        heap,
        rssLastMB: round(samples.at(-1).rss),
        diskMB: megabytes(folder),
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A straight line by least squares through what comes after the first third. */
function judge(all, x, y, share) {
  const rest = all.slice(Math.floor(all.length / 3));
  const n = rest.length;
  const mx = rest.reduce((sum, one) => sum + x(one), 0) / n;
  const my = rest.reduce((sum, one) => sum + y(one), 0) / n;
  const slope = rest.reduce((sum, one) => sum + (x(one) - mx) * (y(one) - my), 0) / rest.reduce((sum, one) => sum + (x(one) - mx) ** 2, 0);
  const scatter = Math.sqrt(rest.reduce((sum, one) => sum + (y(one) - my - slope * (x(one) - mx)) ** 2, 0) / n);
  const gain = slope * (x(rest.at(-1)) - x(rest[0]));
  const allowed = Math.max(2 * scatter, share * my);
  const values = all.map(y);
  return {
    samples: all.length,
    meanMB: round(my),
    firstMB: round(values[0]),
    lastMB: round(values.at(-1)),
    largestMB: round(Math.max(...values)),
    gainMB: round(gain),
    scatterMB: round(scatter),
    allowedMB: round(allowed),
    flat: n >= 3 && gain <= allowed,
    // One in so many, to look at.
    seriesMB: values.filter((_, i) => i % Math.max(1, Math.floor(values.length / 60)) === 0).map(round),
  };
}

function residentOf(pid) {
  try {
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1000;
  } catch {
    return undefined;
  }
}

function megabytes(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return round(files.reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0) / 1e6);
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function read(args) {
  const given = { minutes: 30, rounds: 20_000 };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]?.slice(2);
    if (!(name in given) || !/^\d+(\.\d+)?$/.test(args[i + 1] ?? "")) throw new Error(`soak: expected ${summary}, got ${args.join(" ")}`);
    given[name] = Number(args[i + 1]);
  }
  return given;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await virtual(Number(process.argv[2]));
