/**
 * The key a store is sealed with: 32 bytes from the operating system in a file of their own (0600), or the same bytes wrapped by a
 * passphrase (scrypt, RFC 7914, then AES-256-GCM). Every file derives its own key from it (HKDF-SHA256, RFC 5869) with a fresh salt, which
 * is why a nonce never repeats under one key.
 *
 * A plain key file beside the data keeps backups and lent disks unreadable, not a thief who takes the whole machine: for that, use a
 * passphrase or put the file on another device.
 */
import { createCipheriv, createDecipheriv, hkdfSync, scryptSync } from "node:crypto";
import { fail } from "../../core/errors.js";
import type { Disk, SecretRandom } from "../../core/ports.js";
import { durableFolder, writeDurably } from "../disk/durable.js";
import { folderOf } from "../disk/path.js";

/** Opaque on purpose: the bytes are in nothing that could be printed. */
export interface StoreKey {
  /** 32 bytes for one purpose and salt. The same salt must never be used for two different texts under one nonce. */
  readonly derive: (purpose: string, salt: Uint8Array) => Uint8Array;
}

/** The environment variable that holds the passphrase, where one is used. */
export const keyVariable = "MILLWRIGHT_KEY";

const keyBytes = 32;
/** 32 MiB and about a tenth of a second; stored with the key, so that it can be raised. */
const cost = { n: 1 << 15, r: 8, p: 1 } as const;

/** A key from 32 bytes. Errors: STORE_KEY_REFUSED. */
export function storeKey(bytes: Uint8Array): StoreKey {
  if (bytes.length !== keyBytes) {
    fail("STORE_KEY_REFUSED", { where: "key", expected: `${keyBytes} bytes`, got: `${bytes.length}` });
  }
  const secret = Buffer.from(bytes);
  return { derive: (purpose, salt) => new Uint8Array(hkdfSync("sha256", secret, salt, `millwright ${purpose}`, keyBytes)) };
}

export interface KeyOptions {
  readonly disk: Disk;
  /** Where the key lies; "key" unless told. */
  readonly path?: string;
  readonly random: SecretRandom;
  /** Where one is given, the file is useless without it. */
  readonly passphrase?: string;
  /** Whether a missing key is made; a store that is there already must not get a new one. */
  readonly create?: boolean;
}

/** Reads the key of a data folder, or makes it. Errors: STORE_KEY_REFUSED. */
export async function loadStoreKey({ disk, path = "key", random, passphrase, create = true }: KeyOptions): Promise<StoreKey> {
  const stored = await disk.read(path, 4096);
  if (stored !== undefined) return storeKey(unwrap(stored, path, passphrase));
  if (!create) {
    fail("STORE_KEY_REFUSED", {
      where: path,
      expected: "the key this store was written with",
      got: "no file",
      remedy: "restore the key from where it was kept apart from the backup",
    });
  }
  const bytes = random.bytes(keyBytes);
  const key = storeKey(bytes);
  await durableFolder(disk, folderOf(path));
  await writeDurably(disk, path, passphrase === undefined ? bytes : wrap(bytes, passphrase, random));
  return key;
}

/** Wraps the same key anew: another passphrase, or none. The data need not be written again. */
export async function changePassphrase(options: KeyOptions, next: string | undefined): Promise<void> {
  const { disk, path = "key", random, passphrase } = options;
  const stored = await disk.read(path, 4096);
  if (stored === undefined) fail("STORE_KEY_REFUSED", { where: path, expected: "a key", got: "no file" });
  const bytes = unwrap(stored, path, passphrase);
  await writeDurably(disk, path, next === undefined ? bytes : wrap(bytes, next, random));
}

const magic = new TextEncoder().encode("MWK1");
const head = 4 + 4 + 1 + 1 + 16;

function wrap(bytes: Uint8Array, passphrase: string, random: SecretRandom): Uint8Array {
  const out = Buffer.alloc(head + keyBytes + 16);
  out.set(magic);
  out.writeUInt32LE(cost.n, 4);
  out[8] = cost.r;
  out[9] = cost.p;
  out.set(random.bytes(16), 10);
  // The salt is fresh, so the wrapping key is used once and its nonce may be zero.
  const cipher = createCipheriv("aes-256-gcm", stretch(passphrase, out.subarray(10, head), cost), Buffer.alloc(12));
  cipher.setAAD(out.subarray(0, head));
  out.set(cipher.update(bytes), head);
  cipher.final();
  out.set(cipher.getAuthTag(), head + keyBytes);
  return out;
}

function unwrap(stored: Uint8Array, path: string, passphrase: string | undefined): Uint8Array {
  const wrapped = stored.length === head + keyBytes + 16 && magic.every((b, i) => stored[i] === b);
  if (!wrapped && stored.length !== keyBytes) {
    fail("STORE_KEY_REFUSED", { where: path, expected: "a key file", got: `${stored.length} bytes of something else` });
  }
  if (!wrapped) return stored;
  if (passphrase === undefined) {
    fail("STORE_KEY_REFUSED", { where: path, expected: "a passphrase", got: "none", remedy: `set ${keyVariable}` });
  }
  const file = Buffer.from(stored);
  const used = { n: file.readUInt32LE(4), r: file[8], p: file[9] };
  // A changed file must not make this process work for hours.
  if (used.n < 2 || used.n > 1 << 20 || (used.n & (used.n - 1)) !== 0 || used.r < 1 || used.r > 16 || used.p < 1 || used.p > 16) {
    fail("STORE_KEY_REFUSED", { where: path, expected: "a scrypt cost within limits", got: `n ${used.n}, r ${used.r}, p ${used.p}` });
  }
  try {
    const decipher = createDecipheriv("aes-256-gcm", stretch(passphrase, file.subarray(10, head), used), Buffer.alloc(12), {
      authTagLength: 16,
    });
    decipher.setAAD(file.subarray(0, head));
    decipher.setAuthTag(file.subarray(head + keyBytes));
    const bytes = decipher.update(file.subarray(head, head + keyBytes));
    decipher.final();
    return bytes;
  } catch {
    return fail("STORE_KEY_REFUSED", {
      where: path,
      expected: "the passphrase the key was wrapped with",
      got: "another one, or a damaged file",
      remedy: `check ${keyVariable}`,
    });
  }
}

function stretch(passphrase: string, salt: Uint8Array, { n, r, p }: { n: number; r: number; p: number }): Buffer {
  return scryptSync(passphrase.normalize("NFKC"), salt, 32, { N: n, r, p, maxmem: 128 * n * r + 128 * r * p + (1 << 20) });
}
