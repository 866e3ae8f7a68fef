/**
 * Blobs in an S3-compatible bucket, `sha256/ab/abcd...`: shared by every process of an engine. A name is given only to content that was
 * hashed whole here, so a process that dies leaves a blob or nothing (and perhaps an unfinished multipart upload: let a lifecycle rule of
 * the bucket end those). Every put is carried out, also of what is there: it moves the time by which a collection knows what is young.
 *
 * Not promised: an upload that began at one process is not continued by another; it begins anew there. One process at a time may collect.
 */
import { createHash } from "node:crypto";
import { type BlobStat, type BlobStore, checkedDigest, isDigest } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import type { SecretRandom } from "../../core/ports.js";
import { mismatch, missing } from "./blobs.js";
import { openBucket, type S3Options } from "./blobs-s3-bucket.js";
import { gathering, s3Uploads } from "./blobs-s3-upload.js";

export interface S3BlobsOptions extends S3Options {
  readonly random: SecretRandom;
  readonly limits?: Partial<S3BlobLimits>;
}

export interface S3BlobLimits {
  /** Largest blob. */
  readonly size: number;
  /** Unfinished uploads; the one that waited longest is thrown away for a new one. */
  readonly open: number;
  /** Bytes of a part: each unfinished upload holds up to this much in memory. Amazon takes none below 5 MiB. */
  readonly part: number;
  /** Digests a collection remembers from the one before. */
  readonly listed: number;
}

const MiB = 1024 * 1024;
export const s3BlobLimits: S3BlobLimits = { size: 4096 * MiB, open: 32, part: 8 * MiB, listed: 1_000_000 };

/** Opens the store. Errors: PACKAGE_MISSING; later FILE_UNREADABLE and FILE_UNWRITABLE with what the service said. */
export async function s3Blobs(options: S3BlobsOptions): Promise<BlobStore & { readonly close: () => void }> {
  const limits = { ...s3BlobLimits, ...options.limits };
  const bucket = await openBucket(options);
  const keyOf = (sha256: string): string => `sha256/${checkedDigest(sha256).slice(0, 2)}/${sha256}`;
  const arrivals = new Set<string>();
  let arrivalsForgotten = false;
  /** What the last collection saw, and when each had been written. */
  let seen: ReadonlyMap<string, number> = new Map();

  function arrived(stat: BlobStat): BlobStat {
    if (arrivals.size < limits.listed) arrivals.add(stat.sha256);
    else arrivalsForgotten = true;
    return stat;
  }

  async function stat(sha256: string): Promise<BlobStat | undefined> {
    const size = await bucket.size(keyOf(sha256));
    return size === undefined ? undefined : { sha256, size };
  }

  /** The blob where it is there, made young again. */
  async function touch(sha256: string): Promise<BlobStat | undefined> {
    const there = await stat(sha256);
    if (there === undefined) return undefined;
    await bucket.copy(keyOf(sha256), keyOf(sha256));
    return arrived(there);
  }

  const pending = s3Uploads({ bucket, limits, keyOf, touch, stat, arrived });

  /** A stream whose digest is known only at its end: gathered under a name of its own, then copied to its digest. */
  async function putStream(content: AsyncIterable<Uint8Array>, wanted: string | undefined, limit: number): Promise<BlobStat> {
    const name = `tmp/${Buffer.from(options.random.bytes(16)).toString("hex")}`;
    const hash = createHash("sha256");
    const sink = gathering(bucket, name, limits.part);
    let size = 0;
    try {
      for await (const chunk of content) {
        size += chunk.length;
        if (size > limit) tooLarge("blob", limit);
        hash.update(chunk);
        await sink.push(chunk);
      }
      const sha256 = hash.digest("hex");
      if (wanted !== undefined && wanted !== sha256) mismatch(wanted, sha256);
      if (await sink.end(keyOf(sha256))) {
        await bucket.copy(name, keyOf(sha256));
        await bucket.remove(name);
      }
      return arrived({ sha256, size });
    } catch (error) {
      await sink.abort().catch(() => undefined);
      throw error;
    }
  }

  const listed = async (): Promise<Map<string, { readonly modified: number; readonly size: number }>> => {
    const found = new Map<string, { modified: number; size: number }>();
    for await (const { key, modified, size } of bucket.list("sha256/")) {
      const name = key.slice(key.lastIndexOf("/") + 1);
      if (isDigest(name) && key === keyOf(name)) found.set(name, { modified, size });
    }
    return found;
  };

  return {
    put: async (content, { sha256, limit = limits.size } = {}) => {
      if (sha256 !== undefined) checkedDigest(sha256);
      if (!(content instanceof Uint8Array)) return putStream(content, sha256, limit);
      if (content.length > limit) tooLarge("blob", limit);
      const found = createHash("sha256").update(content).digest("hex");
      if (sha256 !== undefined && sha256 !== found) mismatch(sha256, found);
      await bucket.put(keyOf(found), content);
      return arrived({ sha256: found, size: content.length });
    },
    writer: pending.writer,
    received: pending.received,
    get: async (sha256, limit = limits.size) => {
      const key = keyOf(sha256);
      const size = await bucket.size(key);
      if (size === undefined) return undefined;
      if (size > limit) tooLarge(sha256, limit);
      const bytes = await bucket.get(key);
      if (bytes !== undefined && createHash("sha256").update(bytes).digest("hex") !== sha256) {
        fail("STORE_DAMAGED", {
          where: `s3:${options.bucket}/${key}`,
          expected: "content with the digest that is its name",
          got: "other content",
          remedy: "delete the object and send the blob again, or restore a backup",
        });
      }
      return bytes;
    },
    read: async (sha256, offset, length) => {
      // Services differ in what they answer to a range behind the end, so none is asked for.
      const key = keyOf(sha256);
      const size = (await bucket.size(key)) ?? missing(sha256);
      const most = Math.min(length, size - offset);
      return most <= 0 ? new Uint8Array(0) : ((await bucket.get(key, { offset, length: most })) ?? missing(sha256));
    },
    has: async (sha256) => (await stat(sha256)) !== undefined,
    stat,
    delete: async (sha256) => bucket.remove(keyOf(sha256)),
    list: async () => [...(await listed()).keys()].sort(),
    gc: async (keep) => {
      const recent = new Set(arrivals);
      const forgotten = arrivalsForgotten;
      arrivalsForgotten = false;
      const now = await listed();
      let removed = 0;
      let bytes = 0;
      for (const [sha256, { modified, size }] of now) {
        // Young is what came here since, or was written anywhere since the last collection saw it.
        if (forgotten || keep.has(sha256) || arrivals.has(sha256) || seen.get(sha256) !== modified) continue;
        await bucket.remove(keyOf(sha256));
        removed++;
        bytes += size;
      }
      seen = new Map([...now].slice(0, limits.listed).map(([sha256, { modified }]) => [sha256, modified]));
      for (const sha256 of recent) arrivals.delete(sha256);
      return { removed, bytes };
    },
    close: bucket.close,
  };
}

function tooLarge(where: string, most: number): never {
  fail("LIMIT_EXCEEDED", { where, expected: `at most ${most} bytes`, got: "more" });
}
