/** What every store promises of the audit log, releases, leases, the outbox, and of values that it keeps or refuses. */
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import { code, type Fresh } from "./contract.js";
import { certificateRow, collect, entry, input, inputsFrom, memberRow, releaseRow, roundRow, runRow, sha, tokenRow } from "./rows.js";

export function registryContract(kind: string, fresh: Fresh): void {
  describe(`the audit log (${kind})`, () => {
    it("has no gaps, whoever writes at once, and only what happened", async () => {
      const { store, again } = await fresh();
      const other = await again();
      await store.createRun(runRow("r1"));
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).audit(entry(`act-${i}`, { detail: { i, text: "a\u0000b" } }))),
      );
      await expect(store.appendInputs("r1", [input(9)], { audit: [entry("never")] })).rejects.toEqual(code("RECORD_FENCED"));
      await store.appendInputs("r1", [input(1)], { audit: [entry("appended", { target: "r1" })] });
      const log = await store.auditLog({ limit: 1000 });
      expect(log.map((row) => row.seq)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1));
      expect(log.at(-1)).toEqual({ seq: 21, at: 50, actor: "anna", action: "appended", target: "r1", detail: {} });
      expect(new Set(log.map((row) => row.action)).size).toBe(21);
      expect((await store.auditLog({ after: 19 })).map((row) => row.seq)).toEqual([20, 21]);
      expect(log[0]?.detail.text).toBe("a\u0000b");
      expect(await store.check()).toEqual([]);
    });
  });

  describe(`the model registry (${kind})`, () => {
    it("keeps versions with their lineage; they only grow", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      await store.putRelease(releaseRow(1));
      await store.putRelease(releaseRow(3, { readers: ["plant-1", "role:auditor"] }));
      await store.putRelease(releaseRow(1));
      await expect(store.putRelease(releaseRow(2))).rejects.toEqual(code("RECORD_CONFLICT"));
      await expect(store.putRelease(releaseRow(3, { model: sha(1) }))).rejects.toEqual(code("RECORD_CONFLICT"));
      await store.putRelease(releaseRow(1, { federation: "another" }));
      const other = await again();
      expect(await other.release("consortium", 3)).toEqual(releaseRow(3, { readers: ["plant-1", "role:auditor"] }));
      expect((await other.releases("consortium")).map((one) => one.version)).toEqual([1, 3]);
      expect((await other.releases("consortium", { after: 1 })).map((one) => one.version)).toEqual([3]);
      expect(await other.release("consortium", 2)).toBeUndefined();
      expect(await other.check()).toEqual([]);
    });

    it("is released once, withdrawn for good", async () => {
      const { store } = await fresh();
      await store.putRelease(releaseRow(1));
      await store.setReleaseState("consortium", 1, "released", "bert", millis(60), { audit: [entry("release")] });
      await store.setReleaseState("consortium", 1, "released", "anna", millis(70), { audit: [entry("release")] });
      expect(await store.release("consortium", 1)).toMatchObject({ state: "released", releasedBy: "bert", releasedAt: 60 });
      await store.putRelease(releaseRow(1));
      await store.setReleaseState("consortium", 1, "withdrawn", "anna", millis(80));
      await expect(store.setReleaseState("consortium", 1, "released", "anna", millis(90))).rejects.toEqual(code("RECORD_CONFLICT"));
      await expect(store.setReleaseState("consortium", 2, "released", "anna", millis(90))).rejects.toEqual(code("RECORD_MISSING"));
      expect(await store.release("consortium", 1)).toMatchObject({ state: "withdrawn", releasedBy: "bert" });
      expect(await store.auditLog()).toHaveLength(1);
    });
  });

  describe(`leases, outbox, settings (${kind})`, () => {
    it("a lease is one holder's; the next one's token is larger, and the old one can commit nothing", async () => {
      const { store, again } = await fresh();
      const other = await again();
      await store.createRun(runRow("r1"));
      const first = await store.lease("run r1", "a", millis(100), millis(0));
      expect(first).toEqual({ name: "run r1", holder: "a", token: 1, until: 100 });
      expect(await other.lease("run r1", "b", millis(150), millis(50))).toBeUndefined();
      expect(await store.lease("run r1", "a", millis(120), millis(60))).toMatchObject({ token: 1, until: 120 });
      await store.appendInputs("r1", [input(1)], { fence: { name: "run r1", token: 1 } });
      const second = await other.lease("run r1", "b", millis(300), millis(120));
      expect(second).toMatchObject({ holder: "b", token: 2 });
      await expect(store.appendInputs("r1", [input(2)], { fence: { name: "run r1", token: 1 } })).rejects.toEqual(code("RECORD_FENCED"));
      await store.endLease({ name: "run r1", holder: "a", token: 1, until: millis(120) });
      expect(await store.lease("run r1", "a", millis(400), millis(200))).toBeUndefined();
      await other.endLease(second as NonNullable<typeof second>);
      expect(await store.lease("run r1", "a", millis(400), millis(200))).toMatchObject({ token: 3 });
      expect(await store.lastInput("r1")).toBe(1);
    });

    it("of many who ask at once, one gets the lease", async () => {
      const { store, again } = await fresh();
      const stores = [store, await again()];
      const asked = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (stores[i % 2] as RecordStore).lease("x", `p${i}`, millis(100), millis(1))),
      );
      expect(asked.filter((one) => one !== undefined)).toHaveLength(1);
    });

    it("the outbox is written with the change it tells of, and read until its work is done", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const message = (id: string, at: number) => ({ id, topic: "aggregate", ref: `r1/${id}`, createdAt: millis(at) });
      await expect(store.appendInputs("r1", [input(2)], { outbox: [message("z", 1)] })).rejects.toEqual(code("RECORD_FENCED"));
      await store.appendInputs("r1", [input(1)], { outbox: [message("b", 5), message("a", 5)] });
      await store.appendInputs("r1", [input(2)], { outbox: [message("c", 6), message("a", 9)] });
      const other = await again();
      expect((await other.outbox(millis(0))).map((one) => one.id)).toEqual(["b", "a", "c"]);
      await other.markPublished(["b", "c"], millis(50));
      expect((await other.outbox(millis(0))).map((one) => one.id)).toEqual(["a"]);
      expect(await other.outbox(millis(51), 1)).toEqual([{ ...message("b", 5), publishedAt: 50 }]);
      await other.markDone(["b"], millis(60), { outbox: [message("d", 60)] });
      expect((await other.outbox(millis(1000))).map((one) => one.id)).toEqual(["a", "c", "d"]);
      await other.prune(millis(61), millis(61));
      await other.appendInputs("r1", [input(3)], { outbox: [message("b", 70)] });
      expect((await other.outbox(millis(1000))).map((one) => one.id)).toEqual(["a", "c", "d", "b"]);
    });

    it("the outbox is limited", async () => {
      const { store } = await fresh({ outbox: 1 });
      await store.createRun(runRow("r1"));
      const outbox = [1, 2].map((n) => ({ id: `m${n}`, topic: "t", ref: "x", createdAt: millis(1) }));
      await expect(store.appendInputs("r1", [input(1)], { outbox })).rejects.toEqual(code("LIMIT_EXCEEDED"));
      expect(await store.lastInput("r1")).toBe(0);
    });

    it("settings are replaced whole", async () => {
      const { store, again } = await fresh();
      expect(await store.setting("paused")).toBeUndefined();
      await store.putSetting("paused", "yes");
      await store.putSetting("paused", "no");
      expect(await (await again()).setting("paused")).toBe("no");
    });
  });

  describe(`the whole record (${kind})`, () => {
    it("names every blob that must be kept", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      await store.closeRound("r1", roundRow("r1", 1), { seq: 2, blob: sha(77) });
      await store.putRelease(releaseRow(1));
      await store.putRelease(releaseRow(1, { federation: "another", model: sha(9999) }));
      const expected = [1, 77, 1003, 2001, 4001, 5001, 6001, 9999].map(sha).sort();
      expect(await collect(store.blobs())).toEqual(expected);
    });

    it("forgets what has expired", async () => {
      const { store } = await fresh();
      await store.putMember(memberRow("plant-1"));
      await store.putToken(tokenRow(1));
      await store.putCertificate(certificateRow("01", "plant-1"));
      await store.useNonce("plant-1", "n", millis(50), millis(1));
      await store.prune(millis(9001), millis(9001));
      expect(await store.certificate("01")).toBeUndefined();
      expect(await store.useToken(sha(1), sha(2), millis(1))).toEqual({ granted: false, reason: "unknown" });
    });

    it.each([
      ["a hash that is none", runRow("r1", { plan: "../../etc/passwd" }), "RECORD_INVALID"],
      ["a name with U+0000", runRow("r\u00001"), "RECORD_INVALID"],
      ["half a character", runRow("r\ud800"), "RECORD_INVALID"],
      ["an empty name", runRow(""), "RECORD_INVALID"],
      ["a fraction", runRow("r1", { seed: 1.5 }), "RECORD_INVALID"],
      ["a number beyond the exact ones", runRow("r1", { seed: 2 ** 53 }), "RECORD_INVALID"],
      ["a name without end", runRow("r".repeat(2000)), "LIMIT_EXCEEDED"],
      ["a state that is none", runRow("r1", { state: "lost" as "failed" }), "RECORD_INVALID"],
    ])("refuses %s", async (_what, row, expected) => {
      const { store } = await fresh();
      await expect(store.createRun(row)).rejects.toEqual(code(expected));
      expect(await store.runs()).toEqual([]);
    });

    it("refuses numbers that are not finite and JSON beyond its limit", async () => {
      const { store } = await fresh({ json: 200 });
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", [input(1)]);
      const snapshot = { seq: 1, blob: sha(1) };
      await expect(store.closeRound("r1", roundRow("r1", 1, { loss: Number.NaN }), snapshot)).rejects.toEqual(code("RECORD_INVALID"));
      await expect(store.closeRound("r1", roundRow("r1", 1, { included: [{ loss: Number.POSITIVE_INFINITY }] }), snapshot)).rejects.toEqual(
        code("RECORD_INVALID"),
      );
      await expect(store.putMember(memberRow("a", { meta: { long: "x".repeat(300) } }))).rejects.toEqual(code("LIMIT_EXCEEDED"));
      expect(await store.rounds("r1")).toEqual([]);
    });

    it("keeps a hostile key in JSON as a key", async () => {
      const { store } = await fresh();
      await store.putMember(memberRow("a", { meta: JSON.parse('{"__proto__":{"admin":true}}') }));
      const meta = (await store.member("a"))?.meta as Record<string, unknown>;
      expect(Object.keys(meta)).toEqual(["__proto__"]);
      expect((meta as { admin?: boolean }).admin).toBeUndefined();
    });
  });
}
