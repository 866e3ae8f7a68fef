/** What the simulated disk may do in a crash and what it must never do: the ground the tests of stores stand on. */
import { describe, expect, it } from "vitest";
import { seeded } from "../../../src/core/random.js";
import { durableFolder, writeDurably } from "../../../src/io/disk/durable.js";
import { type SimulatedDiskOptions, simulatedDisk } from "../../../src/lab/faults/disk.js";
import { bytesOf, codeOf, text, words } from "./parts.js";

const make = (seed: number, options?: SimulatedDiskOptions) => simulatedDisk(seeded("disk", seed), options);
const seeds = Array.from({ length: 300 }, (_, i) => i);

/** What is in a file after a crash that follows `work`, over all seeds. */
async function outcomes(
  work: (disk: ReturnType<typeof make>) => Promise<unknown>,
  path = "f",
  options?: SimulatedDiskOptions,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const seed of seeds) {
    const disk = make(seed, options);
    await work(disk);
    disk.crash();
    const bytes = await disk.read(path);
    found.add(bytes === undefined ? "none" : words(bytes));
  }
  return found;
}

describe("a power cut", () => {
  it("keeps what was synced with its folder, always", async () => {
    const found = await outcomes(async (disk) => {
      await durableFolder(disk, "a/b");
      await writeDurably(disk, "a/b/f", text("all of it"));
      expect(disk.pending()).toBe(0);
    }, "a/b/f");
    expect([...found]).toEqual(["all of it"]);
  });

  it("may keep, tear, garble or drop bytes no sync covered, and never those before", async () => {
    const found = await outcomes(async (disk) => {
      await writeDurably(disk, "f", text("first "));
      await (await disk.open("f", "append")).write(text("second"));
    });
    expect([...found].every((content) => content.startsWith("first "))).toBe(true);
    expect(found).toContain("first ");
    expect(found).toContain("first second");
    expect(found).toContain("first sec");
    expect(found).toContain("first sec\0\0\0");
    expect([...found].some((content) => content.length === 12 && !/^first s?e?c?o?n?d?\0*$/.test(content))).toBe(true);
  });

  it("may keep a later write and not the one before: a hole", async () => {
    const found = await outcomes(async (disk) => {
      await writeDurably(disk, "f", text("1"));
      const file = await disk.open("f", "append");
      await file.write(text("22"));
      await file.write(text("33"));
    });
    expect(found).toContain("1\0\x0033");
    expect(found).toContain("122");
  });

  it("may forget a name whose folder was not synced, though the bytes were", async () => {
    const found = await outcomes(async (disk) => {
      const file = await disk.open("f", "new");
      await file.write(text("x"));
      await file.sync();
    });
    expect([...found].sort()).toEqual(["none", "x"]);
  });

  it("leaves the old file or the new one of a rename, never neither", async () => {
    const found = await outcomes(async (disk) => {
      await writeDurably(disk, "f", text("old"));
      const file = await disk.open("n", "new");
      await file.write(text("new"));
      await file.sync();
      await disk.rename("n", "f");
    });
    expect([...found].sort()).toEqual(["new", "old"]);
  });

  it("may bring back a removed file, and forget a folder", async () => {
    const removed = await outcomes(async (disk) => {
      await writeDurably(disk, "f", text("x"));
      await disk.remove("f");
    });
    expect([...removed].sort()).toEqual(["none", "x"]);
    const folder = await outcomes(async (disk) => {
      await disk.makeFolder("d");
      await writeDurably(disk, "d/f", text("x"));
    }, "d/f");
    expect([...folder].sort()).toEqual(["none", "x"]);
  });

  it("undoes a truncation or not, unless it was synced", async () => {
    const cut = (sync: boolean) =>
      outcomes(async (disk) => {
        await writeDurably(disk, "f", text("long"));
        const file = await disk.open("f", "append");
        await file.truncate(2);
        if (sync) await file.sync();
      });
    expect([...(await cut(false))].sort()).toEqual(["lo", "long"]);
    expect([...(await cut(true))]).toEqual(["lo"]);
  });

  it("takes the disk away from whoever held it", async () => {
    for (const end of ["crash", "kill"] as const) {
      const disk = make(1);
      const mounted = disk.mount();
      const file = await mounted.open("f", "new");
      disk[end]();
      expect(await codeOf(file.write(text("x")))).toBe("FILE_UNWRITABLE");
      expect(await codeOf(file.sync())).toBe("FILE_UNWRITABLE");
      expect(await codeOf(mounted.read("f"))).toBe("FILE_UNREADABLE");
      expect(await codeOf(disk.mount().list(""))).toBe("no error");
    }
  });
});

describe("a killed process", () => {
  it("loses nothing that it wrote", async () => {
    const disk = make(1);
    await (await disk.open("f", "new")).write(text("x"));
    disk.kill();
    expect(words((await disk.read("f")) as Uint8Array)).toBe("x");
    expect(disk.pending()).toBe(2);
  });
});

describe("faults", () => {
  it("fail exactly the operation that was counted", async () => {
    const disk = make(1);
    disk.failAt(3);
    const file = await disk.open("f", "new");
    await file.write(text("a"));
    expect(await codeOf(file.write(text("bbbb")))).toBe("FILE_UNWRITABLE");
    await file.write(text("c"));
    expect(words((await disk.read("f")) as Uint8Array)).toMatch(/^ab*c$/);
    expect(disk.operations()).toBe(5);
    disk.failAt(1, "dead");
    const mounted = disk.mount();
    expect(await codeOf(mounted.read("f"))).toBe("FILE_UNREADABLE");
    expect(await codeOf(mounted.read("f"))).toBe("FILE_UNREADABLE");
    disk.kill();
    expect(await codeOf(disk.mount().read("f"))).toBe("no error");
  });

  it("never make durable what a failed sync covered, though it can be read", async () => {
    const found = await outcomes(async (disk) => {
      await writeDurably(disk, "f", text("a"));
      const file = await disk.open("f", "append");
      await file.write(text("b"));
      disk.failAt(1);
      expect(await codeOf(file.sync())).toBe("FILE_UNWRITABLE");
      await file.sync();
      expect(words((await disk.read("f")) as Uint8Array)).toBe("ab");
    });
    expect(found).toContain("a");
    expect(found).toContain("ab");
  });

  it("fill the device to the byte", async () => {
    const disk = make(1, { capacity: 10 });
    const file = await disk.open("f", "new");
    await file.write(bytesOf(8));
    expect(await codeOf(file.write(bytesOf(8)))).toBe("FILE_UNWRITABLE");
    expect(await disk.size("f")).toBe(10);
    expect(await disk.free?.()).toBe(0);
    await file.truncate(8);
    expect(await disk.free?.()).toBe(2);
  });

  it("lie where told to", async () => {
    const honest = async (disk: ReturnType<typeof make>): Promise<void> => writeDurably(disk, "f", text("x"));
    expect([...(await outcomes(honest))]).toEqual(["x"]);
    expect((await outcomes(honest, "f", { lies: { fsync: true } })).size).toBeGreaterThan(1);
    expect([...(await outcomes(honest, "f", { lies: { folder: true } }))].sort()).toEqual(["none", "x"]);
  });

  it("flip a bit and wait where told to", async () => {
    const waited: string[] = [];
    const disk = make(1, {
      latency: async (operation, path) => {
        waited.push(`${operation} ${path}`);
      },
    });
    await writeDurably(disk, "f", text("a"));
    disk.rot("f", 0, 1);
    expect(words((await disk.read("f")) as Uint8Array)).toBe("c");
    disk.crash();
    expect(words((await disk.read("f")) as Uint8Array)).toBe("c");
    expect(waited.slice(0, 5)).toEqual(["remove f.new", "open f.new", "write f.new", "sync f.new", "rename f"]);
  });

  it("are the same for the same seed", async () => {
    const run = async (seed: number): Promise<string> => {
      const disk = make(seed);
      for (let i = 0; i < 5; i++) {
        const file = await disk.open(`f${i}`, "new");
        await file.write(bytesOf(3000, i));
        if (i % 2 === 0) await disk.syncFolder("");
      }
      disk.crash();
      const parts: string[] = [];
      for (const name of await disk.list("")) parts.push(name, Buffer.from((await disk.read(name)) as Uint8Array).toString("hex"));
      return parts.join(" ");
    };
    expect(await run(5)).toBe(await run(5));
    expect(await run(5)).not.toBe(await run(6));
  });
});
