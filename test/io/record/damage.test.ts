/** Copies, and records that are not what their writer left: found and said, never passed over. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Libsql from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import { backupRecord, restoreRecord } from "../../../src/io/record/backup.js";
import { openRecord } from "../../../src/io/record/open.js";
import { certificateRow, collect, entry, input, inputsFrom, memberRow, releaseRow, roundRow, runRow, sha } from "./rows.js";
import { temporary } from "./scratch.js";

const code = (expected: string) => expect.objectContaining({ code: expected });

let folder: string;
let remove: () => void;
beforeEach(() => {
  ({ folder, remove } = temporary());
});
afterEach(() => remove());

async function filled(path: string): Promise<RecordStore> {
  const store = await openRecord({ url: `sqlite:${path}` });
  await store.createRun(runRow("r1"));
  await store.appendInputs("r1", inputsFrom(1, 9), { audit: [entry("a"), entry("b"), entry("c")] });
  await store.closeRound("r1", roundRow("r1", 1), { seq: 4, blob: sha(50) });
  await store.appendInputs("r1", inputsFrom(10, 1));
  await store.closeRound("r1", roundRow("r1", 2), { seq: 5, blob: sha(51) });
  await store.putMember(memberRow("plant-1", { state: "active" }));
  await store.putCertificate(certificateRow("01", "plant-1"));
  await store.putRelease(releaseRow(1));
  return store;
}

describe("a copy", () => {
  it("taken while the coordinator writes is one sound state, and can be restored", async () => {
    const path = join(folder, "record.sqlite");
    const store = await filled(path);
    let stop = false;
    let acked = 10;
    const writing = (async () => {
      while (!stop) {
        await store.appendInputs("r1", [input(acked + 1)]);
        acked += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    while (acked < 40) await new Promise((resolve) => setImmediate(resolve));
    const before = acked;
    const copy = join(folder, "copy.sqlite");
    await backupRecord(`sqlite:${path}`, copy);
    stop = true;
    await writing;
    await store.close();
    await restoreRecord(`sqlite:${join(folder, "restored.sqlite")}`, copy);
    const restored = await openRecord({ url: `sqlite:${join(folder, "restored.sqlite")}` });
    const last = await restored.lastInput("r1");
    expect(last).toBeGreaterThanOrEqual(before);
    expect(last).toBeLessThanOrEqual(acked);
    expect(await collect(restored.inputs("r1", 5))).toEqual(inputsFrom(6, last - 5));
    expect(await restored.check()).toEqual([]);
    await restored.close();
  });

  it("overwrites nothing, and of PostgreSQL says how it is done there", async () => {
    const path = join(folder, "record.sqlite");
    await (await filled(path)).close();
    await expect(restoreRecord(`sqlite:${path}`, path)).rejects.toEqual(code("FILE_UNWRITABLE"));
    await expect(backupRecord(`sqlite:${join(folder, "none.sqlite")}`, join(folder, "x"))).rejects.toEqual(code("FILE_UNREADABLE"));
    await expect(backupRecord("postgres://a:secret@h/d", join(folder, "x"))).rejects.toThrow(/pg_dump/);
    await expect(backupRecord(`sqlite:${path}`, join(folder, "no", "x"))).rejects.toEqual(code("FILE_UNWRITABLE"));
  });

  it("that is damaged is refused and leaves nothing behind", async () => {
    const path = join(folder, "record.sqlite");
    await (await filled(path)).close();
    const bytes = readFileSync(path);
    writeFileSync(join(folder, "short.sqlite"), bytes.subarray(0, bytes.length - 5000));
    const target = join(folder, "restored.sqlite");
    await expect(restoreRecord(`sqlite:${target}`, join(folder, "short.sqlite"))).rejects.toEqual(code("RECORD_DAMAGED"));
    await expect(backupRecord(`sqlite:${target}`, join(folder, "x"))).rejects.toEqual(code("FILE_UNREADABLE"));
  });
});

describe("check", () => {
  it.each([
    ["an input that is missing", "delete from inputs where seq = 7", /input 7: missing/],
    ["the last input missing", "delete from inputs where seq = 10", /inputs end at 9, but 10 were acknowledged/],
    ["a round that is missing", "delete from rounds where ordinal = 1", /closed round 1: missing/],
    ["an audit row that is missing", "delete from audit where seq = 2", /audit 2: missing/],
    ["the end of the audit log missing", "delete from audit where seq = 3", /ends at 2, but 3 entries were written/],
    ["half a snapshot", "update runs set snapshot_blob = null", /half a snapshot/],
    ["JSON that is none", "update rounds set included = '[{'", /RECORD_DAMAGED/],
    ["a revoked member with a good certificate", "update members set state = 'revoked'", /1 of its certificates are not/],
    ["a release without its run", "delete from runs", /its run r1 is not there/],
    ["a certificate of nobody", "delete from members", /who is no member/],
  ])("finds %s", async (_what, text, expected) => {
    const path = join(folder, "record.sqlite");
    const store = await filled(path);
    expect(await store.check()).toEqual([]);
    const db = new Libsql(path);
    db.exec(text);
    db.close();
    const found = (await store.check()).map((one) => `${one.where}: ${one.fault}`);
    await store.close();
    expect(found.join("\n")).toMatch(expected);
  });

  it("finds pages that were written over", async () => {
    const path = join(folder, "record.sqlite");
    const store = await filled(path);
    for (let i = 0; i < 300; i += 1) await store.audit(entry(`act ${i}`, { detail: { long: "x".repeat(200) } }));
    await store.close();
    const bytes = readFileSync(path);
    for (let page = 30; page < bytes.length / 4096; page += 1) bytes.fill(0x5a, page * 4096, page * 4096 + 2000);
    const damaged = join(folder, "damaged.sqlite");
    writeFileSync(damaged, bytes);
    const told = await openRecord({ url: `sqlite:${damaged}` }).then(
      async (record) => {
        const faults = await record.check().catch((error: { code: string }) => [{ where: error.code, fault: "" }]);
        await record.close();
        return faults;
      },
      (error: { code: string }) => [{ where: error.code, fault: "" }],
    );
    expect(told.length).toBeGreaterThan(0);
    for (const { where } of told) expect(where).toMatch(/^sqlite$|^RECORD_DAMAGED$/);
  });
});

describe("a full disk", () => {
  it("refuses what does not fit, keeps what was acknowledged, and goes on when there is room", async () => {
    const path = join(folder, "record.sqlite");
    const store = await filled(path);
    await store.close();
    const db = new Libsql(path);
    const pages = (db.prepare("pragma page_count").all()[0] as { page_count: number }).page_count;
    db.close();
    const { openSqlite } = await import("../../../src/io/record/sqlite.js");
    const { recordOver } = await import("../../../src/io/record/store.js");
    const tight = recordOver(await openSqlite(path, { maxPages: pages + 2 }));
    let seq = 10;
    const refused = await (async () => {
      for (;;) {
        await tight.appendInputs("r1", inputsFrom(seq + 1, 20));
        seq += 20;
      }
    })().catch((error: unknown) => error);
    expect(refused).toEqual(code("RECORD_UNAVAILABLE"));
    expect(await tight.lastInput("r1")).toBe(seq);
    expect(await tight.check()).toEqual([]);
    await tight.close();
    const roomy = await openRecord({ url: `sqlite:${path}` });
    await roomy.appendInputs("r1", [input(seq + 1)]);
    expect(await roomy.lastInput("r1")).toBe(seq + 1);
    expect(await roomy.lease("x", "a", millis(2), millis(1))).toMatchObject({ token: 1 });
    await roomy.close();
  });
});
