import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fewer, rehearse } from "../../src/cli/init/rehearse.js";
import type { Draft } from "../../src/cli/init/write.js";
import { fail, MillwrightError } from "../../src/core/errors.js";

const draft: Draft = {
  name: "x",
  path: "./x.csv",
  schema: { rows: 10, columns: [] },
  all: true,
  sampled: 10,
  roles: { task: "failure" },
  sites: 5,
  tells: [],
  notes: ["first"],
};
const runsUpTo = (sites: number) => {
  const tried: (number | string)[] = [];
  const attempt = async (one: Draft): Promise<void> => {
    tried.push(one.sites);
    if (Number(one.sites) > sites) fail("DATA_EMPTY", { where: `site of ${one.sites}`, expected: "examples", got: "none" });
  };
  return { tried, attempt };
};

describe("the rehearsal of a draft", () => {
  it("changes nothing that runs", async () => {
    const { tried, attempt } = runsUpTo(5);
    expect(await rehearse(draft, false, attempt)).toBe(draft);
    expect(tried).toEqual([5]);
  });

  it("takes the most sites that run, and says so", async () => {
    const { tried, attempt } = runsUpTo(3);
    expect(await rehearse(draft, false, attempt)).toMatchObject({
      sites: 3,
      notes: ["first", expect.stringMatching(/^3 sites instead of 5/)],
    });
    expect(tried).toEqual([5, 4, 3]);
  });

  it("names the number that runs where another was asked for", async () => {
    const error = await rehearse(draft, true, runsUpTo(1).attempt).catch((cause) => cause);
    expect(error).toBeInstanceOf(MillwrightError);
    expect(error.detail).toMatchObject({ where: "site of 5", remedy: expect.stringContaining("--sites 1 runs") });
  });

  it("passes on the first fault where no number of sites mends it, and faults that sites have no part in", async () => {
    expect((await rehearse(draft, false, runsUpTo(0).attempt).catch((cause) => cause)).detail.where).toBe("site of 5");
    let tries = 0;
    const broken = async (): Promise<void> => {
      tries++;
      fail("DATA_INVALID", { expected: "a number", got: "ERR" });
    };
    await expect(rehearse(draft, false, broken)).rejects.toThrow(/DATA_INVALID/);
    expect(tries).toBe(1);
    await expect(rehearse(draft, false, () => Promise.reject(new Error("a bug")))).rejects.toThrow("a bug");
  });

  it("tries few numbers, ever smaller, down to one (property)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 10_000 }), (sites) => {
        const tries = fewer(sites);
        expect(tries.length).toBeLessThanOrEqual(20);
        expect(tries.at(-1)).toBe(1);
        for (const [i, n] of tries.entries()) expect(n).toBeLessThan(tries[i - 1] ?? sites);
      }),
    );
    expect(fewer(1)).toEqual([]);
  });
});
