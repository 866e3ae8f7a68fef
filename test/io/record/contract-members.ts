/** What every store promises of members, certificates, invitations and nonces. */
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import { code, type Fresh } from "./contract.js";
import { certificateRow, entry, memberRow, sha, tokenRow } from "./rows.js";

export function membersContract(kind: string, fresh: Fresh): void {
  describe(`members (${kind})`, () => {
    it("are kept and listed by the bytes of their names", async () => {
      const { store, again } = await fresh();
      const full = memberRow("B", {
        state: "active",
        spki: sha(2),
        serial: "0a",
        certificate: "-----BEGIN CERTIFICATE-----\n",
        expiresAt: millis(9),
        enrolledAt: millis(3),
        lastSeen: millis(4),
        meta: { site: { lat: 55.5 }, __proto__x: 1, list: [1, null, "é"] },
      });
      for (const one of [
        memberRow("b"),
        memberRow("a"),
        full,
        memberRow("ä"),
        memberRow("𝛼"),
        memberRow("ﬀ"),
        memberRow("a-b"),
        memberRow("aA"),
      ]) {
        await store.putMember(one);
      }
      const other = await again();
      expect((await other.members()).map((one) => one.name)).toEqual(["B", "a", "a-b", "aA", "b", "ä", "ﬀ", "𝛼"]);
      expect(await other.member("B")).toEqual(full);
      expect(await other.member("zz")).toBeUndefined();
    });

    it("a revocation takes the certificates and open invitations with it and is written down once", async () => {
      const { store, again } = await fresh();
      await store.putMember(memberRow("plant-1", { state: "active" }));
      await store.putCertificate(certificateRow("01", "plant-1"));
      await store.putCertificate(certificateRow("02", "plant-1", { notBefore: millis(2000), notAfter: millis(12_000) }));
      await store.putToken(tokenRow(1));
      await store.revokeMember("plant-1", "anna", "stolen disk", millis(4000));
      await store.revokeMember("plant-1", "bert", "again", millis(4001));
      const other = await again();
      expect(await other.member("plant-1")).toMatchObject({ state: "revoked", revokedAt: 4000, revokedBy: "anna", reason: "stolen disk" });
      expect((await other.certificates("plant-1")).map((one) => [one.serial, one.revokedAt])).toEqual([
        ["02", 4000],
        ["01", 4000],
      ]);
      expect((await other.revoked(millis(5000))).map((one) => one.serial)).toEqual(["01", "02"]);
      expect((await other.revoked(millis(9000))).map((one) => one.serial)).toEqual(["02"]);
      expect(await other.useToken(sha(1), sha(7), millis(4500))).toEqual({ granted: false, reason: "unknown" });
      expect(await other.auditLog()).toEqual([
        { seq: 1, at: 4000, actor: "anna", action: "revoke", target: "plant-1", detail: { reason: "stolen disk" } },
      ]);
      await expect(other.revokeMember("nobody", "anna", "", millis(1))).rejects.toEqual(code("RECORD_MISSING"));
      expect(await other.check()).toEqual([]);
    });

    it("a revoked one is invited again before it is active", async () => {
      const { store } = await fresh();
      await store.putMember(memberRow("plant-1", { state: "active" }));
      await store.revokeMember("plant-1", "anna", "moved", millis(4));
      await expect(store.putMember(memberRow("plant-1", { state: "active" }))).rejects.toEqual(code("RECORD_CONFLICT"));
      await store.putMember(memberRow("plant-1"));
      await store.putMember(memberRow("plant-1", { state: "active" }));
      expect((await store.member("plant-1"))?.state).toBe("active");
    });

    it("being seen goes forward only, for thousands at once", async () => {
      const { store } = await fresh();
      for (const name of ["a", "b", "c"]) await store.putMember(memberRow(name));
      await store.touch([], millis(1));
      await store.touch(["a", "b", ...Array.from({ length: 1500 }, (_, i) => `unknown-${i}`)], millis(20));
      await store.touch(["c", "a"], millis(10));
      await store.putMember(memberRow("a", { org: "other" }));
      expect((await store.members()).map((one) => one.lastSeen)).toEqual([20, 20, 10]);
      expect(await store.members()).toHaveLength(3);
    });

    it("are limited in number", async () => {
      const { store } = await fresh({ members: 2 });
      await store.putMember(memberRow("a"));
      await store.putMember(memberRow("b"));
      await expect(store.putMember(memberRow("c"))).rejects.toEqual(code("LIMIT_EXCEEDED"));
      await store.putMember(memberRow("b", { role: "auditor" }));
      expect((await store.member("b"))?.role).toBe("auditor");
    });

    it("certificates overlap; one serial names one certificate", async () => {
      const { store } = await fresh();
      await store.putMember(memberRow("plant-1"));
      const one = certificateRow("01", "plant-1");
      await store.putCertificate(one);
      await store.putCertificate(one);
      await expect(store.putCertificate({ ...one, member: "plant-2" })).rejects.toEqual(code("RECORD_CONFLICT"));
      await store.revokeCertificate("01", millis(5));
      await store.revokeCertificate("01", millis(6));
      expect(await store.certificate("01")).toEqual({ ...one, revokedAt: 5 });
      await expect(store.revokeCertificate("02", millis(5))).rejects.toEqual(code("RECORD_MISSING"));
    });
  });

  describe(`invitations and nonces (${kind})`, () => {
    it("a token is good once, and for the same key again until it expires", async () => {
      const { store, again } = await fresh();
      await store.putToken(tokenRow(1));
      expect(await store.tokens(millis(1))).toEqual([tokenRow(1)]);
      const used = { ...tokenRow(1), usedAt: 100, usedBy: sha(70) };
      expect(await store.useToken(sha(1), sha(70), millis(100), { audit: [entry("enroll")] })).toEqual({ granted: true, token: used });
      const other = await again();
      expect(await other.useToken(sha(1), sha(70), millis(200), { audit: [entry("enroll")] })).toEqual({ granted: true, token: used });
      expect(await other.useToken(sha(1), sha(71), millis(200))).toEqual({ granted: false, reason: "used" });
      expect(await other.useToken(sha(1), sha(70), millis(5000))).toEqual({ granted: false, reason: "expired" });
      expect(await other.useToken(sha(2), sha(70), millis(200))).toEqual({ granted: false, reason: "unknown" });
      expect(await other.tokens(millis(1))).toEqual([]);
      expect(await other.auditLog()).toHaveLength(1);
    });

    it("of many keys at once, one gets it", async () => {
      const { store, again } = await fresh();
      await store.putToken(tokenRow(1));
      const stores = [store, await again()];
      const uses = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (stores[i % 2] as RecordStore).useToken(sha(1), sha(100 + i), millis(100))),
      );
      expect(uses.filter((use) => use.granted)).toHaveLength(1);
    });

    it("unused ones are limited in number", async () => {
      const { store } = await fresh({ tokens: 1 });
      await store.putToken(tokenRow(1));
      await store.putToken(tokenRow(1));
      await expect(store.putToken(tokenRow(2))).rejects.toEqual(code("LIMIT_EXCEEDED"));
      await expect(store.putToken(tokenRow(1, { name: "x" }))).rejects.toEqual(code("RECORD_CONFLICT"));
      await store.useToken(sha(1), sha(70), millis(100));
      await store.putToken(tokenRow(2));
    });

    it("a nonce is fresh once per member until it expires, also for another process", async () => {
      const { store, again } = await fresh({ nonces: 2 });
      const other = await again();
      expect(await store.useNonce("a", "n1", millis(300), millis(100))).toBe(true);
      expect(await other.useNonce("a", "n1", millis(300), millis(101))).toBe(false);
      expect(await store.useNonce("b", "n1", millis(300), millis(101))).toBe(true);
      expect(await store.useNonce("a", "late", millis(100), millis(100))).toBe(false);
      expect(await store.useNonce("a", "n2", millis(300), millis(101))).toBe(true);
      await expect(store.useNonce("a", "n3", millis(300), millis(102))).rejects.toEqual(code("LIMIT_EXCEEDED"));
      expect(await store.useNonce("a", "n1", millis(900), millis(301))).toBe(true);
      const many = await Promise.all(
        Array.from({ length: 6 }, (_, i) => (i % 2 ? store : other).useNonce("c", "same", millis(900), millis(400))),
      );
      expect(many.filter(Boolean)).toHaveLength(1);
    });
  });
}
