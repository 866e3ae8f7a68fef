/** Replies at a coordinator: many small ones at once, large ones within a budget of memory, first come first served. */
import { expect, test } from "vitest";
import { createExchange, type ExchangeParts } from "../../src/coordinator/exchange.js";
import { createPresence } from "../../src/coordinator/presence.js";
import { systemClock } from "../../src/io/clock.js";
import { sha256 } from "../../src/io/crypto/keys.js";
import { memoryBlobs } from "../../src/io/store/blobs-memory.js";
import { waiters } from "../../src/io/transport/waiters.js";
import { encodeMessage } from "../../src/round/messages.js";

/** An exchange whose driver keeps everything it is given until told. */
function held(largest: number) {
  const waiting: (() => void)[] = [];
  const order: string[] = [];
  let most = 0;
  let inside = 0;
  const driver = {
    submit: async (member: string) => {
      order.push(member);
      most = Math.max(most, ++inside);
      await new Promise<void>((go) => waiting.push(go));
      inside--;
      return true;
    },
    holds: () => true,
  } as unknown as ExchangeParts["driver"];
  const exchange = createExchange({
    driver,
    blobs: memoryBlobs(),
    presence: createPresence(systemClock, () => {}),
    waiters: waiters({ clock: systemClock }),
    clock: systemClock,
    digest: sha256,
    state: () => "running",
    plan: () => "",
    frameLimit: () => largest,
    count: () => {},
  });
  const reply = (member: string, values: number) =>
    exchange.reply(
      member,
      "round 1 attempt 1",
      encodeMessage({
        type: "update",
        round: 1,
        attempt: 1,
        from: member,
        members: 1,
        weight: 1,
        loss: 0,
        update: new Int32Array(values),
      }),
    );
  const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
  async function drain(): Promise<void> {
    for (await settle(); waiting.length > 0; await settle()) for (const go of waiting.splice(0)) go();
  }
  return { reply, drain, settle, order, most: () => most };
}

test("small replies are taken 64 at a time, in the order in which they came", async () => {
  const at = held(1 << 20);
  const names = Array.from({ length: 200 }, (_, i) => `plant-${i}`);
  const all = names.map((name) => at.reply(name, 10));
  await at.drain();
  expect((await Promise.all(all)).every(({ counts }) => counts)).toBe(true);
  expect(at.most()).toBe(64);
  expect([...at.order].sort()).toEqual([...names].sort());
  expect(at.order.slice(0, 64).sort()).toEqual(names.slice(0, 64).sort());
});

test("large replies are held to 32 MiB together, and one larger than that goes alone", async () => {
  const at = held(64 << 20);
  const all = [at.reply("huge", 10 << 20), ...Array.from({ length: 9 }, (_, i) => at.reply(`plant-${i}`, 2 << 20))];
  await at.settle();
  expect(at.order).toEqual(["huge"]);
  await at.drain();
  await Promise.all(all);
  // Three of 8 MiB and a header each, never four.
  expect(at.most()).toBe(3);
});

test("a reply that fails makes room for the next", async () => {
  const at = held(400);
  const failed = Array.from({ length: 100 }, (_, i) => at.reply(`plant-${i}`, 1000));
  expect((await Promise.allSettled(failed)).every((one) => one.status === "rejected")).toBe(true);
  const fine = at.reply("small", 0);
  await at.drain();
  expect(await fine).toEqual({ counts: true, retryAfterMs: 0 });
});
