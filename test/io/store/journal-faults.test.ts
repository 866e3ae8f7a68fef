/** The journal under failing disks: counted faults, full disks, a thousand histories, and bugs that must be found. */
import { describe, expect, it } from "vitest";
import { seeded } from "../../../src/core/random.js";
import { openJournal } from "../../../src/io/store/journal.js";
import { type SimulatedDisk, simulatedDisk } from "../../../src/lab/faults/disk.js";
import { excusable, journalHistory, journalModel, Violation } from "./journal-model.js";
import { bytesOf, codeOf, secret, testKey } from "./parts.js";

/** Everything a journal does, once. */
async function scenario(disk: SimulatedDisk, model: ReturnType<typeof journalModel>): Promise<void> {
  await model.open(disk.mount());
  await model.append(1);
  await model.burst(3);
  await model.compact(2);
  await model.append(2);
  await model.close();
  await model.open(disk.mount());
  await model.append(1);
  await model.compact();
  await model.append(1);
}

describe("a journal", () => {
  it.each([
    ["alive", "kill"],
    ["alive", "crash"],
    ["dead", "kill"],
    ["dead", "crash"],
  ] as const)("loses nothing when operation N fails (%s, then %s), for every N", async (how, then) => {
    let finished = 0;
    for (let n = 1; finished < 3; n++) {
      for (let seed = 0; seed < 6; seed++) {
        const disk = simulatedDisk(seeded("counted", n, seed));
        const model = journalModel(seeded("counted-model", n, seed));
        disk.failAt(n, how);
        const failed = await scenario(disk, model).then(
          () => false,
          (cause) => {
            if (!excusable(cause)) throw cause;
            return true;
          },
        );
        if (!failed) finished++;
        disk[then]();
        await model.open(disk.mount());
        await model.append(1);
        disk.crash();
        await model.open(disk.mount());
      }
      expect(n).toBeLessThan(400);
    }
  });

  it("goes on after a full disk at any size, with nothing half written", async () => {
    let whole = 0;
    for (let capacity = 0; whole < 3; capacity += 61) {
      const disk = simulatedDisk(seeded("full", capacity), { capacity });
      const model = journalModel(seeded("full-model", capacity));
      const failed = await scenario(disk, model).then(
        () => false,
        (cause) => {
          if (!excusable(cause)) throw cause;
          return true;
        },
      );
      if (!failed) whole++;
      expect(await disk.list("journal")).not.toContain("journal.new");
      disk.setCapacity(undefined);
      if (capacity % 2 === 0) disk.crash();
      await model.open(disk.mount());
      await model.append(1);
      expect(capacity).toBeLessThan(40_000);
    }
  });

  it("gives back the room of a record that did not fit", async () => {
    const disk = simulatedDisk(seeded("room"), { capacity: 2000 });
    const journal = await openJournal({ disk, key: testKey(), random: secret("room") });
    await journal.append(bytesOf(1000));
    const size = journal.size();
    expect(await codeOf(journal.append(bytesOf(1000)))).toBe("FILE_UNWRITABLE");
    expect(await codeOf(journal.append(bytesOf(1)))).toBe("STORE_CLOSED");
    expect(await disk.size("journal/journal")).toBe(size);
  });

  it("keeps its word in 1,000 histories", async () => {
    for (let seed = 0; seed < 1000; seed++) {
      await journalHistory(seed, (random) => simulatedDisk(random)).catch((cause) => {
        throw new Error(`seed ${seed}: ${cause.message}`, { cause });
      });
    }
  });

  it.each([
    ["a disk that lies about fsync", { fsync: true }],
    ["a disk that lies about folders", { folder: true }],
  ])("is seen to break its word on %s", async (_name, lies) => {
    let found: unknown;
    for (let seed = 0; seed < 300 && found === undefined; seed++) {
      found = await journalHistory(seed, (random) => simulatedDisk(random, { lies })).then(
        () => undefined,
        (cause) => cause,
      );
    }
    // Lost records, or a journal that says itself that it is damaged.
    const code = (found as { code?: string } | undefined)?.code;
    expect(found instanceof Violation || code === "JOURNAL_DAMAGED" || code === "STORE_KEY_REFUSED", String(found)).toBe(true);
  });
});
