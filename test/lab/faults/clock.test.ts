/** Virtual time: order, cancelling, and clocks of machines whose time of day is wrong. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import { epoch, machineClock, simulator } from "../../../src/lab/faults/clock.js";

it("events come in the order of their times, equal ones in the order in which they were asked for", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }), async (delays) => {
      const sim = simulator();
      const seen: [number, number][] = [];
      for (const [i, delay] of delays.entries()) sim.after(delay, () => seen.push([sim.now(), i]));
      await sim.run(1000, () => false);
      expect(seen).toEqual(delays.map((delay, i) => [delay, i] as [number, number]).sort((a, b) => a[0] - b[0] || a[1] - b[1]));
    }),
    { numRuns: 50 },
  );
});

it("every microtask runs before time goes on, and what was cancelled never comes", async () => {
  const sim = simulator();
  const seen: string[] = [];
  const work = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await Promise.resolve();
    seen.push(`worked at ${sim.now()}`);
    await sim.sleep(5);
    seen.push(`slept until ${sim.now()}`);
  };
  sim.after(1, () => void work());
  const cancel = sim.after(2, () => seen.push("cancelled"));
  sim.after(1, cancel);
  sim.after(3, () => seen.push("later"));
  await sim.run(100, () => false);
  expect(seen).toEqual(["worked at 1", "later", "slept until 6"]);
});

it("an alarm keeps its delay when the time of day jumps, and rings for nobody who died", async () => {
  const sim = simulator();
  let offset = 0;
  let alive = true;
  const clock = machineClock(
    sim,
    () => offset,
    () => alive,
  );
  const rung: string[] = [];
  clock.at(millis(epoch + 100), () => rung.push(`first at ${sim.now()}, shows ${clock.now() - epoch}`));
  clock.at(millis(epoch + 300), () => rung.push("never"));
  sim.after(50, () => {
    offset = -1_000_000;
  });
  sim.after(200, () => {
    alive = false;
  });
  await sim.run(1000, () => false);
  expect(rung).toEqual(["first at 100, shows -999900"]);
  expect(clock.alarms()).toBe(0);
});
