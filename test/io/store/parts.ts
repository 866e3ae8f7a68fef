/** What the tests of stores share: secret randomness from a seed, keys, bytes, disks of both kinds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Disk, DiskFile, SecretRandom } from "../../../src/core/ports.js";
import { type SeededRandom, seeded } from "../../../src/core/random.js";
import { folderDisk } from "../../../src/io/disk/folder.js";
import { storeKey } from "../../../src/io/store/key.js";
import { simulatedDisk } from "../../../src/lab/faults/disk.js";

export const secretOf = (random: SeededRandom): SecretRandom => ({
  bytes: (length) => Uint8Array.from({ length }, () => random.integer(256)),
});
export const secret = (...labels: (string | number)[]): SecretRandom => secretOf(seeded("test-secret", ...labels));
export const testKey = (name = "a") => storeKey(secret("key", name).bytes(32));
export const bytesOf = (length: number, ...labels: (string | number)[]): Uint8Array => {
  const random = seeded("bytes", length, ...labels);
  return Uint8Array.from({ length }, () => random.integer(256));
};
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const words = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (cause: { code?: string; message: string }) => cause.code ?? `uncoded: ${cause.message}`,
  );

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "millwright-store-"));
  folders.push(folder);
  return folder;
}

/** A folder whose files are closed when the test is over: a store that is not closed stands for a process that was killed. */
export function tidyFolder(root = join(scratch(), "data")): Disk {
  const disk = folderDisk(root);
  return {
    ...disk,
    open: async (path, how) => {
      const file = await disk.open(path, how);
      left.push(file);
      return file;
    },
  };
}
const left: DiskFile[] = [];
afterAll(() => Promise.all(left.map((file) => file.close().catch(() => undefined))));

/** The disks every contract runs over. */
export const disks: readonly (readonly [name: string, make: () => Disk])[] = [
  ["a folder", () => tidyFolder()],
  ["the simulated disk", () => simulatedDisk(seeded("contract"))],
];
