/** The members of the load benches, all in one process: FOLDER PORT WHAT. Tells JSON lines, ends when its input ends. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { systemClock } from "../dist/io/clock.js";
import { httpsClient } from "../dist/io/transport/client.js";

const [folder, port, what, ...rest] = process.argv.slice(2);
const { key, ca, certificates } = JSON.parse(readFileSync(join(folder, "clients.json"), "utf8"));
const clientOf = (cert) =>
  httpsClient({ url: `https://127.0.0.1:${port}`, tls: { key, cert, ca }, clock: systemClock, env: {}, proxy: "none" });
const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (what === "polls") {
  // Who loses the server comes back at a moment of its own within the spread, as plants do.
  const spread = Number(rest[0]);
  const failures = {};
  let stopped = false;
  createInterface({ input: process.stdin }).on("close", () => {
    stopped = true;
    process.exit(0);
  });
  const live = async (cert, i) => {
    await sleep((spread * i) / certificates.length / 2);
    const client = clientOf(cert);
    while (!stopped) {
      try {
        await client.request({ method: "GET", path: "/v1/next", timeoutMs: 700_000 });
      } catch (error) {
        failures[error.detail?.got ?? error.code] = (failures[error.detail?.got ?? error.code] ?? 0) + 1;
        await sleep(Math.random() * spread);
      }
    }
  };
  certificates.forEach((cert, i) => void live(cert, i));
  setInterval(() => say({ failures }), 1000).unref();
}

if (what === "uploads") {
  const [parameters, count, at] = rest.map(Number);
  const base = Buffer.alloc(parameters * 4);
  for (let i = 0; i < base.length; i += 4) base.writeUInt32LE((i * 2654435761) >>> 0, i);
  const stamped = (i) => {
    base.writeUInt32LE(i, 0);
    return base;
  };
  const digests = Array.from({ length: count }, (_, i) => createHash("sha256").update(stamped(i)).digest("hex"));
  const clients = certificates.slice(0, at).map(clientOf);
  let i = 0;
  const started = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (let mine = i++; mine < count; mine = i++) {
        const bytes = Buffer.from(stamped(mine));
        await client.upload(digests[mine], { size: bytes.length, read: async (from, length) => bytes.subarray(from, from + length) });
      }
    }),
  );
  say({ seconds: (performance.now() - started) / 1000, bytes: count * base.length });
  process.exit(0);
}
