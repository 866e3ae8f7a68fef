/** A driver over a real root and sites that really train: what is acknowledged survives, whatever is killed when. */
import { describe, expect, it } from "vitest";
import { buildRule } from "../../src/aggregation/registry.js";
import { type Driver, openDriver } from "../../src/coordinator/driver.js";
import { MillwrightError } from "../../src/core/errors.js";
import { millis } from "../../src/core/quantities.js";
import { memoryRecord } from "../../src/io/record/memory.js";
import { memoryBlobs } from "../../src/io/store/blobs-memory.js";
import { digestValues } from "../../src/io/store/digest.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { simulate } from "../../src/lab/simulate.js";
import { parseFederation } from "../../src/round/file.js";
import { encodeMessage, type Message } from "../../src/round/messages.js";
import type { Release } from "../../src/round/node.js";
import { createRoot } from "../../src/round/node-root.js";
import { prepareTree } from "../round/tree-world.js";
import { smallFederation } from "../support/small-federation.js";
import { settle, virtualClock } from "../support/virtual-clock.js";

const small = { ...smallFederation, model: { use: "mlp", hidden: [4] }, rounds: 3, quorum: { deadline: "1min", minimum: 0.5 } };
const file = parseFederation(small);
const row = {
  id: "run-1",
  federation: "small",
  node: "enterprise",
  plan: "0".repeat(64),
  seed: 7,
  startedAt: millis(1),
  state: "running",
} as const;

async function bench() {
  const { make } = await prepareTree(file);
  const sites = make();
  const names = [...sites.keys()];
  const node = createRoot({
    file,
    seed: file.seed,
    children: names.map((site) => ({ site, members: 1 })),
    rule: buildRule(file.aggregate),
  });
  const memory = memoryRecord();
  const blobs = memoryBlobs();
  const clock = virtualClock();
  const released: Release[] = [];
  const halts: unknown[] = [];
  const closed: number[] = [];
  await memory.open().createRun(row);
  const open = (record = memory.open()): Promise<Driver> =>
    openDriver({
      node,
      run: row,
      record,
      blobs,
      clock,
      traffic: () => ({ up: 0, down: 0 }),
      events: {
        tasks: () => {},
        halted: (error) => void halts.push(error),
        released: async (one) => void released.push(one),
        closed: async ({ round }) => void closed.push(round),
      },
    });
  const send = async (driver: Driver, site: string, message: Message): Promise<boolean> => {
    const { sha256 } = await blobs.put(encodeMessage(message));
    const counts = await driver.submit(site, { sha256, message });
    if (!counts && !driver.holds(sha256)) await blobs.delete(sha256);
    return counts;
  };
  const work = async (driver: Driver, site: string): Promise<Message | undefined> => {
    const task = driver.task(site);
    if (task === undefined || (task.message.type !== "ask" && task.message.type !== "train")) return undefined;
    return sites.get(site)?.work(task.message);
  };
  return { names, memory, blobs, clock, released, halts, closed, open, send, work };
}

describe("a driver", () => {
  it("killed before every single input gives the model of the simulation", async () => {
    const simulation = simulate(small, { compare: false, executor: inlineExecutor() });
    const { model } = await simulation.result;
    const { names, memory, blobs, released, open, send, work, closed } = await bench();
    let driver = await open();
    await driver.start();
    for (let turn = 0; released.length === 0 && turn < 200; turn++) {
      for (const site of names) {
        const reply = await work(driver, site);
        if (reply === undefined) continue;
        await memory.crash();
        driver = await open();
        expect(await send(driver, site, reply)).toBe(true);
        // Said again, it is heard once.
        expect(await send(driver, site, reply)).toBe(false);
      }
    }
    expect(digestValues((released[0] as Release).bundle.values)).toBe(model.sha256);
    expect(new Set(closed)).toEqual(new Set([1, 2, 3]));
    const rounds = await memory.open().rounds(row.id);
    expect(rounds.map(({ round }) => round)).toEqual([1, 2, 3]);
    expect((await memory.open().run(row.id))?.state).toBe("finished");
    // Nothing piles up: every blob that is there is one that the record names.
    const named = new Set<string>();
    for await (const sha256 of memory.open().blobs()) named.add(sha256);
    expect((await blobs.list()).filter((sha256) => !named.has(sha256))).toEqual([]);
  });

  it("acknowledges nothing that the record did not take, and stops", async () => {
    const { names, memory, halts, open, send, work } = await bench();
    const record = memory.open();
    let broken = false;
    const driver = await open({
      ...record,
      appendInputs: async (...given) => {
        if (broken) throw new MillwrightError("FILE_UNWRITABLE", { where: "record", expected: "room", got: "a full disk" });
        return record.appendInputs(...given);
      },
    });
    await driver.start();
    const reply = (await work(driver, names[0])) as Message;
    broken = true;
    await expect(send(driver, names[0], reply)).rejects.toThrow("a full disk");
    broken = false;
    // What is in memory may be ahead of the record: nothing more is taken until it is built again.
    await expect(send(driver, names[0], reply)).rejects.toThrow("a full disk");
    expect(halts).toHaveLength(1);
    await memory.crash();
    const again = await open();
    expect(again.waiting().answered).toEqual([]);
    expect(await send(again, names[0], reply)).toBe(true);
  });

  it("stands still while it is held: no deadline passes in a night without members", async () => {
    const { names, clock, open, send, work, closed } = await bench();
    const driver = await open();
    await driver.start();
    while (driver.waiting().what.includes("round") === false) {
      for (const site of names) {
        const reply = await work(driver, site);
        if (reply !== undefined) await send(driver, site, reply);
      }
    }
    const first = await work(driver, names[0]);
    const second = await work(driver, names[1]);
    await send(driver, names[0], first as Message);
    driver.hold(true);
    const before = driver.remaining();
    await clock.advance(10 * 3_600_000);
    expect(driver.remaining()).toBe(before);
    driver.hold(false);
    await send(driver, names[1], second as Message);
    expect(closed).toEqual([]);
    await clock.advance(60_001);
    await settle();
    // Two of three are the minimum: the deadline closes the round with them.
    expect(closed).toEqual([1]);
    expect((await open()).task(names[0])?.key).toBe("round 2 attempt 1");
  });

  it("takes up an open wait with its timer after a restart", async () => {
    const { names, memory, clock, open, send, work, closed } = await bench();
    let driver = await open();
    await driver.start();
    while (driver.waiting().what.includes("round") === false) {
      for (const site of names) {
        const reply = await work(driver, site);
        if (reply !== undefined) await send(driver, site, reply);
      }
    }
    for (const site of names.slice(0, 2)) await send(driver, site, (await work(driver, site)) as Message);
    await memory.crash();
    driver = await open();
    expect(driver.waiting().answered).toEqual(names.slice(0, 2));
    await clock.advance(60_001);
    expect(closed).toEqual([1]);
  });
});
