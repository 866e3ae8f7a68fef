/** What a coordinator keeps of a run on its disk: models and releases for good, frames and snapshots only while a restart could ask for them. */
import { describe, expect, it } from "vitest";
import { folderDisk } from "../../src/io/disk/folder.js";
import { fileBlobs } from "../../src/io/store/blobs.js";
import { temporaryFolder } from "../support/folder.js";
import { fileOf } from "../support/network.js";
import { movedClock, openInside } from "../support/network-inside.js";

const names = ["plant-1", "plant-2"];

async function blobsAfter(rounds: number): Promise<number> {
  const { tiers: _, ...content } = fileOf({ facilities: { all: names }, rounds, more: { threshold: { use: "fixed", value: 0.5 } } });
  const inside = await openInside(names, content, movedClock(), 0);
  try {
    await inside.start();
    for (const plant of inside.plants) {
      await plant.enrol();
      await plant.start();
    }
    const end = performance.now() + 60_000;
    while (inside.state() === "running" && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(inside.state()).toBe("finished");
    expect(inside.halts).toEqual([]);
    return inside.blobs();
  } finally {
    await Promise.all(inside.plants.map((plant) => plant.stop()));
    await inside.stop();
  }
}

describe("a coordinator's blobs", () => {
  it("grow by the model of each round and by nothing else", { timeout: 150_000 }, async () => {
    const [few, more] = [await blobsAfter(4), await blobsAfter(12)];
    expect(more - few).toBe(8);
  });
});

describe("a store of blobs", () => {
  it("forgets what was deleted, so that years of frames neither fill its memory nor put collections off", async () => {
    const blobs = await fileBlobs(folderDisk(await temporaryFolder()), { limits: { arrivals: 4 } });
    await blobs.put(new Uint8Array([1]));
    // It came since the last collection: somebody may be about to refer to it.
    expect(await blobs.gc(new Set())).toMatchObject({ removed: 0 });
    for (let i = 0; i < 20; i++) await blobs.delete((await blobs.put(new Uint8Array([2, i]))).sha256);
    expect(await blobs.gc(new Set())).toMatchObject({ removed: 1 });
    expect(await blobs.list()).toEqual([]);
  });
});
