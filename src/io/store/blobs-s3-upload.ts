/**
 * Uploads in pieces to a bucket: pieces are gathered to parts of a multipart upload, hashed on the way, and the object gets its name only when
 * the digest fits. What a process holds of an unfinished upload dies with it.
 */
import { createHash, type Hash } from "node:crypto";
import { type BlobStat, type BlobWriter, checkedDigest } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import { mismatch } from "./blobs.js";
import type { S3BlobLimits } from "./blobs-s3.js";
import type { Bucket, Multipart } from "./blobs-s3-bucket.js";
import { turnsByName } from "./turns.js";

/** Pieces of any size on their way to one object. */
export interface Gathering {
  /** Copies what it keeps. */
  readonly push: (chunk: Uint8Array) => Promise<void>;
  /** Small content goes to `key` at once: false. A large one is completed under the gathering's own name: true. */
  readonly end: (key: string) => Promise<boolean>;
  readonly abort: () => Promise<void>;
}

export function gathering(bucket: Bucket, name: string, partBytes: number): Gathering {
  let upload: Multipart | undefined;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const take = (): Uint8Array => {
    const bytes = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return bytes;
  };
  return {
    async push(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const piece = chunk.slice(at, at + partBytes - heldBytes);
        held.push(piece);
        heldBytes += piece.length;
        at += piece.length;
        if (heldBytes < partBytes) continue;
        upload ??= await bucket.multipart(name);
        await upload.part(take());
      }
    },
    async end(key) {
      if (upload === undefined) {
        await bucket.put(key, take());
        return false;
      }
      if (heldBytes > 0) await upload.part(take());
      await upload.complete();
      upload = undefined;
      return true;
    },
    async abort() {
      held = [];
      heldBytes = 0;
      const begun = upload;
      upload = undefined;
      await begun?.abort();
    },
  };
}

interface Active {
  readonly size: number;
  readonly sink: Gathering;
  readonly hash: Hash;
  received: number;
}

interface Parts {
  readonly bucket: Bucket;
  readonly limits: S3BlobLimits;
  readonly keyOf: (sha256: string) => string;
  readonly touch: (sha256: string) => Promise<BlobStat | undefined>;
  readonly stat: (sha256: string) => Promise<BlobStat | undefined>;
  readonly arrived: (stat: BlobStat) => BlobStat;
}

export function s3Uploads({ bucket, limits, keyOf, touch, stat, arrived }: Parts): {
  readonly writer: (sha256: string, size: number) => Promise<BlobWriter>;
  readonly received: (sha256: string) => Promise<number>;
} {
  /** The one that was used least recently first. */
  const active = new Map<string, Active>();
  /** Finished by one of several writers: the others need no more. */
  const inTurn = turnsByName();

  async function drop(sha256: string): Promise<void> {
    const one = active.get(sha256);
    active.delete(sha256);
    await one?.sink.abort();
  }

  /** Runs with the upload, begun where there is none. An error of the service throws it away: what arrived there is unknown. */
  function using<T>(sha256: string, size: number, work: (one: Active) => Promise<T>): Promise<T> {
    return inTurn(sha256, async () => {
      let one = active.get(sha256);
      if (one?.size !== size) {
        await drop(sha256);
        // With the digest known, parts go straight to the blob's own name: it appears only when they are completed.
        one = { size, sink: gathering(bucket, keyOf(sha256), limits.part), hash: createHash("sha256"), received: 0 };
      }
      active.delete(sha256);
      active.set(sha256, one);
      try {
        return await work(one);
      } catch (cause) {
        if ((cause as { code?: string }).code === "FILE_UNWRITABLE") await drop(sha256).catch(() => undefined);
        throw cause;
      }
    });
  }

  async function makeRoom(mine: string): Promise<void> {
    for (const other of [...active.keys()]) {
      if (active.size < limits.open) return;
      if (other !== mine) await inTurn(other, () => drop(other));
    }
  }

  const elsewhere = (sha256: string) => inTurn(sha256, async () => (active.has(sha256) ? undefined : touch(sha256)));

  async function add(sha256: string, one: Active, chunk: Uint8Array, offset: number): Promise<number> {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > one.received) {
      fail("MESSAGE_INVALID", {
        where: sha256,
        expected: `a piece that begins at or before byte ${one.received}`,
        got: String(offset),
        remedy: `go on from byte ${one.received}`,
      });
    }
    if (offset + chunk.length > one.size) {
      fail("LIMIT_EXCEEDED", { where: sha256, expected: `${one.size} bytes as announced`, got: `${offset + chunk.length}` });
    }
    if (offset + chunk.length > one.received) {
      const fresh = chunk.subarray(one.received - offset);
      one.hash.update(fresh);
      await one.sink.push(fresh);
      one.received = offset + chunk.length;
    }
    return one.received;
  }

  async function complete(sha256: string, one: Active): Promise<BlobStat> {
    if (one.received !== one.size) {
      fail("MESSAGE_INVALID", {
        where: sha256,
        expected: `${one.size} bytes`,
        got: `${one.received}`,
        remedy: `send the rest from byte ${one.received}`,
      });
    }
    const found = one.hash.copy().digest("hex");
    if (found !== sha256) {
      await drop(sha256);
      mismatch(sha256, found);
    }
    await one.sink.end(keyOf(sha256));
    active.delete(sha256);
    return arrived({ sha256, size: one.size });
  }

  return {
    received: async (sha256) => active.get(checkedDigest(sha256))?.received ?? (await stat(sha256))?.size ?? 0,
    writer: async (sha256, size) => {
      checkedDigest(sha256);
      if (!Number.isSafeInteger(size) || size < 0 || size > limits.size) {
        fail("LIMIT_EXCEEDED", { where: sha256, expected: `a size of at most ${limits.size} bytes`, got: String(size) });
      }
      let done = await elsewhere(sha256);
      await makeRoom(sha256);
      let received = done === undefined ? await using(sha256, size, async (one) => one.received) : size;
      return {
        sha256,
        size,
        received: () => received,
        async write(chunk, offset) {
          done ??= await elsewhere(sha256);
          if (done !== undefined) return size;
          received = await using(sha256, size, (one) => add(sha256, one, chunk, offset));
          return received;
        },
        async finish() {
          // Told again, it looks again: the blob may have been deleted meanwhile.
          done = (await elsewhere(sha256)) ?? (await using(sha256, size, (one) => complete(sha256, one)));
          return done;
        },
        abort: () => inTurn(sha256, () => drop(sha256)),
      };
    },
  };
}
