/**
 * Load on the whole coordinator: `serve` with its record in SQLite and its blobs in files, and thousands of plants over mutual TLS on the
 * same machine. A reply is acknowledged when its frame and its place in the record are on the disk; sums are made as replies come.
 */
import { spawn } from "node:child_process";
import { open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { makeFederation } from "./lib/load-federation.mjs";
import { megabytes, round } from "./lib/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A process that tells JSON lines. `next(field)` is the following line that has it, `at` when it came. */
export function start(script, args, options = []) {
  const child = spawn(process.execPath, [...options, join(here, script), ...args.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = [];
  const waiting = [];
  let over;
  const settle = () => {
    for (const one of [...waiting]) {
      const found = lines.findIndex((line) => one.field in line);
      const fault = over ?? lines.find((line) => line.level === "error");
      if (found < 0 && fault === undefined) continue;
      waiting.splice(waiting.indexOf(one), 1);
      if (found >= 0) one.resolve(lines.splice(found, 1)[0]);
      else one.reject(new Error(`${script}: ${JSON.stringify(fault).slice(0, 500)}`));
    }
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push({ ...JSON.parse(line), at: performance.now() });
    settle();
  });
  child.once("exit", (code, signal) => {
    over = { ended: signal ?? code };
    settle();
  });
  child.stdin.on("error", () => {});
  const next = (field) =>
    new Promise((resolve, reject) => {
      waiting.push({ field, resolve, reject });
      settle();
    });
  return {
    pid: child.pid,
    next,
    tell: (line) => child.stdin.write(`${line}\n`),
    ask(line, field) {
      child.stdin.write(`${line}\n`);
      return next(field);
    },
    end: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", resolve);
        child.kill("SIGKILL");
      }),
  };
}

/** Seconds from the first plant that is there to the last. */
async function allHere(server, sites) {
  let began;
  for (;;) {
    const { here, at, cpuSeconds } = await server.ask("here", "here");
    if (here > 0) began ??= at;
    if (process.env.MILLWRIGHT_LOAD_DEBUG) console.error(here, cpuSeconds, ((at - (began ?? at)) / 1000).toFixed(1));
    if (here === sites) return { seconds: (at - began) / 1000 };
    await sleep(500);
  }
}

/** All plants connected and waiting; a run of three rounds; the coordinator killed in the second and started again. */
export async function loadRound(out, sites = 5000, spread = 20_000) {
  const federation = await makeFederation({ sites, model: "8k", rounds: 3 });
  const serving = () => start("load-coordinator.mjs", [federation.data, federation.file, port], ["--expose-gc"]);
  let port = 0;
  let server = serving();
  let plants;
  try {
    const begun = await server.next("port");
    port = begun.port;
    await server.ask("pause", "ordered");
    const empty = await server.ask("state", "rss");
    plants = start("load-plants.mjs", [federation.folder, port, spread], ["--max-old-space-size=8192"]);
    const connected = await allHere(server, sites);
    await sleep(3000);
    const settled = await server.ask("state", "rss");
    const each = (settled.rss - empty.rss) / sites / 1000;
    const resumed = performance.now();
    await server.ask("resume", "ordered");
    const first = await server.next("closed");
    await plants.next("sent");
    const questions = await plants.next("sent");
    const busy = await server.ask("state", "rss");
    await plants.next("there");
    // In the middle of round 2.
    await sleep(500);
    await server.end();
    plants.tell("lost");
    const killed = performance.now();
    server = serving();
    await server.next("port");
    const back = await plants.next("there");
    const second = await server.next("closed");
    const third = await server.next("closed");
    await server.next("ended");
    const last = await server.ask("state", "rss");
    const fields = {
      bench: "load-round",
      members: sites,
      parameters: "8k",
      connectSeconds: round(connected.seconds),
      kBEach: round(each),
      rss: settled.rss,
      questionsSeconds: round((questions.at - resumed) / 1000),
      firstRoundSeconds: round((first.at - questions.at) / 1000),
      roundSeconds: round((third.at - second.at) / 1000),
      includedAfterRestart: second.included,
      backSeconds: round((back.at - killed) / 1000),
      roundAfterKillSeconds: round((second.at - killed) / 1000),
      highest: Math.max(busy.highest, last.highest),
    };
    out.say(
      fields,
      `load-round: ${sites} plants with mutual TLS at one coordinator: all there after ${fields.connectSeconds} s, ${fields.kBEach} kB each while they ` +
        `wait (${megabytes(settled.rss)} resident in all, at most ${megabytes(fields.highest)} in a round); two questions answered by all in ` +
        `${fields.questionsSeconds} s; a round of 8k-parameter updates, every one durable before its acknowledgement, in ${fields.roundSeconds} s; ` +
        `killed in mid-round and started anew: all back after ${fields.backSeconds} s, the round closed with ${second.included} of ${sites} after ` +
        `${fields.roundAfterKillSeconds} s`,
    );
  } finally {
    await plants?.end();
    await server.end();
    federation.remove();
  }
}

/** MB/s of this disk alone just now: files of that size, written, synced and renamed, four at a time as Node does it. */
async function diskAlone(folder, size, count = 24) {
  const bytes = Buffer.alloc(size, 7);
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    for (let mine = next++; mine < count; mine = next++) {
      const path = join(folder, `disk-${mine}`);
      const file = await open(path, "w");
      await file.write(bytes);
      await file.sync();
      await file.close();
      await rename(path, `${path}.done`);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  const rate = (count * size) / 1e6 / ((performance.now() - began) / 1000);
  for (let i = 0; i < count; i++) await unlink(join(folder, `disk-${i}.done`));
  return rate;
}

/** Updates of a million parameters: received, hashed, durable, added. Held back until everybody has the model, then all at once. */
export async function loadUpdates(out, sites = 40, rounds = 5) {
  const federation = await makeFederation({ sites, model: "1M", rounds });
  const server = start("load-coordinator.mjs", [federation.data, federation.file, 0]);
  let plants;
  try {
    const { port } = await server.next("port");
    plants = start("load-plants.mjs", [federation.folder, port, 0, "together"]);
    await plants.next("there");
    const rates = [];
    let bytes = 0;
    while (rates.length < rounds) {
      const sent = await plants.next("sent");
      if (!sent.sent.startsWith("round")) continue;
      bytes = sent.bytes;
      rates.push(sent.bytes / 1e6 / sent.seconds);
    }
    await server.next("ended");
    const { highest, cpuSeconds } = await server.ask("state", "rss");
    const disk = await diskAlone(federation.folder, Math.round(bytes / sites));
    const best = Math.max(...rates);
    out.say(
      {
        bench: "load-updates",
        members: sites,
        parameters: Math.round(bytes / sites / 4),
        rounds,
        MBperSecond: rates.map((rate) => round(rate)),
        best: round(best),
        diskAlone: round(disk),
        serverRss: highest,
        cpuSeconds: round(cpuSeconds),
      },
      `load-updates: ${sites} updates of ${Math.round(bytes / sites / 4)} parameters a round over mutual TLS, hashed, on the disk before the acknowledgement, ` +
        `added, the round closed: ${rates.map((rate) => round(rate)).join(", ")} MB/s in ${rounds} rounds (best ${round(best)}), senders on the same ` +
        `machine; the disk alone just now ${round(disk)} MB/s; ${round((cpuSeconds * 1000) / (rounds * sites))} ms of processor an update, models sent ` +
        `included; server at most ${megabytes(highest)} resident`,
    );
  } finally {
    await plants?.end();
    await server.end();
    federation.remove();
  }
}
