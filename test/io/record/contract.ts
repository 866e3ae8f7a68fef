/** What every store of the coordinator's record promises: the same tests over each of them. */
import { afterEach, describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { RecordLimits, RecordStore } from "../../../src/core/record.js";
import { certificateRow, collect, entry, input, inputsFrom, memberRow, releaseRow, roundRow, runRow, sha, tokenRow } from "./rows.js";

export interface Place {
  /** Opens the same record again, as another program would. */
  readonly open: (limits?: Partial<RecordLimits>) => Promise<RecordStore>;
  readonly destroy?: () => Promise<void>;
}

const code = (expected: string) => expect.objectContaining({ code: expected });

export function recordContract(kind: string, place: () => Promise<Place>): void {
  const opened: { readonly place: Place; readonly stores: RecordStore[] }[] = [];

  /** A new record and a way to open it once more. */
  async function fresh(
    limits?: Partial<RecordLimits>,
  ): Promise<{ readonly store: RecordStore; readonly again: () => Promise<RecordStore> }> {
    const here = await place();
    const held = { place: here, stores: [] as RecordStore[] };
    opened.push(held);
    const again = async () => {
      const store = await here.open(limits);
      held.stores.push(store);
      return store;
    };
    return { store: await again(), again };
  }

  afterEach(async () => {
    for (const { place: here, stores } of opened.splice(0)) {
      for (const store of stores) await store.close();
      await here.destroy?.();
    }
  });

  describe(`a run (${kind})`, () => {
    it("is kept as it was given, and making it again changes nothing", async () => {
      const { store, again } = await fresh();
      const row = runRow("r1", { seed: Number.MAX_SAFE_INTEGER });
      await store.createRun(row);
      await store.createRun(row);
      const other = await again();
      expect(await other.run("r1")).toEqual(row);
      expect(await other.run("r2")).toBeUndefined();
      expect(store.kind).toBe(kind);
    });

    it("keeps its plan", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await expect(store.createRun(runRow("r1", { plan: sha(9) }))).rejects.toEqual(code("RECORD_CONFLICT"));
    });

    it("changes its state until it is over", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.setRunState("r1", "paused");
      await store.setRunState("r1", "failed", "ROUND_ABANDONED: too few");
      await store.setRunState("r1", "failed", "ROUND_ABANDONED: too few");
      expect(await store.run("r1")).toMatchObject({ state: "failed", error: "ROUND_ABANDONED: too few" });
      await expect(store.setRunState("r1", "running")).rejects.toEqual(code("RECORD_CONFLICT"));
      await expect(store.setRunState("r2", "running")).rejects.toEqual(code("RECORD_MISSING"));
    });

    it("is listed newest first", async () => {
      const { store } = await fresh();
      for (const n of [1, 3, 2]) await store.createRun(runRow(`r${n}`, { startedAt: millis(n) }));
      expect((await store.runs()).map((run) => run.id)).toEqual(["r3", "r2", "r1"]);
      expect((await store.runs(1)).map((run) => run.id)).toEqual(["r3"]);
    });
  });

  describe(`the log of inputs (${kind})`, () => {
    it("gives back what was appended, in order, to whoever opens it next", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const all = [input(1, { kind: "start" }), ...inputsFrom(2, 1203), { seq: 1205, at: millis(5), kind: "timer" } as const];
      delete (all[0] as { from?: string }).from;
      await store.appendInputs("r1", all.slice(0, 1));
      await store.appendInputs("r1", all.slice(1));
      const other = await again();
      expect(await collect(other.inputs("r1", 0))).toEqual(all);
      expect(await collect(other.inputs("r1", 1200))).toEqual(all.slice(1200));
      expect(await collect(other.inputs("r1", 1205))).toEqual([]);
      expect(await other.lastInput("r1")).toBe(1205);
    });

    it("fences the second of two writers", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const second = await again();
      await store.appendInputs("r1", inputsFrom(1, 2));
      expect(await second.lastInput("r1")).toBe(2);
      await second.appendInputs("r1", [input(3)]);
      await expect(store.appendInputs("r1", [input(3, { from: "plant-2" })])).rejects.toEqual(code("RECORD_FENCED"));
      await expect(store.appendInputs("r1", [input(5)])).rejects.toEqual(code("RECORD_FENCED"));
      expect(await collect(store.inputs("r1", 2))).toEqual([input(3)]);
    });

    it("lets one of many writers at once through", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const writers = [store, await again(), await again()];
      const names = Array.from({ length: 12 }, (_, i) => `plant-${i}`);
      const results = await Promise.allSettled(
        names.map((from, i) => (writers[i % 3] as RecordStore).appendInputs("r1", [input(1, { from })])),
      );
      const won = names.filter((_, i) => results[i]?.status === "fulfilled");
      expect(won).toHaveLength(1);
      for (const result of results) if (result.status === "rejected") expect(result.reason).toEqual(code("RECORD_FENCED"));
      expect(await collect(store.inputs("r1", 0))).toEqual([input(1, { from: won[0] as string })]);
    });

    it("refuses gaps within one append, and keeps none of it", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await expect(store.appendInputs("r1", [input(1), input(3)])).rejects.toEqual(code("RECORD_INVALID"));
      expect(await store.lastInput("r1")).toBe(0);
      await expect(store.appendInputs("r9", [input(1)])).rejects.toEqual(code("RECORD_MISSING"));
    });

    it("has a limit, which a snapshot makes room in", async () => {
      const { store } = await fresh({ inputs: 3 });
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      await expect(store.appendInputs("r1", [input(4)])).rejects.toEqual(code("LIMIT_EXCEEDED"));
      await store.saveSnapshot("r1", { seq: 2, blob: sha(8) });
      await store.appendInputs("r1", inputsFrom(4, 2));
      expect((await collect(store.inputs("r1", 2))).map((one) => one.seq)).toEqual([3, 4, 5]);
    });
  });

  describe(`snapshots and closed rounds (${kind})`, () => {
    it("a closed round puts its snapshot in place of the inputs before it", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      await store.createRun(runRow("r2"));
      await store.appendInputs("r1", inputsFrom(1, 5));
      await store.appendInputs("r2", inputsFrom(1, 5));
      await store.closeRound("r1", roundRow("r1", 1), { seq: 4, blob: sha(11) });
      const other = await again();
      expect((await other.run("r1"))?.snapshot).toEqual({ seq: 4, blob: sha(11) });
      expect(await collect(other.inputs("r1", 4))).toEqual([input(5)]);
      expect(await collect(other.inputs("r2", 0))).toHaveLength(5);
      expect(await other.rounds("r1")).toEqual([{ ...roundRow("r1", 1), ordinal: 1 }]);
      await expect(collect(other.inputs("r1", 2))).rejects.toEqual(code("RECORD_FENCED"));
      await other.appendInputs("r1", [input(6)]);
      expect(await other.check()).toEqual([]);
    });

    it("closing it again changes nothing; another outcome is refused", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      const also = { audit: [entry("close")] };
      await store.closeRound("r1", roundRow("r1", 1), { seq: 3, blob: sha(11) }, also);
      await store.closeRound("r1", roundRow("r1", 1), { seq: 3, blob: sha(11) }, also);
      await expect(store.closeRound("r1", roundRow("r1", 1, { loss: 9 }), { seq: 3, blob: sha(11) })).rejects.toEqual(
        code("RECORD_CONFLICT"),
      );
      await store.closeRound("r1", roundRow("r1", 1, { attempt: 2, loss: 9 }), { seq: 3, blob: sha(12) });
      expect((await store.rounds("r1")).map((round) => [round.ordinal, round.round, round.attempt])).toEqual([
        [1, 1, 1],
        [2, 1, 2],
      ]);
      expect(await store.auditLog()).toHaveLength(1);
    });

    it("a snapshot of inputs that were not logged, or older than the last, is fenced and leaves no row", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      await expect(store.closeRound("r1", roundRow("r1", 1), { seq: 4, blob: sha(11) })).rejects.toEqual(code("RECORD_FENCED"));
      await store.saveSnapshot("r1", { seq: 3, blob: sha(11) });
      await store.saveSnapshot("r1", { seq: 3, blob: sha(11) });
      await expect(store.saveSnapshot("r1", { seq: 2, blob: sha(12) })).rejects.toEqual(code("RECORD_FENCED"));
      expect(await store.rounds("r1")).toEqual([]);
      expect((await store.run("r1"))?.snapshot?.seq).toBe(3);
    });

    it("rounds come in pages", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      for (let round = 1; round <= 7; round += 1) {
        await store.appendInputs("r1", [input(round)]);
        await store.closeRound("r1", roundRow("r1", round), { seq: round, blob: sha(round) });
      }
      expect((await store.rounds("r1", { limit: 3 })).map((row) => row.round)).toEqual([1, 2, 3]);
      expect((await store.rounds("r1", { after: 3, limit: 3 })).map((row) => row.round)).toEqual([4, 5, 6]);
      expect((await store.rounds("r1", { after: 6 })).map((row) => row.round)).toEqual([7]);
      await expect(store.rounds("r1", { limit: 0 })).rejects.toEqual(code("RECORD_INVALID"));
    });
  });

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
