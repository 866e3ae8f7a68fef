/**
 * The coordinator of the load benches, a process of its own: FOLDER DATA FILE PORT. It is `serve` as the command runs it. Tells JSON lines:
 * its address, closed rounds, its end; answers "state" with who is there and what memory it has.
 */
import { createInterface } from "node:readline";
import { serve } from "../dist/coordinator/serve.js";

const [data, file, port] = process.argv.slice(2);
const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);
const started = performance.now();
const served = await serve({
  file,
  data,
  host: "127.0.0.1",
  port: Number(port),
  names: [],
  addresses: ["127.0.0.1"],
  org: "load",
  automaticRelease: true,
  env: {},
  log(level, event, fields) {
    if (level === "error") say({ level, event, ...fields });
    if (event === "round.closed") say({ closed: fields.round, included: fields.included, loss: fields.loss });
  },
  halted: (error) => say({ level: "error", event: "halted", error: String(error?.stack ?? error) }),
  ended: (state, error) => say({ ended: state, error: error?.message }),
});
let highest = 0;
setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss());
}, 50).unref();
say({ port: served.port, rss: process.memoryUsage.rss(), startSeconds: (performance.now() - started) / 1000 });
const orders = createInterface({ input: process.stdin });
orders.on("close", () => process.exit(0));
orders.on("line", async (line) => {
  if (line === "pause" || line === "resume") {
    await served.order({ type: "order", order: line }, "bench");
    say({ ordered: line });
  }
  if (line === "here") say({ here: served.here(), cpuSeconds: process.cpuUsage().user / 1e6 });
  if (line === "state") {
    // What nobody holds is not counted: memory of an idle process is what it needs.
    globalThis.gc?.();
    say({ rss: process.memoryUsage.rss(), highest, cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6 });
    highest = 0;
  }
});
