/** Clocks that jump, and a certificate that ends, in the middle of a run over mutual TLS. */
import { afterEach, describe, expect, it } from "vitest";
import { fileOf } from "../support/network.js";
import { movedClock, openInside } from "../support/network-inside.js";

const names = ["plant-1", "plant-2", "plant-3"];
const hour = 3_600_000;
const content = (rounds: number, quorum: object) => {
  const { tiers: _, ...flat } = fileOf({ facilities: { all: names }, rounds, more: { threshold: { use: "fixed", value: 0.5 } } });
  return { ...flat, quorum };
};

type Inside = Awaited<ReturnType<typeof openInside>>;
let open: Inside | undefined;
afterEach(async () => {
  await Promise.all(open?.plants.map((plant) => plant.stop()) ?? []);
  await open?.stop();
  open = undefined;
});

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!holds()) {
    if (open !== undefined && open.halts.length > 0) throw open.halts[0];
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("time of day", () => {
  it("may jump by hours, forward and back, without closing a round early or holding one open", { timeout: 120_000 }, async () => {
    const clock = movedClock();
    open = await openInside(names, content(12, { goal: 1, minimum: 0.5, deadline: "5min", attempts: 3 }), clock, 40);
    await open.start();
    for (const plant of open.plants) {
      await plant.enrol();
      await plant.start();
    }
    for (const [round, jump] of [
      [2, 5 * hour],
      [5, -4 * hour],
      [8, 24 * hour],
    ]) {
      await until(`round ${round}`, () => (open?.rounds() ?? 0) >= round);
      clock.move(jump);
    }
    await until("the end of the run", () => open?.state() !== "running");
    expect(open.state()).toBe("finished");
    // Nobody was given up although hours seemed to pass in the middle of a round with a deadline of minutes.
    expect(await open.included()).toEqual(Array.from({ length: 12 }, () => names));
    expect((await open.replayed()).same).toBe(true);
  });
});

describe("a certificate that ends in the middle of a run", () => {
  it("shuts its plant out by name, the rounds go on, and a new invitation brings it back", { timeout: 120_000 }, async () => {
    const clock = movedClock();
    open = await openInside(names, content(60, { goal: 1, minimum: 0.5, deadline: "700ms", attempts: 100 }), clock, 150);
    const [first, second, third] = open.plants;
    // Enrolled thirty days ago, but for a few seconds: the certificate is a real one and really ends, for TLS too.
    const back = 30 * 24 * hour - 8000;
    clock.move(-back);
    await open.start();
    await second.enrol();
    await open.stop();
    clock.move(back);
    await open.start();
    for (const plant of [first, third]) await plant.enrol();
    for (const plant of open.plants) await plant.start();
    await until("rounds with everybody", () => (open?.rounds() ?? 0) >= 2);
    expect((await open.included())[1]).toEqual(names);
    await until("the plant to be refused", () => second.events.some((event) => event.kind === "refused" && event.code === "AUTH_EXPIRED"));
    const without = open.rounds();
    await until("rounds without it", () => (open?.rounds() ?? 0) >= without + 3);

    await second.stop();
    await second.enrol();
    await second.start();
    await until("the end of the run", () => open?.state() !== "running");
    expect(open.state()).toBe("finished");
    const included = await open.included();
    expect(included[without + 1]).toEqual(["plant-1", "plant-3"]);
    expect(included.at(-1)).toEqual(names);
    expect((await open.replayed()).same).toBe(true);
  });
});
