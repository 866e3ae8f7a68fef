/**
 * Changed bytes for every decoder: each case is read or refused with a code, whatever the bytes are. A few hundred each here;
 * `npm run prove -- fuzz` sets FUZZ_CASES to a million and more and keeps the figures. FUZZ_ONLY runs one target, FUZZ_SEED begins elsewhere.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { seeded } from "../../src/core/random.js";
import { mutateBytes, mutateJson } from "./targets/mutate.js";
import { type Target, textOf } from "./targets/target.js";
import { trustTargets } from "./targets/trust.js";
import { wireTargets } from "./targets/wire.js";

const targets = [...wireTargets, ...trustTargets].filter(({ name }) => [undefined, name].includes(process.env.FUZZ_ONLY));
const total = Number(process.env.FUZZ_CASES ?? 8000);
const from = Number(process.env.FUZZ_SEED ?? 0);
const shares = targets.reduce((sum, { share = 1 }) => sum + share, 0);

interface Figures {
  readonly cases: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly memoryMB: number;
  readonly seconds: number;
}

/** One target's cases. Throws the first finding, with the seed that repeats it. */
async function run({ name, corpus, fuzz, json = false }: Target, cases: number): Promise<Figures> {
  const inputs = await corpus();
  let refused = 0;
  let slowestMs = 0;
  let most = 0;
  const began = performance.now();
  for (let seed = from; seed < from + cases; seed++) {
    const random = seeded(seed, name);
    const original = inputs[random.integer(inputs.length)];
    const data =
      json && random.integer(4) > 0
        ? Buffer.from(mutateJson(textOf(original), random))
        : mutateBytes(original, inputs[random.integer(inputs.length)], random);
    const start = performance.now();
    try {
      const done = fuzz(data);
      if (done instanceof Promise) await done;
    } catch (error) {
      if (!(error instanceof MillwrightError) || error.code === "INTERNAL")
        throw new Error(`${name}, seed ${seed}: ${error} in ${textOf(data).slice(0, 300)}`, { cause: error });
      if (error.message.length > 20_000) throw new Error(`${name}, seed ${seed}: a message of ${error.message.length} characters`);
      refused++;
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
    if (seed % 1000 === 0) {
      most = Math.max(most, process.memoryUsage.rss());
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  most = Math.max(most, process.memoryUsage.rss());
  const seconds = (performance.now() - began) / 1000;
  return {
    cases,
    refused,
    slowestMs: Math.round(slowestMs * 10) / 10,
    memoryMB: Math.round(most / 1e6),
    seconds: Math.round(seconds * 10) / 10,
  };
}

const figures: Record<string, Figures> = {};

describe("changed bytes", () => {
  it.each(targets)(
    "of: $name",
    async (target) => {
      const done = await run(target, Math.max(5, Math.ceil((total * (target.share ?? 1)) / shares)));
      figures[target.name] = done;
      expect(done.refused).toBeGreaterThan(0);
      if (process.env.FUZZ_OUT !== undefined) writeFileSync(process.env.FUZZ_OUT, JSON.stringify(figures));
    },
    3_600_000,
  );
});
