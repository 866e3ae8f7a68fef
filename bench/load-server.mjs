/** The server of the load benches, a process of its own: FOLDER with what load.mjs wrote, PORT or 0. Tells JSON lines, obeys lines. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../dist/io/clock.js";
import { folderDisk } from "../dist/io/disk/folder.js";
import { fileBlobs } from "../dist/io/store/blobs.js";
import { blobRoutes } from "../dist/io/transport/blob-routes.js";
import { serveHttps } from "../dist/io/transport/server.js";
import { pollUntil, waiters } from "../dist/io/transport/waiters.js";

const [folder, port] = process.argv.slice(2);
const { tls, members, ticketKeys } = JSON.parse(readFileSync(join(folder, "server.json"), "utf8"));
const callers = new Map(members.map(({ serial, name }) => [serial, { name, org: "load", role: "site", serial, by: "certificate" }]));
const polls = waiters({ clock: systemClock });
const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);

const next = {
  name: "next",
  method: "GET",
  path: "/v1/next",
  auth: "member",
  roles: ["site"],
  body: { kind: "none", limit: 0 },
  handle: async ({ caller, signal }) => ({
    status: 200,
    json: { how: await polls.wait(caller.name, pollUntil(systemClock, 600_000, 600_000), signal) },
  }),
};
const blobs = await fileBlobs(folderDisk(join(folder, "blobs")));
const server = await serveHttps({
  host: "127.0.0.1",
  port: Number(port),
  tls: { ...tls, ticketKeys: Buffer.from(ticketKeys, "hex") },
  routes: [next, ...blobRoutes(blobs, { may: () => true })],
  authenticate: async ({ certificate }) => ({ caller: callers.get(certificate?.serial) ?? raise() }),
  clock: systemClock,
  log: (level, event, fields) => level === "error" && say({ level, event, fields }),
  limits: { memberRate: 1e6, memberBurst: 1e6, idleTime: 600_000 },
});
function raise() {
  throw new Error("a stranger");
}
let highest = 0;
setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss());
}, 50).unref();
say({ port: server.port, rss: process.memoryUsage.rss() });
createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "state") {
    globalThis.gc?.();
    say({ polls: polls.size(), connections: server.connections(), rss: process.memoryUsage.rss(), highest });
  }
  if (line === "wake") {
    polls.wakeAll();
    say({ woken: true });
  }
});
