/** What every disk does while nothing fails. */
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { durableFolder, filesBelow, writeDurably } from "../../src/io/disk/durable.js";
import { folderDisk } from "../../src/io/disk/folder.js";
import { codeOf, disks, scratch, text, words } from "../io/store/parts.js";

describe.each(disks)("%s", (_name, make) => {
  it("gives back what was written, whole and in parts", async () => {
    const disk = make();
    await disk.makeFolder("a/b");
    const file = await disk.open("a/b/c", "new");
    await file.write(text("hello "));
    await file.write(text("world"));
    expect(file.size()).toBe(11);
    expect(words(await file.read(4, 4))).toBe("o wo");
    expect(words(await file.read(9, 100))).toBe("ld");
    expect(words(await file.read(50, 1))).toBe("");
    await file.sync();
    await file.close();
    expect(words((await disk.read("a/b/c")) as Uint8Array)).toBe("hello world");
    expect(await disk.size("a/b/c")).toBe(11);
    const again = await disk.open("a/b/c", "append");
    expect(again.size()).toBe(11);
    await again.truncate(5);
    await again.write(text("!"));
    await again.close();
    expect(words((await disk.read("a/b/c")) as Uint8Array)).toBe("hello!");
  });

  it("says nothing of what is not there", async () => {
    const disk = make();
    await disk.makeFolder("");
    expect(await disk.read("none")).toBeUndefined();
    expect(await disk.read("no/such/folder")).toBeUndefined();
    expect(await disk.size("none")).toBeUndefined();
    expect(await disk.list("none")).toEqual([]);
    await disk.remove("none");
    expect(await codeOf(disk.open("none", "read"))).toBe("FILE_UNREADABLE");
    expect(await codeOf(disk.open("no/such", "new"))).toBe("FILE_UNWRITABLE");
    expect(await codeOf(disk.rename("none", "other"))).toBe("FILE_UNWRITABLE");
    expect(await codeOf(disk.syncFolder("none"))).toBe("FILE_UNWRITABLE");
  });

  it("refuses a new file where one is, writing to what was opened for reading, and more than was allowed", async () => {
    const disk = make();
    await durableFolder(disk, "d");
    await writeDurably(disk, "d/f", text("12345"));
    expect(await codeOf(disk.open("d/f", "new"))).toBe("FILE_UNWRITABLE");
    const file = await disk.open("d/f", "read");
    expect(await codeOf(file.write(text("6")))).toBe("FILE_UNWRITABLE");
    await file.close();
    expect(await codeOf(file.read(0, 1))).toBe("FILE_UNREADABLE");
    expect(await codeOf(disk.read("d/f", 4))).toBe("LIMIT_EXCEEDED");
    expect(words((await disk.read("d/f", 5)) as Uint8Array)).toBe("12345");
  });

  it("renames over a file and lists sorted names", async () => {
    const disk = make();
    await disk.makeFolder("d/e");
    for (const [name, content] of [
      ["b", "old"],
      ["a", "new"],
    ])
      await writeDurably(disk, `d/${name}`, text(content));
    const before = await disk.open("d/b", "read");
    await disk.rename("d/a", "d/b");
    expect(await disk.list("d")).toEqual(["b", "e"]);
    expect(words((await disk.read("d/b")) as Uint8Array)).toBe("new");
    // Who has the old file open goes on reading it: a compaction takes the name away, not the bytes.
    expect(words(await before.read(0, 9))).toBe("old");
    await before.close();
    await disk.rename("d/b", "d/e/c");
    const found: string[] = [];
    for await (const path of filesBelow(disk, "")) found.push(path);
    expect(found).toEqual(["d/e/c"]);
    await disk.remove("d/e/c");
    expect(await disk.list("d/e")).toEqual([]);
  });

  it.each(["../x", "/etc/passwd", "a/../../x", "a//b", "a/./b", "a\\b", "a\0b", ".hidden", "a/", "a b", "ä"])(
    "refuses the path %j",
    async (path) => {
      const disk = make();
      expect(await codeOf(disk.read(path))).toBe("INTERNAL");
      expect(await codeOf(disk.open(path, "append"))).toBe("INTERNAL");
      expect(await codeOf(disk.rename("a", path))).toBe("INTERNAL");
      expect(await codeOf(disk.makeFolder(path))).toBe("INTERNAL");
    },
  );

  it("writes whole files or none", async () => {
    const disk = make();
    await disk.makeFolder("");
    await writeDurably(disk, "f", text("one"));
    const failed = writeDurably(disk, "f", async (file) => {
      await file.write(text("half"));
      throw new Error("stop");
    });
    await expect(failed).rejects.toThrow("stop");
    expect(words((await disk.read("f")) as Uint8Array)).toBe("one");
    expect(await disk.list("")).toEqual(["f"]);
  });
});

describe("a folder", () => {
  it("keeps what is inside to its owner", async () => {
    const root = join(scratch(), "x", "data");
    const disk = folderDisk(root);
    await disk.makeFolder("a");
    await writeDurably(disk, "a/f", text("1"));
    expect(statSync(root).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "a")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "a", "f")).mode & 0o777).toBe(0o600);
    expect(await disk.free?.()).toBeGreaterThan(0);
  });

  it("follows no symbolic link", async () => {
    const root = scratch();
    const outside = scratch();
    writeFileSync(join(outside, "secret"), "outside");
    symlinkSync(outside, join(root, "link"));
    symlinkSync(join(outside, "secret"), join(root, "file"));
    const disk = folderDisk(root);
    expect(await codeOf(disk.read("link/secret"))).toBe("FILE_UNREADABLE");
    expect(await codeOf(disk.read("file"))).toBe("FILE_UNREADABLE");
    expect(await codeOf(disk.open("file", "append"))).toBe("FILE_UNWRITABLE");
    expect(await codeOf(disk.open("link/new", "new"))).toBe("FILE_UNWRITABLE");
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  it("names the path and a remedy when the system refuses", async () => {
    const root = scratch();
    mkdirSync(join(root, "d"));
    const error = await folderDisk(root)
      .open("d", "append")
      .catch((cause) => cause);
    expect(error.message).toMatch(/FILE_UNWRITABLE: d: .*EISDIR/);
  });

  // A device of Linux that is always full; a file on a disk that is full ends the same way.
  it.runIf(process.platform === "linux")("says that a disk is full", async () => {
    const error = await folderDisk("/dev")
      .open("full", "append")
      .then((file) => file.write(text("x")).finally(() => file.close()))
      .catch((cause) => cause);
    expect(error.message).toMatch(/FILE_UNWRITABLE: full: .*ENOSPC.*free some space/);
  });
});
