/** The talking side of a member, over a coordinator that misbehaves on purpose. */
import { describe, expect, it } from "vitest";
import type { NextAnswer } from "../../src/coordinator/exchange.js";
import { MillwrightError } from "../../src/core/errors.js";
import type { Link } from "../../src/edge/link.js";
import { createMember, type MemberEvent } from "../../src/edge/member.js";
import { sha256 } from "../../src/io/crypto/keys.js";
import { encodeMessage, type Message } from "../../src/round/messages.js";
import { settle, virtualClock } from "../support/virtual-clock.js";

const question: Message = { type: "ask", exchange: 1, topic: "statistics", body: {} };
const frame = encodeMessage(question);
const task = { key: "exchange 1", kind: "ask", sha256: sha256(frame), size: frame.length } as const;
const quiet: NextAnswer = { state: "running", plan: "p", waiting: "others", retryAfterMs: 0 };
const unreachable = () =>
  new MillwrightError("TRANSPORT_UNREACHABLE", { where: "coordinator", expected: "an answer", got: "connection refused" });

function bench(link: Partial<Link>, once = true) {
  const clock = virtualClock();
  const events: MemberEvent[] = [];
  const received: Message[] = [];
  const stop = new AbortController();
  const never = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  const member = createMember({
    link: {
      plan: async () => new Uint8Array(0),
      next: (_, signal) => never(signal),
      fetch: async () => frame,
      reply: async () => ({ counts: true, retryAfterMs: 0 }),
      ...link,
    },
    clock,
    random: () => 0.5,
    worker: { receive: async ({ message }) => void received.push(message), doing: () => undefined },
    plan: "p",
    log: (event) => void events.push(event),
    once,
    signal: stop.signal,
  });
  return { clock, events, received, stop, member };
}

describe("a member", () => {
  it("asks again for as long as it takes, with growing pauses, and says so once", async () => {
    let asked = 0;
    const { clock, events, member } = bench({
      next: async () => {
        if (++asked < 6) throw unreachable();
        return { ...quiet, state: "finished" };
      },
    });
    const ran = member.run();
    await settle();
    expect(asked).toBe(1);
    expect(member.waiting().what).toContain("connection refused");
    const gaps: number[] = [];
    for (let before = asked, since = clock.now(); asked < 6; ) {
      await clock.advance(125);
      if (asked > before) {
        gaps.push(clock.now() - since);
        [before, since] = [asked, clock.now()];
      }
    }
    expect(await ran).toBe("finished");
    expect(gaps.every((gap, i) => i === 0 || gap > gaps[i - 1])).toBe(true);
    expect(events.map(({ kind }) => kind)).toEqual(["unreachable", "connected", "ended"]);
  });

  it("sends a reply until it is acknowledged, and only then forgets it", async () => {
    let tries = 0;
    const { clock, events, member, stop } = bench({
      reply: async () => {
        if (++tries < 3) throw unreachable();
        return { counts: true, retryAfterMs: 0 };
      },
    });
    member.send({ key: "exchange 1", sha256: task.sha256, bytes: frame });
    await settle();
    await clock.advance(5000);
    expect(tries).toBe(3);
    expect(events.filter(({ kind }) => kind === "sent")).toEqual([{ kind: "sent", key: "exchange 1", size: frame.length, counts: true }]);
    await clock.advance(120_000);
    expect(tries).toBe(3);
    stop.abort();
  });

  it("sends answers to different questions each, and of two rounds the newer", async () => {
    const sent: string[] = [];
    let open = false;
    const { clock, member, stop } = bench({
      reply: async (key) => {
        if (!open) throw unreachable();
        sent.push(key);
        return { counts: true, retryAfterMs: 0 };
      },
    });
    for (const key of ["round 1 attempt 1", "exchange 3", "round 2 attempt 1", "exchange 2"]) {
      member.send({ key, sha256: task.sha256, bytes: frame });
      await settle();
    }
    open = true;
    await clock.advance(120_000);
    expect(new Set(sent)).toEqual(new Set(["exchange 3", "round 2 attempt 1", "exchange 2"]));
    stop.abort();
  });

  it("does not send again what will never be taken", async () => {
    let tries = 0;
    const { clock, events, member } = bench({
      reply: async () => {
        tries++;
        throw new MillwrightError("NOT_FINITE", { where: "value 0", expected: "a finite number", got: "NaN" });
      },
    });
    member.send({ key: "exchange 1", sha256: task.sha256, bytes: frame });
    await clock.advance(120_000);
    expect(tries).toBe(1);
    expect(events).toMatchObject([{ kind: "refused", code: "NOT_FINITE" }]);
  });

  it("refuses a task that is another than was announced", async () => {
    const { clock, received, member, stop, events } = bench({
      next: async () => ({ ...quiet, task: { ...task, key: "round 1 attempt 1" } }),
    });
    const ran = member.run();
    await clock.advance(1000);
    expect(received).toEqual([]);
    expect(member.waiting().what).toContain("MESSAGE_INVALID");
    expect(events.length).toBeGreaterThan(0);
    stop.abort();
    expect(await ran).toBe("stopped");
  });

  it("ends with a new plan, and keeps to the pause it is asked for", async () => {
    let asked = 0;
    const { clock, member } = bench({ next: async () => (++asked === 1 ? { ...quiet, retryAfterMs: 60_000 } : { ...quiet, plan: "q" }) });
    const ran = member.run();
    await clock.advance(25_000);
    expect(asked).toBe(1);
    await clock.advance(60_000);
    expect(await ran).toBe("new plan");
  });

  it("when the coordinator lost an acknowledged reply and asks again, it is told again after a moment", async () => {
    let lists = 0;
    const replies: string[] = [];
    const { clock, received, member, stop } = bench({
      next: async (_, signal) => {
        if (++lists <= 2) return { ...quiet, task };
        return new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
      },
      reply: async (key) => {
        replies.push(key);
        return { counts: true, retryAfterMs: 0 };
      },
    });
    const ran = member.run();
    await settle();
    member.send({ key: "exchange 1", sha256: task.sha256, bytes: frame });
    await clock.advance(5000);
    expect(received.length).toBeGreaterThanOrEqual(1);
    expect(replies).toEqual(["exchange 1"]);
    stop.abort();
    await ran;
  });
});
