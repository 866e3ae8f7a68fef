/** One writer per data folder, also when the last one was killed, and also when two start at once. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Disk } from "../../../src/core/ports.js";
import { seeded } from "../../../src/core/random.js";
import { lockStore, type ProcessTable, systemProcesses } from "../../../src/io/store/lock.js";
import { simulatedDisk } from "../../../src/lab/faults/disk.js";
import { codeOf, disks, secret, tidyFolder } from "./parts.js";

let drawn = 0;
const lock = (disk: Disk, table?: ProcessTable, assumeDead = false) =>
  lockStore(disk, secret("lock", drawn++), { ...(table === undefined ? {} : { table }), assumeDead });

/** A machine whose processes the test starts and ends. */
function machine(host: string, boot = "1") {
  const alive = new Map<number, string>();
  return {
    alive,
    process: (pid: number, started: string): ProcessTable => {
      alive.set(pid, started);
      return { self: () => ({ pid, host, space: `${host} ${boot}`, started }), startOf: (other) => alive.get(other) };
    },
  };
}

describe.each(disks)("a lock on %s", (_name, make) => {
  it("admits one, and the next when it is released", async () => {
    const disk = make();
    const one = machine("press-shop");
    const first = await lock(disk, one.process(10, "5"));
    const error = await lock(disk, one.process(11, "6")).catch((cause) => cause);
    expect(error.message).toMatch(/STORE_LOCKED.*process 10 on press-shop.*remove lock\//);
    await first.release();
    await (await lock(disk, one.process(11, "6"))).release();
    expect(await disk.list("lock")).toEqual([]);
  });

  it("takes over from the dead, from before the boot's end, and from a number that was given again", async () => {
    const disk = make();
    const one = machine("a");
    await lock(disk, one.process(10, "5"));
    one.alive.delete(10);
    await lock(disk, one.process(11, "6"));
    one.alive.clear();
    const other = one.process(11, "99");
    await (await lock(disk, other)).release();
    expect(await disk.list("lock")).toEqual([]);
  });

  it("refuses what it cannot judge unless told to", async () => {
    const disk = make();
    await lock(disk, machine("a").process(10, "5"));
    const there = machine("b").process(10, "5");
    expect(await codeOf(lock(disk, there))).toBe("STORE_LOCKED");
    const mine = await lock(disk, there, true);
    expect(await disk.list("lock")).toHaveLength(1);
    await mine.release();
  });

  it("refuses a folder in which a restore stopped", async () => {
    const disk = make();
    await disk.makeFolder("");
    await (await disk.open("restoring", "new")).close();
    expect(await codeOf(lock(disk))).toBe("STORE_DAMAGED");
    expect(await disk.list("lock")).toEqual([]);
  });
});

describe("a lock", () => {
  it("never admits two, however their steps fall", () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), fc.boolean(), async (scheduler, count, stale) => {
        const disk = simulatedDisk(seeded("race"), { latency: (operation) => scheduler.schedule(Promise.resolve(), operation) });
        const one = machine("a");
        if (stale) {
          const dead = lock(disk, one.process(1, "1"));
          await scheduler.waitFor(dead);
          one.alive.delete(1);
        }
        const starting = Array.from({ length: count }, (_, i) => lock(disk, one.process(10 + i, "5")));
        const results = await scheduler.waitFor(Promise.allSettled(starting));
        expect(results.filter((r) => r.status === "fulfilled").length).toBeLessThanOrEqual(1);
        for (const r of results) if (r.status === "rejected") expect(r.reason.code).toBe("STORE_LOCKED");
      }),
      { numRuns: 200 },
    ));

  it("leaves nothing when the disk fails on the way, and no failure admits a second", async () => {
    for (let n = 1; n < 12; n++) {
      const disk = simulatedDisk(seeded("lock", n));
      const one = machine("a");
      disk.failAt(n);
      const first = await lock(disk, one.process(10, "5")).catch(() => undefined);
      disk.failAt(undefined);
      const second = await lock(disk, one.process(11, "6")).catch(() => undefined);
      expect(first === undefined || second === undefined).toBe(true);
      one.alive.clear();
      await (await lock(disk, one.process(12, "7"))).release();
      expect(await disk.list("lock")).toEqual([]);
    }
  });

  it("tells a real process that lives from one that was killed", async () => {
    const disk = tidyFolder();
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      await once(child.stdout, "data");
      const pid = child.pid as number;
      const started = systemProcesses.startOf(pid) as string;
      expect(started).toBeDefined();
      await lock(disk, { ...systemProcesses, self: () => ({ ...systemProcesses.self(), pid, started }) });
      expect(await codeOf(lock(disk))).toBe("STORE_LOCKED");
      child.kill("SIGKILL");
      await once(child, "exit");
      expect(systemProcesses.startOf(pid)).toBeUndefined();
      await (await lock(disk)).release();
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("knows this process", async () => {
    const self = systemProcesses.self();
    expect(systemProcesses.startOf(self.pid)).toBe(self.started);
    const disk = tidyFolder();
    const mine = await lock(disk);
    expect(await codeOf(lock(disk))).toBe("STORE_LOCKED");
    await mine.release();
  });
});
