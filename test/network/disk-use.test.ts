/** What a coordinator keeps of a run on its disk: models and releases for good, frames and snapshots only while a restart could ask for them. */
import { describe, expect, it } from "vitest";
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
