/**
 * A coordinator reduced to its record, for kill.test.ts: appends inputs one batch after the other, closes a round after every eighth, and
 * says what was acknowledged. Arguments: the module that opens a record, its URL, the milliseconds it waits for the file.
 */
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, url] = process.argv.slice(2);
const { openRecord } = await import(pathToFileURL(module).href);
const sha = (n) => n.toString(16).padStart(64, "0");

const record = await openRecord({ url });
await record.createRun({ id: "r1", federation: "f", node: "root", plan: sha(1), seed: 1, startedAt: 1, state: "running" });
let seq = await record.lastInput("r1");
let round = (await record.rounds("r1", { limit: 1000 })).length;
let mark = (await record.run("r1")).snapshot?.seq ?? 0;
try {
  for (;;) {
    const inputs = [];
    for (let i = 0; i < 1 + (seq % 3); i += 1) {
      inputs.push({ seq: seq + 1 + i, at: seq + 1 + i, kind: "message", from: "plant", blob: sha(seq + 1 + i) });
    }
    await record.appendInputs("r1", inputs, { audit: [{ at: 1, actor: "writer", action: "append", detail: { seq } }] });
    seq += inputs.length;
    writeSync(1, `input ${seq}\n`);
    if (seq - mark < 16) continue;
    round += 1;
    mark = seq - 3;
    const row = {
      run: "r1",
      round,
      attempt: 1,
      closedAt: 1,
      loss: 1,
      members: 1,
      weight: 1,
      included: [],
      excluded: [],
      bytesUp: 0,
      bytesDown: 0,
    };
    await record.closeRound("r1", row, { seq: mark, blob: sha(mark) });
    writeSync(1, `round ${round}\n`);
  }
} catch (error) {
  writeSync(1, `refused ${error.code}\n`);
  process.exit(3);
}
