/**
 * Blobs in files, `sha256/ab/abcd...`: a temporary file, sync, rename, sync of the folder. A name exists only for content that was hashed
 * whole, so a crash leaves a blob or nothing. Sealed stores (the plant's) encrypt the content; names, which are digests of it, stay readable.
 *
 * One process per store: take the lock of the data folder first.
 */
import { createHash } from "node:crypto";
import { type BlobStat, type BlobStore, checkedDigest, isDigest } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import type { Disk, SecretRandom } from "../../core/ports.js";
import { durableFolder } from "../disk/durable.js";
import { uploads } from "./blobs-upload.js";
import type { StoreKey } from "./key.js";
import { plainForm, sealedForm } from "./sealed.js";
import { turnsByName } from "./turns.js";

export interface BlobLimits {
  /** Largest blob. */
  readonly size: number;
  /** Unfinished uploads whose file is open; the one that waited longest is put aside for a new one. */
  readonly open: number;
  /** Bytes of all unfinished uploads; the one that waited longest is thrown away for a new one. */
  readonly unfinished: number;
  /** Digests that arrived since the last collection and are remembered one by one. */
  readonly arrivals: number;
}

const GiB = 1024 * 1024 * 1024;
export const blobLimits: BlobLimits = { size: 4 * GiB, open: 512, unfinished: 64 * GiB, arrivals: 200_000 };

export interface FileBlobsOptions {
  /** The folder of the store; "blobs" unless told. */
  readonly folder?: string;
  /** Encrypts what is stored from now on. A store is sealed from its beginning or not at all. */
  readonly sealed?: { readonly key: StoreKey; readonly random: SecretRandom };
  readonly limits?: Partial<BlobLimits>;
}

/** Opens a store, or makes it; what unfinished writes left is removed (plain uploads stay, to be continued). */
export async function fileBlobs(disk: Disk, options: FileBlobsOptions = {}): Promise<BlobStore> {
  const folder = options.folder ?? "blobs";
  const limits = { ...blobLimits, ...options.limits };
  const form = options.sealed === undefined ? plainForm : sealedForm(options.sealed.key, options.sealed.random);
  for (const part of ["sha256", "tmp", "partial"]) await durableFolder(disk, `${folder}/${part}`);
  for (const name of await disk.list(`${folder}/tmp`)) await disk.remove(`${folder}/tmp/${name}`);

  // A process that was killed may have left names that no sync covered; from here on, what can be seen is durable.
  for (const prefix of await disk.list(`${folder}/sha256`)) await disk.syncFolder(`${folder}/sha256/${prefix}`);

  const ready = new Map<string, Promise<void>>();
  const arrivals = new Set<string>();
  let arrivalsForgotten = false;
  const inTurn = turnsByName();
  let temporary = 0;

  const shelf = (sha256: string): string => `${folder}/sha256/${sha256.slice(0, 2)}`;
  const pathOf = (sha256: string): string => `${shelf(sha256)}/${checkedDigest(sha256)}`;

  /** Makes the folder of a digest durable once per process. */
  function shelfReady(sha256: string): Promise<void> {
    const path = shelf(sha256);
    let made = ready.get(path);
    if (made === undefined) {
      made = durableFolder(disk, path);
      ready.set(path, made);
      made.catch(() => ready.delete(path));
    }
    return made;
  }

  function arrived(sha256: string): void {
    if (arrivals.size < limits.arrivals) arrivals.add(sha256);
    else arrivalsForgotten = true;
  }

  async function stat(sha256: string): Promise<BlobStat | undefined> {
    const fileSize = await disk.size(pathOf(sha256));
    const size = fileSize === undefined ? undefined : form.contentSize(fileSize);
    return size === undefined ? undefined : { sha256, size };
  }

  /** Gives a file that is whole, hashed and synced its name. Where the blob is there, its name is made durable and the file goes. */
  function settle(from: string, { sha256, size }: BlobStat): Promise<BlobStat> {
    return inTurn(sha256, async () => {
      arrived(sha256);
      await shelfReady(sha256);
      const there = await stat(sha256);
      if (there?.size === size) {
        await disk.remove(from);
        await disk.syncFolder(shelf(sha256));
        return there;
      }
      await disk.rename(from, pathOf(sha256));
      await disk.syncFolder(shelf(sha256)).catch(async (cause) => {
        // Nobody may find a name that the next power cut takes away.
        await disk.remove(pathOf(sha256)).catch(() => undefined);
        throw cause;
      });
      return { sha256, size };
    });
  }

  const pending = await uploads({
    disk,
    folder: `${folder}/partial`,
    form,
    limits,
    stat: (sha256) => settledStat(sha256),
    settle,
    touch,
  });

  /** "It is there already" is an acknowledgement too: the name must be durable, and no collection may take it now. */
  function touch(sha256: string): Promise<BlobStat | undefined> {
    return inTurn(sha256, async () => {
      const there = await stat(sha256);
      if (there === undefined) return undefined;
      arrived(sha256);
      await disk.syncFolder(shelf(sha256));
      return there;
    });
  }

  async function part(sha256: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    const path = pathOf(sha256);
    if ((await disk.size(path)) === undefined) return undefined;
    const file = await disk.open(path, "read");
    try {
      return await form.read(file, path, offset, length);
    } finally {
      await file.close();
    }
  }

  /** In turn: a blob that is just getting its name is not there before that name is durable. */
  const settledStat = (sha256: string): Promise<BlobStat | undefined> => inTurn(sha256, () => stat(sha256));
  /** What was deleted needs no protection from a collection: a store that takes and deletes for years remembers nothing of it. */
  const remove = (sha256: string): Promise<void> =>
    inTurn(sha256, async () => {
      await disk.remove(pathOf(sha256));
      arrivals.delete(sha256);
    });

  async function list(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const prefix of await disk.list(`${folder}/sha256`)) {
      for (const name of await disk.list(`${folder}/sha256/${prefix}`)) if (isDigest(name) && name.startsWith(prefix)) found.push(name);
    }
    return found;
  }

  return {
    put: async (content, { sha256, limit = limits.size } = {}) => {
      if (sha256 !== undefined) checkedDigest(sha256);
      const path = `${folder}/tmp/${temporary++}`;
      const file = await disk.open(path, "new");
      try {
        const hash = createHash("sha256");
        const writer = form.writer();
        let size = 0;
        try {
          for await (const chunk of content instanceof Uint8Array ? [content] : content) {
            size += chunk.length;
            if (size > limit) fail("LIMIT_EXCEEDED", { where: "blob", expected: `at most ${limit} bytes`, got: "more" });
            hash.update(chunk);
            for (const bytes of writer.push(chunk)) await file.write(bytes);
          }
          for (const bytes of writer.end()) await file.write(bytes);
          const found = hash.digest("hex");
          if (sha256 !== undefined && found !== sha256) mismatch(sha256, found);
          await file.sync();
          await file.close();
          return await settle(path, { sha256: found, size });
        } catch (cause) {
          await file.close().catch(() => undefined);
          throw cause;
        }
      } catch (cause) {
        // The error that led here is the one to report.
        await disk.remove(path).catch(() => undefined);
        throw cause;
      }
    },
    writer: pending.writer,
    received: pending.received,
    get: async (sha256, limit = limits.size) => {
      const found = await settledStat(sha256);
      if (found === undefined) return undefined;
      if (found.size > limit) fail("LIMIT_EXCEEDED", { where: sha256, expected: `at most ${limit} bytes`, got: `${found.size}` });
      const bytes = await part(sha256, 0, found.size);
      if (bytes !== undefined && createHash("sha256").update(bytes).digest("hex") !== sha256) {
        fail("STORE_DAMAGED", {
          where: pathOf(sha256),
          expected: "content with the digest that is its name",
          got: "other content",
          remedy: "delete the blob and fetch it again, or restore a backup",
        });
      }
      return bytes;
    },
    read: async (sha256, offset, length) => (await part(sha256, offset, length)) ?? missing(sha256),
    has: async (sha256) => (await settledStat(sha256)) !== undefined,
    stat: settledStat,
    delete: remove,
    list,
    gc: async (keep) => {
      // Without the whole list of arrivals nothing can be told from what somebody is about to refer to: the next collection can.
      const recent = new Set(arrivals);
      const forgotten = arrivalsForgotten;
      arrivalsForgotten = false;
      let removed = 0;
      let bytes = 0;
      for (const sha256 of forgotten ? [] : await list()) {
        if (keep.has(sha256) || recent.has(sha256)) continue;
        await inTurn(sha256, async () => {
          if (arrivals.has(sha256) || arrivalsForgotten) return;
          bytes += (await disk.size(pathOf(sha256))) ?? 0;
          await disk.remove(pathOf(sha256));
          removed++;
        });
      }
      for (const sha256 of recent) arrivals.delete(sha256);
      return { removed, bytes };
    },
  };
}

export function mismatch(expected: string, got: string): never {
  fail("BLOB_MISMATCH", { where: expected, expected: "content with this SHA-256", got, remedy: "send it again from the start" });
}

export function missing(sha256: string): never {
  fail("BLOB_MISSING", { where: sha256, expected: "a blob that is stored", got: "none", remedy: "send it first" });
}
