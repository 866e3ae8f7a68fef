/** References through a real JetStream: each is handled, again where it was not, and the queue mends itself when its store is gone. */
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/io/clock.js";
import { natsQueue } from "../../../src/io/engine/nats.js";
import type { Reference, ReferenceQueue } from "../../../src/io/engine/queue.js";
import { hasNats, needsNats, startNats } from "./nats-server.js";
import { until } from "./until.js";

const name = `references in JetStream${hasNats ? "" : ` ${needsNats}`}`;

describe.skipIf(!hasNats)(name, async () => {
  const server = hasNats ? await startNats() : undefined;
  const queues: ReferenceQueue[] = [];
  const open = async (label: string) => {
    const queue = await natsQueue({ servers: [server?.url ?? ""], name: label, clock: systemClock, limits: { ackWait: 1000 } });
    queues.push(queue);
    await until("a connection", () => queue.trouble() === undefined);
    return queue;
  };
  afterAll(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    await server?.stop();
  });

  it("go to one of those who consume, and come again where handling failed or its process said nothing", async () => {
    const [one, other] = [await open("again"), await open("again")];
    const seen = new Map<string, number>();
    const done = new Set<string>();
    const handle = async ({ id, ref }: Reference): Promise<void> => {
      expect(ref).toBe(`about ${id}`);
      const times = (seen.get(id) ?? 0) + 1;
      seen.set(id, times);
      if (id === "r3" && times < 3) throw new Error("not now");
      done.add(id);
    };
    one.consume("inbox", handle);
    other.consume("inbox", handle);
    for (let i = 0; i < 50; i++) expect(await one.publish("inbox", { id: `r${i}`, ref: `about r${i}` })).toBe(true);
    await until("all references", () => done.size === 50);
    expect([...seen.values()].filter((times) => times !== 1)).toEqual([3]);
    expect(await one.publish("other", { id: "x", ref: "nobody's" })).toBe(true);
    expect(done.has("x")).toBe(false);
  });

  it("wake those who listen", async () => {
    const [one, other] = [await open("wakes"), await open("wakes")];
    let woken = 0;
    const stop = other.onWake("board", () => woken++);
    await until("a wake-up", () => {
      one.wake("board");
      return woken > 0;
    });
    stop();
    one.wake("nobody");
  });

  it("flow again after the server lost everything it had acknowledged", async () => {
    const queue = await open("lossy");
    const got: string[] = [];
    expect(await queue.publish("inbox", { id: "lost", ref: "acknowledged, and lost" })).toBe(true);
    await server?.kill();
    server?.wipe();
    expect(await queue.publish("inbox", { id: "refused", ref: "nobody is there" })).toBe(false);
    expect(queue.trouble()).toBeDefined();
    await server?.start();
    queue.consume("inbox", async ({ id }) => void got.push(id));
    await until("the stream to be there again", () => queue.publish("inbox", { id: "new", ref: "" }));
    await until("the reference", () => got.includes("new"));
    expect(got).not.toContain("lost");
    expect(queue.trouble()).toBeUndefined();
  });

  it("have a name that can be a subject", async () => {
    await expect(natsQueue({ servers: [], name: "a.b>", clock: systemClock })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});
