/** Blobs in memory: for tests and for simulations that have no disk. Nothing is durable, everything else is as in files. */
import { createHash } from "node:crypto";
import { type BlobStore, checkedDigest } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import { mismatch, missing } from "./blobs.js";

/** A store that dies with its process. `limit` is the largest blob. */
export function memoryBlobs(limit = 1 << 30): BlobStore {
  const blobs = new Map<string, Uint8Array>();
  const partial = new Map<string, { size: number; bytes: Uint8Array; received: number }>();
  let arrivals = new Set<string>();
  const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const keep = (sha256: string, bytes: Uint8Array) => {
    blobs.set(sha256, bytes);
    arrivals.add(sha256);
    return { sha256, size: bytes.length };
  };
  const tooLarge = (where: string, most: number): never =>
    fail("LIMIT_EXCEEDED", { where, expected: `at most ${most} bytes`, got: "more", remedy: "send less" });

  return {
    put: async (content, { sha256, limit: most = limit } = {}) => {
      if (sha256 !== undefined) checkedDigest(sha256);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        size += chunk.length;
        if (size > most) tooLarge("blob", most);
        chunks.push(chunk.slice());
      }
      const bytes = new Uint8Array(Buffer.concat(chunks));
      const found = digest(bytes);
      if (sha256 !== undefined && found !== sha256) mismatch(sha256, found);
      return keep(found, bytes);
    },
    received: async (sha256) => blobs.get(checkedDigest(sha256))?.length ?? partial.get(sha256)?.received ?? 0,
    writer: async (sha256, size) => {
      checkedDigest(sha256);
      if (!Number.isSafeInteger(size) || size < 0 || size > limit) tooLarge(sha256, limit);
      const begin = () => {
        let one = partial.get(sha256);
        if (one?.size !== size) {
          one = { size, bytes: new Uint8Array(size), received: 0 };
          partial.set(sha256, one);
        }
        return one;
      };
      if (!blobs.has(sha256)) begin();
      return {
        sha256,
        size,
        received: () => (blobs.has(sha256) ? size : (partial.get(sha256)?.received ?? 0)),
        write: async (chunk, offset) => {
          if (blobs.has(sha256)) return size;
          const one = begin();
          if (!Number.isSafeInteger(offset) || offset < 0 || offset > one.received) {
            fail("MESSAGE_INVALID", {
              where: sha256,
              expected: `a piece that begins at or before byte ${one.received}`,
              got: String(offset),
              remedy: `go on from byte ${one.received}`,
            });
          }
          if (offset + chunk.length > size) tooLarge(sha256, size);
          one.bytes.set(chunk, offset);
          one.received = Math.max(one.received, offset + chunk.length);
          return one.received;
        },
        finish: async () => {
          const there = blobs.get(sha256);
          if (there !== undefined) return { sha256, size: there.length };
          const one = begin();
          if (one.received !== size) {
            fail("MESSAGE_INVALID", {
              where: sha256,
              expected: `${size} bytes`,
              got: `${one.received}`,
              remedy: `go on from byte ${one.received}`,
            });
          }
          partial.delete(sha256);
          const found = digest(one.bytes);
          if (found !== sha256) mismatch(sha256, found);
          return keep(sha256, one.bytes);
        },
        abort: async () => {
          partial.delete(sha256);
        },
      };
    },
    get: async (sha256, most = limit) => {
      const bytes = blobs.get(checkedDigest(sha256));
      if (bytes !== undefined && bytes.length > most) tooLarge(sha256, most);
      return bytes?.slice();
    },
    read: async (sha256, offset, length) => (blobs.get(checkedDigest(sha256)) ?? missing(sha256)).slice(offset, offset + length),
    has: async (sha256) => blobs.has(checkedDigest(sha256)),
    stat: async (sha256) => {
      const bytes = blobs.get(checkedDigest(sha256));
      return bytes === undefined ? undefined : { sha256, size: bytes.length };
    },
    delete: async (sha256) => {
      blobs.delete(checkedDigest(sha256));
    },
    list: async () => [...blobs.keys()].sort(),
    gc: async (wanted) => {
      let removed = 0;
      let bytes = 0;
      for (const [sha256, content] of blobs) {
        if (wanted.has(sha256) || arrivals.has(sha256)) continue;
        blobs.delete(sha256);
        removed++;
        bytes += content.length;
      }
      arrivals = new Set();
      return { removed, bytes };
    },
  };
}
