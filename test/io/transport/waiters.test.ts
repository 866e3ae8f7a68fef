/** Long polls under a clock of the test's own. */
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import { pollUntil, waiters } from "../../../src/io/transport/waiters.js";

function handClock() {
  let now = 0;
  const alarms = new Map<() => void, number>();
  return {
    now: () => millis(now),
    at: (moment: number, ring: () => void) => {
      alarms.set(ring, moment);
      return () => void alarms.delete(ring);
    },
    pass: (time: number) => {
      now += time;
      for (const [ring, moment] of [...alarms]) if (moment <= now && alarms.delete(ring)) ring();
    },
    alarms: () => alarms.size,
  };
}
const never = new AbortController().signal;

describe("long polls", () => {
  it("end by being woken, by time, and by going away, and leave nothing behind", async () => {
    const clock = handClock();
    const polls = waiters({ clock });
    const gone = new AbortController();
    const all = [polls.wait("a", millis(100), never), polls.wait("b", millis(100), never), polls.wait("c", millis(100), gone.signal)];
    expect(polls.waiting().map((one) => one.key)).toEqual(["a", "b", "c"]);
    polls.wake("a");
    gone.abort();
    clock.pass(100);
    expect(await Promise.all(all)).toEqual(["woken", "time", "gone"]);
    expect([polls.size(), clock.alarms()]).toEqual([0, 0]);
    expect(await polls.wait("a", millis(50), never)).toBe("time");
    expect(await polls.wait("a", millis(500), gone.signal)).toBe("gone");
  });
  it("of one key push out their own oldest; of all are limited", async () => {
    const clock = handClock();
    const polls = waiters({ clock, limit: 3, perKey: 2 });
    const first = polls.wait("a", millis(9), never);
    const rest = [polls.wait("a", millis(9), never), polls.wait("a", millis(9), never), polls.wait("b", millis(9), never)];
    expect(await first).toBe("pushed");
    await expect(polls.wait("c", millis(9), never)).rejects.toThrow(/SERVER_BUSY/);
    polls.wakeAll();
    expect(await Promise.all(rest)).toEqual(["woken", "woken", "woken"]);
    expect(polls.size()).toBe(0);
  });
  it("have an end whatever was asked", () => {
    const clock = handClock();
    expect([5000, 1e9, -1, Number.NaN, Number.POSITIVE_INFINITY].map((asked) => pollUntil(clock, asked))).toEqual([5000, 55_000, 0, 0, 0]);
  });
});
