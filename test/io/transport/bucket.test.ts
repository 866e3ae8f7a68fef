/** The token bucket: what may have left by when, whatever the clock does. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucket, linkBucket, parseBandwidth } from "../../../src/core/bucket.js";
import { millis } from "../../../src/core/quantities.js";
import { rates } from "../../../src/io/transport/rates.js";

describe("bucket", () => {
  it("lets no more leave by any time than its burst and its rate since the start", () => {
    const takes = fc.array(fc.tuple(fc.nat(3000), fc.nat(200_000)), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 100_000 }), takes, (rate, burst, list) => {
        const pace = bucket({ rate, burst });
        let state = pace.start(millis(0));
        let now = 0;
        let sum = 0;
        let last = 0;
        for (const [pass, bytes] of list) {
          now += pass;
          const [next, wait] = pace.take(state, millis(now), bytes);
          state = next;
          sum += bytes;
          expect(sum).toBeLessThanOrEqual(burst + (rate * (now + wait)) / 1000 + 1e-3);
          // Whoever took first leaves first.
          expect(now + wait).toBeGreaterThanOrEqual(Math.min(last, now + wait + 1));
          last = now + wait;
        }
      }),
    );
  });
  it("wastes none of the rate while somebody waits", () => {
    const pace = bucket({ rate: 1000, burst: 100 });
    let state = pace.start(millis(0));
    let wait = 0;
    for (let i = 0; i < 1000; i++) {
      const [next, time] = pace.take(state, millis(0), 50);
      state = next;
      wait = time;
    }
    expect(wait).toBe((50_000 - 100) * 1);
  });
  it("lets control pass and bulk pay for it", () => {
    const pace = bucket({ rate: 1000, burst: 100 });
    const [after, wait] = pace.take(pace.start(millis(0)), millis(0), 600, "control");
    expect(wait).toBe(0);
    expect(pace.take(after, millis(0), 100)[1]).toBe(600);
  });
  it("gives nothing for a clock that goes back and no more than a burst for one that jumps ahead", () => {
    const pace = bucket({ rate: 1000, burst: 100 });
    const [empty] = pace.take(pace.start(millis(1e6)), millis(1e6), 100);
    const [back, wait] = pace.take(empty, millis(0), 100);
    expect(wait).toBe(100);
    expect(pace.take(back, millis(1e12), 150)[1]).toBe(50);
  });
  it("refuses what is no rate", () => {
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => bucket({ rate, burst: 1 })).toThrow(/PLAN_REFUSED/);
  });
  it("reads rates as people write them", () => {
    expect(["2Mbit/s", "500 kbit/s", "1.5MB/s", "64kB/s", "8 bit/s"].map(parseBandwidth)).toEqual([250_000, 62_500, 1_500_000, 64_000, 1]);
    expect(["", "2", "2Mb/s", "-2Mbit/s", "0Mbit/s", "2 mbit/s", "1e3B/s"].map(parseBandwidth)).toEqual(Array(7).fill(undefined));
    expect(linkBucket(1_000_000)).toEqual({ rate: 1_000_000, burst: 250_000 });
  });
});

describe("rates", () => {
  it("remember so many and no more, and let a refused one back in at its rate", () => {
    const one = rates(1, 2, 3);
    expect([0, 0, 0].map(() => one.ask("a", millis(0)) > 0)).toEqual([false, false, true]);
    for (let i = 0; i < 50; i++) one.ask("a", millis(500));
    expect(one.ask("a", millis(1000))).toBe(0);
    for (const name of ["b", "c", "d"]) one.ask(name, millis(1000));
    // Forgotten for three others: it begins anew.
    expect([one.ask("a", millis(1000)), one.ask("a", millis(1000))]).toEqual([0, 0]);
  });
});
