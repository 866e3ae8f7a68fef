/** Every planted bug is found. The search begins a little before a seed that is known to find it; from 0, `npm run prove -- faults` does. */
import { expect, it } from "vitest";
import { runWorld } from "../../../src/lab/faults/world.js";
import { bugs } from "./bugs.js";

/** How many seeds may be tried: what `prove` promises from seed 0. */
const most = 2000;

it("there are at least twelve", () => {
  expect(bugs.length).toBeGreaterThanOrEqual(12);
  expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
});

it.each(bugs)("$name is found: $what", { timeout: 300_000 }, async ({ plant, seed: known }) => {
  let found: string | undefined;
  for (let i = 0; i < most && found === undefined; i++) found = (await runWorld((known + i) % most, { variant: plant() })).fault;
  expect(found).toBeDefined();
});
