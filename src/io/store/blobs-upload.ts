/**
 * Unfinished uploads of a blob store: `partial/<digest>`, appended as pieces arrive, hashed on the way. Nothing of them is synced before the
 * end, so a crash may spoil them; then the digest does not fit and the sender begins anew. At most `limits.open` files are open; of
 * others only the file remains, which is hashed again when its sender comes back.
 */
import { createHash, type Hash } from "node:crypto";
import { type BlobStat, type BlobWriter, checkedDigest, isDigest } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import type { Disk, DiskFile } from "../../core/ports.js";
import type { BlobLimits } from "./blobs.js";
import type { ContentForm, ContentWriter } from "./sealed.js";
import { turnsByName } from "./turns.js";

/** Small pieces (a TLS record is 16 kB) are gathered to this much before they are written. */
const gather = 1 << 18;

interface Active {
  readonly size: number;
  readonly file: DiskFile;
  readonly hash: Hash;
  readonly content: ContentWriter;
  received: number;
  /** What was taken and not written yet: the first `held` bytes of `gathered`, which is there only while it is needed. */
  gathered?: Uint8Array;
  held: number;
}

interface Parts {
  readonly disk: Disk;
  readonly folder: string;
  readonly form: ContentForm;
  readonly limits: BlobLimits;
  readonly stat: (sha256: string) => Promise<BlobStat | undefined>;
  readonly settle: (from: string, stat: BlobStat) => Promise<BlobStat>;
  /** The blob where it is there, durable and safe from a collection. */
  readonly touch: (sha256: string) => Promise<BlobStat | undefined>;
}

export interface Uploads {
  readonly writer: (sha256: string, size: number) => Promise<BlobWriter>;
  readonly received: (sha256: string) => Promise<number>;
}

/** The uploads below a folder. What an earlier process left is continued where the form allows it, else removed. */
export async function uploads({ disk, folder, form, limits, stat, settle, touch }: Parts): Promise<Uploads> {
  /** Open uploads, the one that was used least recently first. */
  const active = new Map<string, Active>();
  /** Bytes of every unfinished file, open or not, least recently used first. */
  const stored = new Map<string, number>();
  const inTurn = turnsByName();
  const pathOf = (sha256: string): string => `${folder}/${checkedDigest(sha256)}`;
  for (const name of await disk.list(folder)) {
    const size = await disk.size(`${folder}/${name}`);
    if (form.resumable && isDigest(name) && size !== undefined) stored.set(name, size);
    else await disk.remove(`${folder}/${name}`);
  }

  async function drop(sha256: string): Promise<void> {
    const one = active.get(sha256);
    active.delete(sha256);
    stored.delete(sha256);
    await one?.file.close();
    await disk.remove(pathOf(sha256));
  }

  /** Closes the file of an upload; where it cannot be continued from the file alone, it is thrown away. */
  async function putAside(sha256: string): Promise<void> {
    const one = active.get(sha256);
    if (one === undefined) return;
    if (!form.resumable) return drop(sha256);
    await flush(one);
    active.delete(sha256);
    await one.file.close();
  }

  async function makeRoom(mine: string, size: number): Promise<void> {
    for (const other of active.keys()) {
      if (active.size < limits.open) break;
      if (other !== mine) await inTurn(other, () => putAside(other));
    }
    let sum = size;
    for (const [name, bytes] of stored) if (name !== mine) sum += bytes;
    for (const [other, bytes] of [...stored]) {
      if (sum <= limits.unfinished) break;
      if (other === mine) continue;
      await inTurn(other, () => drop(other));
      sum -= bytes;
    }
  }

  async function begin(sha256: string, size: number): Promise<Active> {
    const known = active.get(sha256);
    if (known?.size === size) return known;
    if (known !== undefined) await drop(sha256);
    const path = pathOf(sha256);
    const hash = createHash("sha256");
    const before = (await disk.size(path)) ?? 0;
    if (before > size) await disk.remove(path);
    const resumed = before > 0 && before <= size;
    const file = resumed ? await rewritten(path, hash) : await disk.open(path, "append");
    const one: Active = { size, file, hash, content: form.writer(), received: file.size(), held: 0 };
    active.set(sha256, one);
    stored.set(sha256, size);
    return one;
  }

  /**
   * What an earlier process left, hashed on the way into a new file. Going on with the old one would trust pages that a sync of that process may have
   * failed to write: the system shows them, a later sync says yes, and no disk holds them.
   */
  async function rewritten(path: string, hash: Hash): Promise<DiskFile> {
    await disk.remove(`${path}.new`);
    const source = await disk.open(path, "read");
    const file = await disk.open(`${path}.new`, "new").catch(async (cause) => {
      await source.close();
      throw cause;
    });
    try {
      while (file.size() < source.size()) {
        const part = await source.read(file.size(), 1 << 20);
        hash.update(part);
        await file.write(part);
      }
      await disk.rename(`${path}.new`, path);
      return file;
    } catch (cause) {
      await file.close();
      throw cause;
    } finally {
      await source.close();
    }
  }

  async function flush(one: Active): Promise<void> {
    const { gathered, held } = one;
    if (gathered === undefined) return;
    one.held = 0;
    if (held > 0) await one.file.write(gathered.subarray(0, held));
    // Many uploads may stand still: they keep no memory. One that goes on fills whole buffers and uses its own again.
    if (held < gathered.length) one.gathered = undefined;
  }

  /** Copies, because the caller's buffer may be used again when this resolves. */
  async function gatherUp(one: Active, bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      one.gathered ??= new Uint8Array(gather);
      const part = bytes.subarray(from, from + one.gathered.length - one.held);
      one.gathered.set(part, one.held);
      one.held += part.length;
      from += part.length;
      if (one.held === one.gathered.length) await flush(one);
    }
  }

  async function take(one: Active, chunk: Uint8Array): Promise<void> {
    one.hash.update(chunk);
    one.received += chunk.length;
    for (const bytes of one.content.push(chunk)) await gatherUp(one, bytes);
  }

  /** Runs where the upload is open, opening it again where it was put aside. An error of the disk throws it away: what the file holds is unknown. */
  function using<T>(sha256: string, size: number, work: (one: Active) => Promise<T>): Promise<T> {
    return inTurn(sha256, async () => {
      let one: Active;
      try {
        one = await begin(sha256, size);
        active.delete(sha256);
        active.set(sha256, one);
        return await work(one);
      } catch (cause) {
        if ((cause as { code?: string }).code === "FILE_UNWRITABLE") await drop(sha256).catch(() => undefined);
        throw cause;
      }
    });
  }

  /** The blob, where another writer of the same digest finished it. */
  function elsewhere(sha256: string): Promise<BlobStat | undefined> {
    return inTurn(sha256, async () => (active.has(sha256) || stored.has(sha256) ? undefined : touch(sha256)));
  }

  return {
    received: async (sha256) => {
      checkedDigest(sha256);
      const one = active.get(sha256);
      if (one !== undefined) return one.received;
      return (await stat(sha256))?.size ?? (stored.has(sha256) ? ((await disk.size(pathOf(sha256))) ?? 0) : 0);
    },
    writer: async (sha256, size) => {
      checkedDigest(sha256);
      if (!Number.isSafeInteger(size) || size < 0 || size > limits.size) {
        fail("LIMIT_EXCEEDED", { where: sha256, expected: `a size of at most ${limits.size} bytes`, got: String(size) });
      }
      const there = await touch(sha256);
      if (there !== undefined) return finished(there, touch);
      await makeRoom(sha256, size);
      let received = await using(sha256, size, async (one) => one.received);
      let done: BlobStat | undefined;
      return {
        sha256,
        size,
        received: () => received,
        write: async (chunk, offset) => {
          done ??= await elsewhere(sha256);
          if (done !== undefined) return size;
          received = await using(sha256, size, async (one) => {
            if (!Number.isSafeInteger(offset) || offset < 0 || offset > one.received) {
              fail("MESSAGE_INVALID", {
                where: sha256,
                expected: `a piece that begins at or before byte ${one.received}`,
                got: String(offset),
                remedy: `go on from byte ${one.received}`,
              });
            }
            if (offset + chunk.length > size) {
              fail("LIMIT_EXCEEDED", { where: sha256, expected: `${size} bytes as announced`, got: `${offset + chunk.length}` });
            }
            const fresh = chunk.subarray(one.received - offset);
            if (fresh.length > 0 && offset + chunk.length > one.received) await take(one, fresh);
            return one.received;
          });
          return received;
        },
        finish: async () => {
          done ??= await elsewhere(sha256);
          done ??= await using(sha256, size, (one) => complete(sha256, one));
          return done;
        },
        abort: () => inTurn(sha256, () => drop(sha256)),
      };
    },
  };

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
      fail("BLOB_MISMATCH", { where: sha256, expected: "content with this SHA-256", got: found, remedy: "send it again from the start" });
    }
    for (const bytes of one.content.end()) await gatherUp(one, bytes);
    await flush(one);
    await one.file.sync();
    active.delete(sha256);
    stored.delete(sha256);
    await one.file.close();
    return settle(pathOf(sha256), { sha256, size: one.size });
  }
}

/** A writer for a blob that is there: it takes everything and needs nothing. */
function finished(there: BlobStat, touch: (sha256: string) => Promise<BlobStat | undefined>): BlobWriter {
  return {
    ...there,
    received: () => there.size,
    write: async () => there.size,
    finish: async () =>
      (await touch(there.sha256)) ??
      fail("MESSAGE_INVALID", {
        where: there.sha256,
        expected: "the blob that was there",
        got: "none: it was deleted meanwhile",
        remedy: "send it from byte 0",
      }),
    abort: async () => {},
  };
}
