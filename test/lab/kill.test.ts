/** kill -9 at several moments of a run, each time resumed: the model is that of a run nobody touched. Runs the built command. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/folder.js";
import { smallFederation } from "../support/small-federation.js";

const folder = await temporaryFolder();
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const file = join(folder, "small.json");
// Small examples make for many saves: rounds of a few milliseconds, so that a kill may fall into training or into writing.
writeFileSync(file, JSON.stringify({ ...smallFederation, rounds: 120, average: { last: 3 } }));

function start(out: string) {
  const args = [main, "simulate", file, "--no-compare", "--quiet", "--resume", "--workers", "1", "--out", join(folder, out)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  const ended = new Promise<{ code: number | null; signal: string | null; said: string }>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, said })),
  );
  return { child, ended };
}

const shaOf = (out: string): string => JSON.parse(readFileSync(join(folder, out, "result.json"), "utf8")).model.sha256;

/** Waits until the file was replaced so many times, then kills. */
async function killAfter(saves: number): Promise<number> {
  const { child, ended } = start("killed");
  const state = join(folder, "killed", "state", "federated.checkpoint");
  let seen = 0;
  let last = existsSync(state) ? statSync(state).mtimeMs : 0;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (seen < saves && !over) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const at = existsSync(state) ? statSync(state).mtimeMs : last;
    if (at !== last) {
      seen++;
      last = at;
    }
  }
  child.kill("SIGKILL");
  expect(await ended).toMatchObject({ signal: "SIGKILL" });
  return seen;
}

it("ends with the same model after kill -9 in mid-run, four times", { timeout: 180_000 }, async () => {
  const whole = start("whole");
  expect(await whole.ended).toMatchObject({ code: 0 });
  for (const saves of [1, 2, 7, 20]) expect(await killAfter(saves)).toBe(saves);
  const last = start("killed");
  expect(await last.ended).toMatchObject({ code: 0 });
  expect(shaOf("killed")).toBe(shaOf("whole"));
});
