/** `millwright simulate --replay`: repeats a run from its folder, says so round by round, and fails where another model comes out. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { millwright, temporary } from "../cli/harness.js";
import { smallFederation } from "../support/small-federation.js";

it("repeats a run from its folder, and names the first round that differs", async () => {
  const folder = temporary();
  writeFileSync(join(folder, "small.yaml"), JSON.stringify({ ...smallFederation, model: { use: "mlp", hidden: [3] }, rounds: 2 }));
  const run = await millwright(["simulate", "small.yaml", "--no-compare", "--workers", "1", "--out", "run", "--quiet"], folder);
  expect(run.code).toBe(0);
  const again = await millwright(["simulate", "small.yaml", "--replay", "run"], folder);
  expect([again.code, again.err]).toEqual([0, ""]);
  expect(again.out).toMatch(/round 2 {2}[0-9a-f]{16} {2}as recorded\nThe model is the recorded one/);
  const path = join(folder, "run", "result.json");
  const result = JSON.parse(readFileSync(path, "utf8"));
  result.rounds[1].included.pop();
  writeFileSync(path, JSON.stringify(result));
  const altered = await millwright(["simulate", "--replay", "run"], folder);
  expect(altered.code).toBe(5);
  expect(altered.err).toMatch(/^REPLAY_DIFFERS.*\n\n +round 2\n/);
  expect((await millwright(["simulate", "--replay", "small.yaml"], folder)).code).toBe(3);
});
