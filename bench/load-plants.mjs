/**
 * The plants of the load benches, all in one process: FOLDER PORT SPREAD-MS [together|-] [NUMBER: only this one]. Each is the real member over its own mutual TLS
 * connections; only its work is canned (cannedSite). With `together`, updates are held back until every plant has its model, so that what
 * follows is receiving alone. Tells JSON lines: `there` when all have been answered, `sent` when all replies to a key were acknowledged.
 * "lost" on its input starts the count of who is there anew. Ends when its input ends.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { httpsLink } from "../dist/edge/https-link.js";
import { createMember } from "../dist/edge/member.js";
import { systemClock as clock } from "../dist/io/clock.js";
import { sha256 } from "../dist/io/crypto/keys.js";
import { httpsClient } from "../dist/io/transport/client.js";
import { encodeMessage, keyOf } from "../dist/round/messages.js";
import { cannedSite } from "./lib/load-federation.mjs";

const [folder, port, spread, together, only] = process.argv.slice(2);
const { names: all, certificates, key, ca } = JSON.parse(readFileSync(join(folder, "plants.json"), "utf8"));
const names = only === undefined ? all : [all[Number(only)]];
const canned = await cannedSite(JSON.parse(readFileSync(join(folder, "federation.json"), "utf8")));
const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let since = performance.now();
const there = new Set();
const acknowledged = new Map();
const waiting = [];
const faults = {};
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "lost") {
      there.clear();
      since = performance.now();
    }
    if (line === "state") say({ state: true, there: there.size, faults, rss: process.memoryUsage.rss() });
  })
  .on("close", () => process.exit(0));

/** The first reply to a key that went, and when all were acknowledged. */
function acknowledge(replyKey, bytes) {
  const one = acknowledged.get(replyKey) ?? { count: 0, bytes: 0 };
  acknowledged.set(replyKey, one);
  one.count++;
  one.bytes += bytes;
  if (one.count === names.length) say({ sent: replyKey, bytes: one.bytes, seconds: (performance.now() - (one.began ?? since)) / 1000 });
}

function release() {
  if (waiting.length < names.length) return;
  const [{ replyKey }] = waiting;
  acknowledged.set(replyKey, { count: 0, bytes: 0, began: performance.now() });
  for (const { go } of waiting.splice(0)) go();
}

function live(name, plan) {
  const client = httpsClient({
    url: `https://127.0.0.1:${port}`,
    tls: { key, cert: certificates[all.indexOf(name)], ca },
    clock,
    env: {},
    proxy: "none",
  });
  const link = httpsLink(client);
  const counted = {
    ...link,
    async next(asked, signal) {
      const answer = await link.next(asked, signal);
      if (!there.has(name)) {
        there.add(name);
        if (there.size === names.length) say({ there: names.length, seconds: (performance.now() - since) / 1000, faults });
      }
      return answer;
    },
  };
  const member = createMember({
    link: counted,
    clock,
    random: Math.random,
    plan,
    once: false,
    signal: new AbortController().signal,
    log(event) {
      if (event.kind === "sent") acknowledge(event.key, event.size);
      if (event.kind === "refused" || event.kind === "unreachable") {
        const reason = event.code ?? event.reason.slice(0, 60);
        faults[reason] = (faults[reason] ?? 0) + 1;
      }
    },
    worker: {
      doing: () => undefined,
      async receive({ message }) {
        const reply = await canned(message, name);
        const bytes = encodeMessage(reply);
        const outgoing = { key: keyOf(reply), sha256: sha256(bytes), bytes };
        if (together !== "together" || message.type !== "train") return member.send(outgoing);
        waiting.push({ replyKey: outgoing.key, go: () => member.send(outgoing) });
        release();
      },
    },
  });
  return member.run();
}

// Everybody has the same plan: it is fetched once, its digest is what members compare.
const first = httpsClient({ url: `https://127.0.0.1:${port}`, tls: { key, cert: certificates[0], ca }, clock, env: {}, proxy: "none" });
const plan = sha256(await httpsLink(first).plan(new AbortController().signal));
first.close();
since = performance.now();
for (const [i, name] of names.entries()) {
  if (Number(spread) > 0) await sleep(Math.max(0, since + (Number(spread) * i) / names.length - performance.now()));
  live(name, plan).catch((error) => say({ level: "error", error: String(error?.stack ?? error) }));
}
