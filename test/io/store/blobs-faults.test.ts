/** Blobs under failing disks: what was acknowledged is there and is itself; what was not is there whole or not at all; no rubbish stays. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { BlobStore } from "../../../src/core/blobs.js";
import { type SeededRandom, seeded } from "../../../src/core/random.js";
import { fileBlobs } from "../../../src/io/store/blobs.js";
import { type DiskLies, type SimulatedDisk, simulatedDisk } from "../../../src/lab/faults/disk.js";
import { excusable, Violation } from "./journal-model.js";
import { bytesOf, secretOf, testKey } from "./parts.js";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const contents = Array.from({ length: 8 }, (_, i) => bytesOf(100 + 900 * i, "fault", i));
const digests = contents.map(digest);
const key = testKey();

/** A store, and which blobs were acknowledged or told to be there. */
function blobModel(random: SeededRandom, sealed: boolean) {
  let blobs: BlobStore | undefined;
  const acked = new Set<string>();
  const must = (): BlobStore => blobs ?? expect.fail("not open");
  async function tell(sha256: string): Promise<void> {
    // "It is there" is a promise too: whoever hears it does not send it again.
    if (await must().has(sha256)) acked.add(sha256);
  }
  return {
    open: async (disk: SimulatedDisk) => {
      const mounted = disk.mount();
      blobs = await fileBlobs(mounted, sealed ? { sealed: { key, random: secretOf(random) } } : {});
      if ((await mounted.list("blobs/tmp")).length > 0) throw new Violation("a temporary file stayed");
      const listed = await must().list();
      for (const sha256 of acked) if (!listed.includes(sha256)) throw new Violation(`${sha256} was acknowledged and is gone`);
      for (const sha256 of listed) {
        const bytes = await must().get(sha256);
        if (bytes === undefined || digest(bytes) !== sha256) throw new Violation(`${sha256} is something else`);
        acked.add(sha256);
      }
    },
    put: async (i: number) => {
      acked.add((await must().put(contents[i], { sha256: digests[i] })).sha256);
    },
    upload: async (i: number) => {
      const writer = await must().writer(digests[i], contents[i].length);
      try {
        while (writer.received() < writer.size) {
          const at = writer.received();
          await writer.write(contents[i].subarray(at, at + 700), at);
          if (random.integer(12) === 0) return;
        }
        acked.add((await writer.finish()).sha256);
      } catch (cause) {
        // A power cut may have spoilt what had arrived before it, another sender's fault may have thrown it away: then it is sent again.
        if (!["BLOB_MISMATCH", "MESSAGE_INVALID"].includes((cause as { code?: string }).code ?? "")) throw cause;
      }
    },
    delete: async (i: number) => {
      acked.delete(digests[i]);
      await must().delete(digests[i]);
    },
    gc: async () => {
      const keep = new Set(digests.filter(() => random.integer(2) === 0));
      for (const sha256 of [...acked]) if (!keep.has(sha256)) acked.delete(sha256);
      await must().gc(keep);
    },
    tell: (i: number) => tell(digests[i]),
  };
}
type Model = ReturnType<typeof blobModel>;

async function excused(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (cause) => {
      if (!excusable(cause)) throw cause;
      return false;
    },
  );
}

async function history(seed: number, lies: DiskLies = {}): Promise<void> {
  const random = seeded("blob-history", seed);
  const disk = simulatedDisk(random.fork("disk"), { lies });
  const model = blobModel(random.fork("model"), seed % 2 === 0);
  await model.open(disk);
  for (let step = 4 + random.integer(8); step > 0; step--) {
    if (random.integer(3) === 0) disk.failAt(1 + random.integer(15), random.integer(2) === 0 ? "dead" : "alive");
    if (random.integer(8) === 0) disk.setCapacity(random.integer(12_000));
    const i = random.integer(contents.length);
    const work = [model.put, model.put, model.upload, model.upload, model.delete, model.gc, model.tell][random.integer(7)];
    // Whoever deletes by name decides alone; everything else may happen at once.
    const both = random.integer(3) === 0 && work !== model.delete ? [work(i), model.put(i), model.upload(i)] : [work(i)];
    const results = await Promise.allSettled(both);
    for (const r of results) if (r.status === "rejected" && !excusable(r.reason)) throw r.reason;
    disk.failAt(undefined);
    disk.setCapacity(undefined);
    const fate = random.integer(4);
    if (fate === 0) disk.crash();
    if (fate === 1 || results.some((r) => r.status === "rejected")) disk.kill();
    if (fate < 2 || results.some((r) => r.status === "rejected")) await model.open(disk);
  }
  disk.crash();
  await model.open(disk);
}

describe("blobs", () => {
  it.each([
    ["plain", "alive", "crash"],
    ["plain", "dead", "kill"],
    ["plain", "dead", "crash"],
    ["sealed", "alive", "crash"],
    ["sealed", "dead", "crash"],
  ] as const)("are whole or not there when operation N fails (%s, %s, then %s), for every N", async (form, how, then) => {
    let finished = 0;
    for (let n = 1; finished < 3; n++) {
      for (let seed = 0; seed < 3; seed++) {
        const disk = simulatedDisk(seeded("blobs", n, seed));
        const model: Model = blobModel(seeded("no-pauses", n, seed), form === "sealed");
        disk.failAt(n, how);
        const fine = await excused(
          (async () => {
            await model.open(disk);
            await model.put(1);
            await model.upload(2);
            await model.put(2);
            await model.upload(1);
            await model.put(1);
            await model.gc();
            await model.delete(3);
          })(),
        );
        if (fine) finished++;
        disk[then]();
        await model.open(disk);
        await model.put(4);
        // Goes on with what is there: of a process that died in a failing sync, that is pages no disk holds.
        await model.upload(2);
        await model.upload(1);
        disk.crash();
        await model.open(disk);
      }
      expect(n).toBeLessThan(200);
    }
  });

  it("leave nothing half written on a full disk", async () => {
    for (let capacity = 0; capacity < 5000; capacity += 83) {
      const disk = simulatedDisk(seeded("full", capacity), { capacity });
      const model = blobModel(seeded("full-model", capacity), capacity % 2 === 0);
      await excused(model.open(disk));
      for (const i of [0, 1, 2, 3]) await excused(capacity % 3 === 0 ? model.put(i) : model.upload(i));
      expect(await disk.list("blobs/tmp")).toEqual([]);
      disk.setCapacity(undefined);
      await model.open(disk);
      for (const i of [0, 1, 2, 3]) await model.put(i);
      disk.crash();
      await model.open(disk);
    }
  });

  it("keep their word in 1,000 histories", async () => {
    for (let seed = 0; seed < 1000; seed++) {
      await history(seed).catch((cause) => {
        throw new Error(`seed ${seed}: ${cause.message}`, { cause });
      });
    }
  });

  it.each([
    ["fsync", { fsync: true }],
    ["folders", { folder: true }],
  ])("are seen to break it on a disk that lies about %s", async (_name, lies) => {
    let found: unknown;
    for (let seed = 0; seed < 300 && found === undefined; seed++) {
      found = await history(seed, lies).then(
        () => undefined,
        (cause) => cause,
      );
    }
    expect(found instanceof Violation || (found as { code?: string } | undefined)?.code === "STORE_DAMAGED", String(found)).toBe(true);
  });
});
