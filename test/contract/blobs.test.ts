/** What every store of blobs does: in files, sealed or not, on a real and a simulated disk, in memory, and in an S3-compatible bucket. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { BlobStore } from "../../src/core/blobs.js";
import { fileBlobs } from "../../src/io/store/blobs.js";
import { memoryBlobs } from "../../src/io/store/blobs-memory.js";
import { s3Blobs } from "../../src/io/store/blobs-s3.js";
import { bytesOf, codeOf, disks, secret, testKey } from "../io/store/parts.js";
import { hasS3, needsS3, startS3 } from "./s3-server.js";

const sealed = { key: testKey(), random: secret("blobs") };
const size = 300_000;
const s3 = hasS3 ? await startS3() : undefined;
let prefixes = 0;
afterAll(() => s3?.stop());
const stores: readonly (readonly [string, () => Promise<BlobStore>])[] = [
  ...disks.map(([name, make]) => [`files on ${name}`, () => fileBlobs(make(), { limits: { size } })] as const),
  ...disks.map(([name, make]) => [`sealed files on ${name}`, () => fileBlobs(make(), { sealed, limits: { size } })] as const),
  ["memory", async () => memoryBlobs(size)],
  ...(s3 === undefined
    ? []
    : [
        [
          "a bucket",
          () => s3Blobs({ ...s3.options, prefix: `${prefixes++}/`, random: secret("s3"), limits: { size, part: 65_536, open: 4 } }),
        ] as const,
      ]),
];
const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const nobody = "0".repeat(64);

describe.each(stores)("blobs in %s", (_name, make) => {
  it("gives back what was put, whole and in parts, at sizes around a sealed piece", async () => {
    const blobs = await make();
    for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 200_001]) {
      const bytes = bytesOf(length);
      const stat = await blobs.put(bytes);
      expect(stat).toEqual({ sha256: digest(bytes), size: length });
      expect(await blobs.stat(stat.sha256)).toEqual(stat);
      expect(Buffer.from((await blobs.get(stat.sha256)) as Uint8Array).equals(bytes)).toBe(true);
      for (const [offset, count] of [
        [0, 10],
        [65_530, 20],
        [length - 5, 100],
        [length, 1],
        [0, length],
      ]) {
        const from = Math.max(0, offset);
        expect(Buffer.from(await blobs.read(stat.sha256, from, count)).equals(bytes.subarray(from, from + count))).toBe(true);
      }
    }
    expect(await blobs.list()).toHaveLength(7);
    expect(await blobs.list()).toEqual([...(await blobs.list())].sort());
  });

  it("takes streams, and the same content twice", async () => {
    const blobs = await make();
    const bytes = bytesOf(100_000);
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += 7777) yield bytes.subarray(at, at + 7777);
    }
    const stat = await blobs.put(pieces(), { sha256: digest(bytes) });
    expect(await blobs.put(bytes)).toEqual(stat);
    expect(await Promise.all([blobs.put(bytes), blobs.put(pieces()), blobs.put(bytes)])).toEqual([stat, stat, stat]);
    expect(await blobs.list()).toEqual([stat.sha256]);
  });

  it("keeps nothing of what is too large, does not fit its digest, or stops in the middle", async () => {
    const blobs = await make();
    expect(await codeOf(blobs.put(bytesOf(50), { limit: 49 }))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(blobs.put(bytesOf(size + 1)))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(blobs.put(bytesOf(50), { sha256: nobody }))).toBe("BLOB_MISMATCH");
    async function* broken() {
      yield bytesOf(10);
      throw new Error("the sender went away");
    }
    await expect(blobs.put(broken())).rejects.toThrow("went away");
    expect(await blobs.list()).toEqual([]);
    expect(await blobs.has(nobody)).toBe(false);
  });

  it("knows what is missing, and refuses what is no digest", async () => {
    const blobs = await make();
    expect(await blobs.get(nobody)).toBeUndefined();
    expect(await blobs.stat(nobody)).toBeUndefined();
    expect(await blobs.received(nobody)).toBe(0);
    expect(await codeOf(blobs.read(nobody, 0, 1))).toBe("BLOB_MISSING");
    await blobs.delete(nobody);
    for (const bad of [
      "",
      "..",
      "../../etc/passwd",
      nobody.slice(1),
      `${nobody}0`,
      nobody.replace("0", "A"),
      "g".repeat(64),
      `${nobody}\n`,
    ]) {
      expect(await codeOf(blobs.get(bad))).toBe("MESSAGE_INVALID");
      expect(await codeOf(blobs.has(bad))).toBe("MESSAGE_INVALID");
      expect(await codeOf(blobs.read(bad, 0, 1))).toBe("MESSAGE_INVALID");
      expect(await codeOf(blobs.delete(bad))).toBe("MESSAGE_INVALID");
      expect(await codeOf(blobs.writer(bad, 1))).toBe("MESSAGE_INVALID");
      expect(await codeOf(blobs.received(bad))).toBe("MESSAGE_INVALID");
      expect(await codeOf(blobs.put(bytesOf(1), { sha256: bad }))).toBe("MESSAGE_INVALID");
    }
  });

  it("resumes an upload from where it stood, with pieces that come twice", async () => {
    const blobs = await make();
    const bytes = bytesOf(200_000, "upload");
    const sha256 = digest(bytes);
    const first = await blobs.writer(sha256, bytes.length);
    expect(await first.write(bytes.subarray(0, 70_000), 0)).toBe(70_000);
    expect(await blobs.received(sha256)).toBe(70_000);
    expect(await blobs.has(sha256)).toBe(false);
    const second = await blobs.writer(sha256, bytes.length);
    expect(second.received()).toBe(70_000);
    expect(await second.write(bytes.subarray(60_000, 100_000), 60_000)).toBe(100_000);
    expect(await second.write(bytes.subarray(0, 50_000), 0)).toBe(100_000);
    expect(await codeOf(second.write(bytes.subarray(100_001), 100_001))).toBe("MESSAGE_INVALID");
    expect(await codeOf(second.write(bytes, -1))).toBe("MESSAGE_INVALID");
    expect(await codeOf(second.write(bytes, Number.NaN))).toBe("MESSAGE_INVALID");
    expect(await codeOf(second.write(bytesOf(100_001), 100_000))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(second.finish())).toBe("MESSAGE_INVALID");
    expect(await first.write(bytes.subarray(100_000), 100_000)).toBe(200_000);
    expect(await second.finish()).toEqual({ sha256, size: 200_000 });
    expect(await second.finish()).toEqual({ sha256, size: 200_000 });
    expect(await first.write(bytes.subarray(0, 10), 0)).toBe(200_000);
    expect(await first.finish()).toEqual({ sha256, size: 200_000 });
    expect(await blobs.received(sha256)).toBe(200_000);
    const third = await blobs.writer(sha256, bytes.length);
    expect(third.received()).toBe(200_000);
    expect(await third.finish()).toEqual({ sha256, size: 200_000 });
    expect(Buffer.from((await blobs.get(sha256)) as Uint8Array).equals(bytes)).toBe(true);
  });

  it("throws away an upload that does not fit its digest, and takes the right one after it", async () => {
    const blobs = await make();
    const bytes = bytesOf(5000);
    const sha256 = digest(bytes);
    const wrong = await blobs.writer(sha256, 5000);
    await wrong.write(bytesOf(5000, "other"), 0);
    expect(await codeOf(wrong.finish())).toBe("BLOB_MISMATCH");
    expect(await blobs.has(sha256)).toBe(false);
    const right = await blobs.writer(sha256, 5000);
    expect(right.received()).toBe(0);
    await right.write(bytes, 0);
    await right.abort();
    expect(await blobs.received(sha256)).toBe(0);
    const again = await blobs.writer(sha256, 5000);
    await again.write(bytes, 0);
    await again.finish();
    expect(await codeOf(blobs.writer(nobody, size + 1))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(blobs.writer(nobody, -1))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(blobs.writer(nobody, 1.5))).toBe("LIMIT_EXCEEDED");
    expect(await (await blobs.writer(digest(new Uint8Array(0)), 0)).finish()).toMatchObject({ size: 0 });
  });

  it("takes pieces of any size from buffers that are used again", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 7 }), async (cuts) => {
        const blobs = await make();
        const bytes = bytesOf(cuts.reduce((a, b) => a + b, 0));
        const writer = await blobs.writer(digest(bytes), bytes.length);
        const buffer = new Uint8Array(40_000);
        let at = 0;
        for (const cut of cuts) {
          buffer.set(bytes.subarray(at, at + cut));
          at = await writer.write(buffer.subarray(0, cut), at);
          buffer.fill(0);
        }
        await writer.finish();
        expect(Buffer.from((await blobs.get(digest(bytes))) as Uint8Array).equals(bytes)).toBe(true);
      }),
      { numRuns: 15 },
    ));

  it("collects what nobody names, but nothing that came since the last collection", async () => {
    const blobs = await make();
    const [a, b, c] = await Promise.all([1, 2, 3].map((i) => blobs.put(bytesOf(100, i))));
    expect((await blobs.gc(new Set())).removed).toBe(0);
    await blobs.put(bytesOf(100, 3));
    const found = await blobs.gc(new Set([a.sha256]));
    expect(found.removed).toBe(1);
    expect(found.bytes).toBeGreaterThanOrEqual(100);
    expect(await blobs.has(b.sha256)).toBe(false);
    expect(await blobs.list()).toEqual([a.sha256, c.sha256].sort());
    await blobs.delete(a.sha256);
    expect(await blobs.get(a.sha256)).toBeUndefined();
  });
});

if (s3 === undefined) it.skip(`blobs in a bucket ${needsS3}`);

describe("blobs in files", () => {
  const make = disks[1][1];
  it("go on with a plain upload after a restart, and begin a sealed one anew", async () => {
    const bytes = bytesOf(100_000);
    for (const options of [{}, { sealed }]) {
      const disk = make();
      const before = await fileBlobs(disk, options);
      const upload = await before.writer(digest(bytes), bytes.length);
      for (let at = 0; at < 80_000; at += 20_000) await upload.write(bytes.subarray(at, at + 20_000), at);
      // Little pieces are gathered in memory first; nothing of them was in the file when this process ended.
      const after = await fileBlobs(disk, options);
      expect(await after.received(digest(bytes))).toBe(0);
    }
    const disk = make();
    const before = await fileBlobs(disk, { limits: { open: 1 } });
    await (await before.writer(digest(bytes), bytes.length)).write(bytes.subarray(0, 80_000), 0);
    await before.writer(nobody, 10);
    const after = await fileBlobs(disk);
    expect(await after.received(digest(bytes))).toBe(80_000);
    const upload = await after.writer(digest(bytes), bytes.length);
    await upload.write(bytes.subarray(80_000), 80_000);
    expect(await upload.finish()).toEqual({ sha256: digest(bytes), size: 100_000 });
  });

  it("hold few files open and few unfinished bytes", async () => {
    const contents = Array.from({ length: 20 }, (_, i) => bytesOf(1000, i));
    for (const options of [{}, { sealed }]) {
      const blobs = await fileBlobs(make(), { ...options, limits: { open: 3, unfinished: 5000 } });
      for (const bytes of contents) await (await blobs.writer(digest(bytes), 1000)).write(bytes.subarray(0, 500), 0);
      const left = await Promise.all(contents.map((bytes) => blobs.received(digest(bytes))));
      expect(left.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(2500);
      expect(left[19]).toBe(500);
      // Whoever was pushed aside comes back and still gets there.
      const upload = await blobs.writer(digest(contents[0]), 1000);
      await upload.write(contents[0].subarray(upload.received()), upload.received());
      await upload.finish();
    }
  });

  it("notice content that rotted, and the seal also notices parts of it", async () => {
    const disk = disks[0][1]();
    const bytes = bytesOf(1000);
    const path = `blobs/sha256/${digest(bytes).slice(0, 2)}/${digest(bytes)}`;
    for (const [options, part] of [
      [{}, "no error"],
      [{ sealed }, "STORE_DAMAGED"],
    ] as const) {
      const blobs = await fileBlobs(disk, options);
      await blobs.put(bytes);
      const stored = (await disk.read(path)) as Uint8Array;
      stored[500] ^= 1;
      await disk.remove(path);
      const file = await disk.open(path, "new");
      await file.write(stored);
      expect(await codeOf(blobs.get(digest(bytes)))).toBe("STORE_DAMAGED");
      expect(await codeOf(blobs.read(digest(bytes), 490, 20))).toBe(part);
      await disk.remove(path);
    }
  });

  it("say nothing in clear where they are sealed", async () => {
    const disk = make();
    const blobs = await fileBlobs(disk, { sealed });
    const { sha256 } = await blobs.put(new TextEncoder().encode("personal weights ".repeat(10_000)));
    const stored = (await disk.read(`blobs/sha256/${sha256.slice(0, 2)}/${sha256}`)) as Uint8Array;
    expect(Buffer.from(stored).includes("personal")).toBe(false);
    const other = await fileBlobs(disk, { sealed: { key: testKey("b"), random: secret("x") } });
    expect(await codeOf(other.get(sha256))).toBe("STORE_DAMAGED");
  });

  it("stop collecting for once when more arrived than is remembered", async () => {
    const blobs = await fileBlobs(make(), { limits: { arrivals: 2 } });
    for (let i = 0; i < 3; i++) await blobs.put(bytesOf(10, i));
    expect((await blobs.gc(new Set())).removed).toBe(0);
    expect((await blobs.gc(new Set())).removed).toBe(3);
  });
});
