/** Keys, checks and copies of a whole data folder. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Disk } from "../../../src/core/ports.js";
import { seeded } from "../../../src/core/random.js";
import { folderDisk } from "../../../src/io/disk/folder.js";
import { backupStore, restoreStore } from "../../../src/io/store/backup.js";
import { fileBlobs } from "../../../src/io/store/blobs.js";
import { checkStore } from "../../../src/io/store/check.js";
import { openJournal } from "../../../src/io/store/journal.js";
import { changePassphrase, keyVariable, loadStoreKey, storeKey } from "../../../src/io/store/key.js";
import { lockStore } from "../../../src/io/store/lock.js";
import { simulatedDisk } from "../../../src/lab/faults/disk.js";
import { bytesOf, codeOf, disks, scratch, secret, testKey, text, words } from "./parts.js";

const key = testKey();

async function plant(disk: Disk) {
  const journal = await openJournal({ disk, key, random: secret("plant") });
  const blobs = await fileBlobs(disk, { sealed: { key, random: secret("plant-blobs") } });
  const stored: string[] = [];
  for (let i = 0; i < 5; i++) {
    stored.push((await blobs.put(bytesOf(70_000, i))).sha256);
    await journal.append(text(stored[i]));
  }
  return { journal, blobs, stored };
}

describe.each(disks)("a store on %s", (_name, make) => {
  it("is found whole, and every fault in it is found", async () => {
    const disk = make();
    const { stored } = await plant(disk);
    const report = await checkStore(disk, { key, sealedBlobs: true });
    expect(report).toMatchObject({ faults: [], leftovers: [], records: 5, blobs: 5 });
    const path = `blobs/sha256/${stored[1].slice(0, 2)}/${stored[1]}`;
    await spoil(disk, path, 40_000);
    await spoil(disk, "journal/journal", 150);
    const after = await checkStore(disk, { key, sealedBlobs: true });
    expect(after.faults.map((f) => f.path).sort()).toEqual([path, "journal/journal"]);
    expect(after.faults.map((f) => f.problem).join()).toMatch(/STORE_DAMAGED.*JOURNAL_DAMAGED|JOURNAL_DAMAGED.*STORE_DAMAGED/s);
    expect((await checkStore(disk)).faults.length).toBeGreaterThan(5);
    expect((await checkStore(make(), { key })).faults).toEqual([{ path: "journal/journal", problem: "there is no journal" }]);
  });

  it("is copied while it works, and the copy opens with everything in it", async () => {
    const disk = make();
    const { journal, blobs } = await plant(disk);
    const backup = make();
    const working = (async () => {
      for (let i = 5; i < 30; i++) {
        const { sha256 } = await blobs.put(bytesOf(500, i));
        await journal.append(text(sha256));
        if (i === 12) await journal.compact([text("kept")], 3);
      }
    })();
    const made = await backupStore(disk, backup, { made: "2026-01-01" });
    await working;
    expect(made.files).toBeGreaterThanOrEqual(6);
    const restored = make();
    expect(await restoreStore(backup, restored)).toEqual(made);
    expect((await checkStore(restored, { key, sealedBlobs: true })).faults).toEqual([]);
    const opened = await openJournal({ disk: restored, key, random: secret("restored") });
    const copied = await fileBlobs(restored, { sealed: { key, random: secret("y") } });
    let referred = 0;
    await opened.replay(async (record) => {
      if (words(record) === "kept") return;
      expect(await copied.has(words(record))).toBe(true);
      referred++;
    });
    expect(referred).toBeGreaterThanOrEqual(2);
    await opened.append(text("life goes on"));
    expect(await codeOf(restoreStore(backup, restored))).toBe("STORE_NOT_EMPTY");
    expect(await codeOf(backupStore(disk, backup))).toBe("STORE_NOT_EMPTY");
  });

  it("is not restored from a copy that is damaged or was not finished, and says so until it is", async () => {
    const disk = make();
    const { stored } = await plant(disk);
    const backup = make();
    await backupStore(disk, backup);
    await spoil(backup, `blobs/sha256/${stored[3].slice(0, 2)}/${stored[3]}`, 60_000);
    const target = make();
    expect(await codeOf(restoreStore(backup, target))).toBe("STORE_DAMAGED");
    expect(await codeOf(lockStore(target, secret("lock")))).toBe("STORE_DAMAGED");
    expect((await checkStore(target, { key })).faults.map((f) => f.path)).toContain("restoring");
    await backup.remove("backup.json");
    expect(await codeOf(restoreStore(backup, make()))).toBe("STORE_DAMAGED");
  });

  it.each(["{", "[]", '{"format":"millwright-backup/1","files":[{"path":"../x","size":1,"sha256":"0"}]}', '{"format":"other","files":[]}'])(
    "refuses the list %s",
    async (list) => {
      const backup = make();
      await backup.makeFolder("");
      const file = await backup.open("backup.json", "new");
      await file.write(text(list));
      await file.close();
      expect(await codeOf(restoreStore(backup, make()))).toBe("STORE_DAMAGED");
    },
  );
});

describe("a backup", () => {
  it("that dies anywhere is none, and a restore that dies anywhere is not a store", async () => {
    const disk = simulatedDisk(seeded("source"));
    await plant(disk);
    for (let n = 1, finished = false; !finished; n += 3) {
      const backup = simulatedDisk(seeded("backup", n));
      backup.failAt(n, "dead");
      const whole = (await codeOf(backupStore(disk, backup.mount()))) === "no error";
      backup.crash();
      const target = simulatedDisk(seeded("target", n));
      // A crash after the list got its name, and before its folder was synced, may leave a backup nobody was told of: then it is whole.
      const usable = (await backup.size("backup.json")) !== undefined;
      expect(await codeOf(restoreStore(backup, target))).toBe(usable ? "no error" : "STORE_DAMAGED");
      if (whole) {
        const again = simulatedDisk(seeded("again", n));
        again.failAt(n, "dead");
        finished = (await codeOf(restoreStore(backup, again.mount()))) === "no error";
        again.crash();
        const report = await checkStore(again, { key, sealedBlobs: true });
        if (finished) expect(report.faults).toEqual([]);
        else if ((await again.list("")).length > 0) {
          const complete = report.faults.length === 0 && report.blobs === 5;
          const marked = (await codeOf(lockStore(again, secret("l")))) === "STORE_DAMAGED";
          expect(complete || marked).toBe(true);
        }
      }
      expect(n).toBeLessThan(400);
    }
  });
});

describe("the key of a store", () => {
  it("is made once, for its owner only, and shown in nothing", async () => {
    const root = join(scratch(), "data");
    const disk = folderDisk(root);
    const made = await loadStoreKey({ disk, random: secret("k") });
    const again = await loadStoreKey({ disk, random: secret("other") });
    const salt = bytesOf(16);
    expect(again.derive("journal", salt)).toEqual(made.derive("journal", salt));
    expect(made.derive("blob", salt)).not.toEqual(made.derive("journal", salt));
    expect(statSync(join(root, "key")).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, "key")).size).toBe(32);
    expect(JSON.stringify(made)).toBe("{}");
    expect(await codeOf(loadStoreKey({ disk, path: "none", random: secret("k"), create: false }))).toBe("STORE_KEY_REFUSED");
  });

  it("can be wrapped by a passphrase, which can be changed", async () => {
    const disk = folderDisk(join(scratch(), "data"));
    const random = secret("p");
    const made = await loadStoreKey({ disk, random, passphrase: "correct horse" });
    const salt = bytesOf(16);
    const same = async (passphrase?: string) =>
      expect((await loadStoreKey({ disk, random, ...(passphrase === undefined ? {} : { passphrase }) })).derive("a", salt)).toEqual(
        made.derive("a", salt),
      );
    await same("correct horse");
    const without = await loadStoreKey({ disk, random }).catch((cause) => cause);
    expect(without.message).toMatch(new RegExp(`STORE_KEY_REFUSED.*set ${keyVariable}`));
    const wrong = await loadStoreKey({ disk, random, passphrase: "battery staple" }).catch((cause) => cause);
    expect(wrong.code).toBe("STORE_KEY_REFUSED");
    expect(`${wrong.message} ${wrong.stack}`).not.toMatch(/battery|horse/);
    await changePassphrase({ disk, random, passphrase: "correct horse" }, "new one");
    await same("new one");
    await changePassphrase({ disk, random, passphrase: "new one" }, undefined);
    await same();
  });

  it("is refused when its file was changed, cut or asks for hours of work", async () => {
    const disk = folderDisk(join(scratch(), "data"));
    const random = secret("q");
    await loadStoreKey({ disk, random, passphrase: "p" });
    const whole = (await disk.read("key")) as Uint8Array;
    const changed = (at: number, byte: number): Uint8Array => whole.map((b, i) => (i === at ? byte : b));
    for (const bytes of [
      changed(12, whole[12] ^ 1),
      changed(30, whole[30] ^ 1),
      changed(7, 200),
      changed(8, 255),
      whole.subarray(0, 40),
      new Uint8Array(0),
    ]) {
      await disk.remove("key");
      const file = await disk.open("key", "new");
      await file.write(bytes);
      await file.close();
      expect(await codeOf(loadStoreKey({ disk, random, passphrase: "p" }))).toBe("STORE_KEY_REFUSED");
    }
    expect(() => storeKey(new Uint8Array(31))).toThrow("STORE_KEY_REFUSED");
  });
});

async function spoil(disk: Disk, path: string, at: number): Promise<void> {
  const bytes = (await disk.read(path)) as Uint8Array;
  bytes[at] ^= 1;
  await disk.remove(path);
  const file = await disk.open(path, "new");
  await file.write(bytes);
  await file.sync();
  await file.close();
}
