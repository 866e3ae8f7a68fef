/** Worlds without a planted bug: every promise holds, every run ends, and a seed is a history. */
import { expect, it } from "vitest";
import { shapes } from "../../../src/lab/faults/federation.js";
import { checkWorld, replayCommand, runWorld } from "../../../src/lab/faults/world.js";

/** More by `MILLWRIGHT_FAULT_SEEDS`; `npm run prove -- faults` runs 20,000. */
const seeds = Number(process.env.MILLWRIGHT_FAULT_SEEDS ?? 160);
const parts = 8;

it.each(Array.from({ length: parts }, (_, part) => part))(
  "part %i of the clean seeds holds every promise",
  { timeout: 120_000 },
  async (part) => {
    for (let seed = part; seed < seeds; seed += parts) {
      const result = await checkWorld(seed);
      expect(result.released, replayCommand(seed)).toMatch(/^[0-9a-f]{64}$/);
    }
  },
);

it("the same seed gives the same history, event for event", { timeout: 60_000 }, async () => {
  for (const seed of [3, 11, 19]) {
    const lines: string[] = [];
    const first = await runWorld(seed, { trace: (line) => lines.push(line) });
    const again = await runWorld(seed);
    expect(again).toEqual(first);
    expect(lines.length).toBeGreaterThan(20);
  }
  expect((await runWorld(3)).history).not.toBe((await runWorld(4)).history);
});

it.each(shapes)("a tree of shape %s ends with its model", { timeout: 60_000 }, async (shape) => {
  const result = await checkWorld(1000, { shape });
  expect(result.released).toBeDefined();
  expect(Object.keys(result.injected).length).toBeGreaterThan(0);
});

it("a world that breaks a promise names it, and the command that shows it again", { timeout: 60_000 }, async () => {
  const lines: string[] = [];
  const variant = { keep: (keep: object) => ({ ...keep, sent: async () => {} }) } as never;
  let seed = 0;
  let result = await runWorld(seed, { variant });
  while (result.fault === undefined && seed < 50) result = await runWorld(++seed, { variant });
  expect(result.fault).toContain("outbox");
  await expect(checkWorld(seed, { variant, trace: (line) => lines.push(line) })).rejects.toThrow(`node scripts/replay-fault.mjs ${seed}`);
  expect(lines.at(-1)).toContain("DOES NOT HOLD");
});
