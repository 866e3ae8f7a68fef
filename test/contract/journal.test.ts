/** What a journal does on every disk while nothing fails, and what it says of files that are not as it left them. */
import { describe, expect, it } from "vitest";
import type { Disk } from "../../src/core/ports.js";
import { type Journal, openJournal } from "../../src/io/store/journal.js";
import { crc32c } from "../../src/io/store/journal-frame.js";
import { bytesOf, codeOf, disks, secret, testKey, text, words } from "../io/store/parts.js";

const open = (disk: Disk, name = "a", limits = {}): Promise<Journal> =>
  openJournal({ disk, key: testKey(name), random: secret("journal", opened++), limits });
let opened = 0;

async function all(journal: Journal): Promise<[number, string][]> {
  const found: [number, string][] = [];
  await journal.replay((record, seq) => {
    found.push([seq, words(record)]);
  });
  return found;
}

describe.each(disks)("a journal on %s", (_name, make) => {
  it("keeps what was appended, in order, over reopening with and without closing", async () => {
    const disk = make();
    let journal = await open(disk);
    expect(journal.last()).toBe(0);
    expect(await journal.append(text("one"))).toBe(1);
    expect(await journal.append([text("two"), text(""), text("four")])).toBe(4);
    expect(await journal.append([])).toBe(4);
    const expected = [
      [1, "one"],
      [2, "two"],
      [3, ""],
      [4, "four"],
    ];
    expect(await all(journal)).toEqual(expected);
    await journal.close();
    journal = await open(disk);
    expect(journal.torn).toBeUndefined();
    expect(await all(journal)).toEqual(expected);
    expect(await journal.append(text("five"))).toBe(5);
    journal = await open(disk);
    expect(await all(journal)).toEqual([...expected, [5, "five"]]);
    expect(journal.last()).toBe(5);
  });

  it("gives appends that wait one sync and their own numbers", async () => {
    const disk = make();
    const journal = await open(disk);
    const seqs = await Promise.all(Array.from({ length: 200 }, (_, i) => journal.append(text(`r${i}`))));
    expect(seqs).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect((await all(journal)).map(([, r]) => r)).toEqual(Array.from({ length: 200 }, (_, i) => `r${i}`));
    // 200 frames would be 200 heads and tags.
    expect(journal.size()).toBeLessThan(200 * 30);
  });

  it("compacts: the kept instead of what they stand for, the later as they are, and appends going on meanwhile", async () => {
    const disk = make();
    const journal = await open(disk);
    for (const name of ["a", "b", "c", "d"]) await journal.append(text(name));
    const meanwhile = [journal.compact([text("a+b"), text("more")], 2), journal.append(text("e")), journal.append(text("f"))];
    await Promise.all(meanwhile);
    const expected = [
      [2, "a+b"],
      [2, "more"],
      [3, "c"],
      [4, "d"],
      [5, "e"],
      [6, "f"],
    ];
    expect(await all(journal)).toEqual(expected);
    expect(await all(await open(disk))).toEqual(expected);
    const again = await open(disk);
    await again.compact([]);
    expect(await all(again)).toEqual([]);
    expect(await again.append(text("g"))).toBe(7);
    await again.close();
    const last = await open(disk);
    expect(await all(last)).toEqual([[7, "g"]]);
    expect(await disk.list("journal")).toEqual(["journal"]);
    await expect(last.compact([], 8)).rejects.toThrow("INTERNAL");
  });

  it("replays what was there at the call, also while it is compacted", async () => {
    const journal = await open(make());
    for (let i = 0; i < 50; i++) await journal.append(text(`${i}`));
    const seen: string[] = [];
    await journal.replay(async (record) => {
      if (seen.length === 3) await journal.compact([text("all")]);
      if (seen.length === 4) await journal.append(text("new"));
      seen.push(words(record));
    });
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    expect(await all(journal)).toEqual([
      [50, "all"],
      [51, "new"],
    ]);
  });

  it("writes nothing in clear and refuses another key", async () => {
    const disk = make();
    const journal = await open(disk);
    await journal.append(text("a very secret share of a key"));
    const stored = Buffer.from((await disk.read("journal/journal")) as Uint8Array);
    expect(stored.includes("secret")).toBe(false);
    expect(await codeOf(open(disk, "b"))).toBe("STORE_KEY_REFUSED");
    expect(await all(await open(disk))).toHaveLength(1);
  });

  it("holds its limits and goes on", async () => {
    const journal = await open(make(), "a", { record: 100, file: 600, waiting: 250 });
    expect(await codeOf(journal.append(bytesOf(97)))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(journal.append([bytesOf(50), bytesOf(50)]))).toBe("LIMIT_EXCEEDED");
    const three = await Promise.all([1, 2, 3].map(() => codeOf(journal.append(bytesOf(96)))));
    expect(three.filter((c) => c === "LIMIT_EXCEEDED")).toHaveLength(1);
    await journal.append(bytesOf(90));
    expect(await codeOf(journal.append(bytesOf(90)))).toBe("LIMIT_EXCEEDED");
    await journal.compact([]);
    await journal.append(bytesOf(90));
    await journal.close();
    expect(await codeOf(journal.append(bytesOf(1)))).toBe("STORE_CLOSED");
    await journal.close();
  });

  it("refuses bytes that were changed anywhere before the end, and tells where", async () => {
    const disk = make();
    const journal = await open(disk);
    const ends: number[] = [];
    for (let i = 0; i < 5; i++) {
      await journal.append(bytesOf(40, i));
      ends.push(journal.size());
    }
    await journal.close();
    const whole = (await disk.read("journal/journal")) as Uint8Array;
    for (let at = ends[0]; at < ends[3]; at += 7) {
      await rewrite(
        disk,
        whole.map((byte, i) => (i === at ? byte ^ 4 : byte)),
      );
      const error = await open(disk).catch((cause) => cause);
      expect(error.code, `byte ${at}`).toBe("JOURNAL_DAMAGED");
      const start = [...ends].reverse().find((end) => end <= at);
      expect(error.message).toContain(`at byte ${start}`);
    }
    await rewrite(disk, whole);
    expect((await all(await open(disk))).length).toBe(5);
  });

  it("finds frames that were left out, swapped, doubled or taken from another journal", async () => {
    const disk = make();
    const journal = await open(disk);
    const cuts = [journal.size()];
    for (let i = 0; i < 4; i++) {
      await journal.append(bytesOf(40, i));
      cuts.push(journal.size());
    }
    const whole = (await disk.read("journal/journal")) as Uint8Array;
    const frame = (i: number): Uint8Array => whole.subarray(cuts[i], cuts[i + 1]);
    const start = whole.subarray(0, cuts[0]);
    const tampered: Record<string, Uint8Array[]> = {
      "left out": [start, frame(0), frame(2), frame(3)],
      swapped: [start, frame(1), frame(0), frame(2), frame(3)],
      doubled: [start, frame(0), frame(0), frame(1)],
      "the end repeated": [start, frame(0), frame(1), frame(1)],
    };
    for (const [name, parts] of Object.entries(tampered)) {
      await rewrite(disk, Buffer.concat(parts));
      expect(await codeOf(open(disk)), name).toBe("JOURNAL_DAMAGED");
    }
    const other = make();
    const second = await open(other);
    const from = second.size();
    for (let i = 0; i < 4; i++) await second.append(bytesOf(40, i));
    const foreign = ((await other.read("journal/journal")) as Uint8Array).subarray(from);
    await rewrite(disk, Buffer.concat([start, foreign]));
    expect(await codeOf(open(disk))).toBe("JOURNAL_DAMAGED");
  });

  it("cuts every torn end, reports it and keeps all before", async () => {
    const disk = make();
    const journal = await open(disk);
    await journal.append(text("one"));
    const before = journal.size();
    await journal.append(bytesOf(30));
    const whole = (await disk.read("journal/journal")) as Uint8Array;
    for (let size = before + 1; size < whole.length; size += 5) {
      await rewrite(disk, whole.subarray(0, size));
      const cut = await open(disk);
      expect(cut.torn).toEqual({ offset: before, bytes: size - before });
      expect(await all(cut)).toEqual([[1, "one"]]);
      expect(await cut.append(text("next"))).toBe(2);
      expect((await open(disk)).torn).toBeUndefined();
    }
  });

  it("refuses what is no journal", async () => {
    for (const bytes of [new Uint8Array(0), bytesOf(5), bytesOf(500)]) {
      const disk = make();
      await disk.makeFolder("journal");
      await rewrite(disk, bytes);
      expect(await codeOf(open(disk))).toBe("JOURNAL_DAMAGED");
    }
  });
});

describe("CRC-32C", () => {
  it("is the one of RFC 3720", () => {
    expect(crc32c(text("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  });
});

async function rewrite(disk: Disk, bytes: Uint8Array): Promise<void> {
  await disk.remove("journal/journal");
  const file = await disk.open("journal/journal", "new");
  await file.write(bytes);
  await file.sync();
  await file.close();
}
