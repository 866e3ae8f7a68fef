/**
 * fsck: reads a whole data folder and says what of it is as it was written. Changes nothing. Every journal frame is opened, every blob hashed again;
 * of sealed blobs without the key only the form can be checked.
 */
import { createHash } from "node:crypto";
import { isDigest } from "../../core/blobs.js";
import { MillwrightError } from "../../core/errors.js";
import type { Disk, SecretRandom } from "../../core/ports.js";
import { filesBelow } from "../disk/durable.js";
import { scanJournal } from "./journal-scan.js";
import type { StoreKey } from "./key.js";
import { unfinishedMark } from "./lock.js";
import { type ContentForm, plainForm, sealedForm } from "./sealed.js";

export interface StoreLayout {
  /** Folders of journals. */
  readonly journals?: readonly string[];
  /** Folders of blobs. */
  readonly blobs?: readonly string[];
  /** Single files that belong to the store. */
  readonly files?: readonly string[];
}

/** What a plant and a coordinator have in common. */
export const storeLayout: StoreLayout = { journals: ["journal"], blobs: ["blobs"] };

export interface CheckOptions {
  readonly layout?: StoreLayout;
  /** Opens the journals, and the blobs where they are sealed. */
  readonly key?: StoreKey;
  readonly sealedBlobs?: boolean;
}

export interface StoreReport {
  /** What is not as it was written; empty where all is well. */
  readonly faults: readonly { readonly path: string; readonly problem: string }[];
  /** What a crash or an unfinished upload left; the next start deals with it. */
  readonly leftovers: readonly string[];
  readonly records: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** Checks a data folder. A store in use may be checked too; what is being written then shows as a leftover. */
export async function checkStore(disk: Disk, { layout = storeLayout, key, sealedBlobs = false }: CheckOptions = {}): Promise<StoreReport> {
  const faults: { path: string; problem: string }[] = [];
  const leftovers: string[] = [];
  let [records, blobs, bytes] = [0, 0, 0];
  const attempt = async (path: string, work: () => Promise<string | undefined>): Promise<void> => {
    try {
      const problem = await work();
      if (problem !== undefined) faults.push({ path, problem });
    } catch (cause) {
      if (!(cause instanceof MillwrightError)) throw cause;
      faults.push({ path, problem: cause.message });
    }
  };

  if ((await disk.size(unfinishedMark)) !== undefined) faults.push({ path: unfinishedMark, problem: "a restore was not finished" });

  for (const folder of layout.journals ?? []) {
    const path = `${folder}/journal`;
    for (const name of await disk.list(folder)) if (name !== "journal") leftovers.push(`${folder}/${name}`);
    await attempt(path, async () => {
      if ((await disk.size(path)) === undefined) return "there is no journal";
      if (key === undefined) return "cannot be checked without the key";
      const file = await disk.open(path, "read");
      try {
        const scan = await scanJournal(file, key, { path }, ({ group }) => {
          records += group.records.length;
        });
        bytes += scan.end;
        if (scan.torn !== undefined) leftovers.push(`${path}: ${scan.torn.bytes} bytes of a record that was never acknowledged`);
        return undefined;
      } finally {
        await file.close();
      }
    });
  }

  for (const folder of layout.blobs ?? []) {
    const form = sealedBlobs ? (key === undefined ? undefined : sealedForm(key, noRandom)) : plainForm;
    for (const part of ["tmp", "partial"]) for await (const path of filesBelow(disk, `${folder}/${part}`)) leftovers.push(path);
    for await (const path of filesBelow(disk, `${folder}/sha256`)) {
      blobs++;
      await attempt(path, async () => {
        const [prefix, name] = path.split("/").slice(-2);
        if (!isDigest(name) || !name.startsWith(prefix)) return "a name that is no digest";
        bytes += (await disk.size(path)) ?? 0;
        if (form === undefined) return "cannot be checked without the key";
        const found = await digestOf(disk, path, form);
        return found === name ? undefined : `its content has the SHA-256 ${found}`;
      });
    }
  }

  for (const path of layout.files ?? []) {
    const size = await disk.size(path);
    if (size === undefined) faults.push({ path, problem: "there is no such file" });
    else bytes += size;
  }
  return { faults, leftovers, records, blobs, bytes };
}

async function digestOf(disk: Disk, path: string, form: ContentForm): Promise<string> {
  const file = await disk.open(path, "read");
  try {
    const hash = createHash("sha256");
    for (let at = 0; ; ) {
      const part = await form.read(file, path, at, 1 << 20);
      if (part.length === 0) return hash.digest("hex");
      hash.update(part);
      at += part.length;
    }
  } finally {
    await file.close();
  }
}

/** Checking seals nothing. */
const noRandom: SecretRandom = {
  bytes: () => {
    throw new Error("checking a store needs no randomness");
  },
};
