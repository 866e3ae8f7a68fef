/**
 * Load on the coordinator's door: thousands of members with open long polls (memory for each, waking all, coming back after a restart), and
 * updates received over mutual TLS, hashed and durable before the answer. Server and members are processes of their own on this one
 * machine, so the members' work is in every figure. Aggregation is not part of it.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { megabytes, round } from "./lib/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A federation's worth of certificates: each member its own, all with one key, so that making them is not what is waited for. */
async function prepare(count) {
  const { createAuthority, openAuthority } = await import("../dist/io/crypto/authority.js");
  const { exportPrivateKey, generateKey } = await import("../dist/io/crypto/keys.js");
  const { createRequest } = await import("../dist/io/crypto/request.js");
  const { systemClock: clock } = await import("../dist/io/clock.js");
  const random = { bytes: (length) => new Uint8Array(randomBytes(length)) };
  const authority = openAuthority({ ...createAuthority({ federation: "load", clock, random }), clock, random });
  const key = generateKey("p256");
  const request = createRequest(key, "load");
  const issued = Array.from({ length: count }, (_, i) => authority.issueMember(request, { org: "load", name: `plant-${i}`, role: "site" }));
  const { key: serverKey, certificate } = authority.issueServer({ names: [], addresses: ["127.0.0.1"] });
  const folder = mkdtempSync(join(tmpdir(), "millwright-load-"));
  const members = issued.map(({ serial, name }) => ({ serial, name }));
  const tls = { key: serverKey, cert: certificate, ca: authority.certificate };
  writeFileSync(join(folder, "server.json"), JSON.stringify({ tls, members, ticketKeys: randomBytes(48).toString("hex") }), {
    mode: 0o600,
  });
  const certificates = issued.map((one) => one.certificate);
  writeFileSync(join(folder, "clients.json"), JSON.stringify({ key: exportPrivateKey(key), ca: authority.certificate, certificates }), {
    mode: 0o600,
  });
  return folder;
}

/** A process that tells JSON lines: `next` gives the following one for which `wanted` holds. */
function start(script, args, options = []) {
  const child = spawn(process.execPath, [...options, join(here, script), ...args.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (wanted) => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${script} ended`);
      const fields = JSON.parse(value);
      if (fields.level === "error") throw new Error(`${script}: ${value}`);
      if (wanted in fields) return fields;
    }
  };
  const ask = (line, wanted) => {
    child.stdin.write(`${line}\n`);
    return next(wanted);
  };
  const end = (signal = "SIGKILL") =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", resolve);
      child.kill(signal);
    });
  return { next, ask, end };
}

async function allOpen(server, count, limit) {
  const started = performance.now();
  for (;;) {
    const state = await server.ask("state", "polls");
    const seconds = (performance.now() - started) / 1000;
    if (state.polls === count) return { ...state, seconds };
    if (seconds > limit) throw new Error(`${state.polls} of ${count} members are there after ${limit} s`);
    await sleep(100);
  }
}

export async function loadConnections(out, count = 5000, spread = 10_000) {
  const folder = await prepare(count);
  let server = start("load-server.mjs", [folder, 0], ["--expose-gc"]);
  let clients;
  try {
    const { port, rss: empty } = await server.next("port");
    clients = start("load-clients.mjs", [folder, port, "polls", spread], ["--max-old-space-size=4096"]);
    const there = await allOpen(server, count, 180);
    await sleep(2000);
    const settled = await server.ask("state", "polls");
    const each = (settled.rss - empty) / count / 1000;
    const woken = performance.now();
    await server.ask("wake", "woken");
    await allOpen(server, count, 120);
    const wake = (performance.now() - woken) / 1000;
    await server.end();
    const gone = performance.now();
    server = start("load-server.mjs", [folder, port], ["--expose-gc"]);
    await server.next("port");
    const back = await allOpen(server, count, 180);
    const restart = (performance.now() - gone) / 1000;
    const again = (back.rss - empty) / count / 1000;
    out.say(
      {
        bench: "load-connections",
        members: count,
        connectSeconds: round(there.seconds),
        kBEach: round(each),
        rss: settled.rss,
        wakeSeconds: round(wake),
        restartSeconds: round(restart),
        spreadSeconds: spread / 1000,
        kBEachAfterRestart: round(again),
      },
      `load-connections: ${count} members with mutual TLS and an open long poll: all there after ${round(there.seconds)} s, ` +
        `${round(each)} kB each at the server (${megabytes(settled.rss)} resident in all); all woken and waiting again in ${round(wake)} s; ` +
        `all back ${round(restart)} s after the server was killed and started anew (they spread over ${spread / 1000} s)`,
    );
  } finally {
    await clients?.end();
    await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function loadUploads(out, parameters = 1_000_000, count = 200, at = 8) {
  const folder = await prepare(at);
  const server = start("load-server.mjs", [folder, 0]);
  let clients;
  try {
    const { port } = await server.next("port");
    clients = start("load-clients.mjs", [folder, port, "uploads", parameters, count, at]);
    const { seconds, bytes } = await clients.next("seconds");
    const { highest } = await server.ask("state", "polls");
    const rate = bytes / 1e6 / seconds;
    out.say(
      {
        bench: "load-uploads",
        parameters,
        updates: count,
        atOnce: at,
        seconds: round(seconds),
        MBperSecond: round(rate),
        serverRss: highest,
      },
      `load-uploads: ${count} updates of ${parameters} parameters, ${at} at once, over mutual TLS, hashed and durable before the answer: ` +
        `${round(rate)} MB/s with the senders on the same machine, server at most ${megabytes(highest)} resident`,
    );
  } finally {
    await clients?.end();
    await server.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
