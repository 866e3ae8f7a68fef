/** Invitation, enrolment, renewal, revocation, the question of every request, over the stores that keep the record. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createMembership, demandCaller, type Revocation, tokenLife } from "../../src/coordinator/membership.js";
import { actions, actionsOf, mayDo, rolesFor, roleTable } from "../../src/coordinator/roles.js";
import { MillwrightError } from "../../src/core/errors.js";
import { type Millis, millis } from "../../src/core/quantities.js";
import type { RecordStore } from "../../src/core/record.js";
import { roles } from "../../src/core/route.js";
import { type CertificateFacts, factsOf, readCertificate } from "../../src/io/crypto/certificate.js";
import { checkEnrolled, enrol, renewalDue } from "../../src/io/crypto/enrol.js";
import { generateKey } from "../../src/io/crypto/keys.js";
import { createRequest } from "../../src/io/crypto/request.js";
import { type EnrolmentToken, readToken, writeToken } from "../../src/io/crypto/token.js";
import { memoryRecord } from "../../src/io/record/memory.js";
import { openRecord } from "../../src/io/record/open.js";
import { codeOfAsync, day, noon, testAuthority, testClock, testRandom } from "../io/crypto/support.js";

const urls = ["https://region.example:8443"];
const folder = mkdtempSync(join(tmpdir(), "millwright-membership-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function federation(store: RecordStore, limits?: { cachedFor?: Millis; callers?: number; attempts?: number }) {
  const clock = testClock();
  const authority = testAuthority("press-shops", clock);
  const cut: Revocation[] = [];
  const trust = { plan: ["plan key"], release: ["release key"] };
  const onRevoked = (revocation: Revocation) => cut.push(revocation);
  const membership = createMembership({ store, authority, clock, random: testRandom(3), trust, onRevoked, limits });
  const invite = (name: string, more: object = {}) =>
    membership.createToken({ org: "acme", name, role: "site", urls, by: "local", ...more });
  /** The plant's side, over a function in place of a network. */
  const join_ = async (token: string, key = generateKey("p256"), address = "198.18.0.1") => {
    const read = readToken(token);
    const sent: unknown[] = [];
    const enrolled = await enrol(
      read,
      key,
      async ({ path, pin, json }) => {
        expect(path).toBe("/v1/enroll");
        expect(pin).toBe(authority.fingerprint);
        sent.push(json);
        const { secret, request } = json as { secret: string; request: string };
        return JSON.parse(JSON.stringify(await membership.enrol({ secret, request, address })));
      },
      clock.now,
    );
    return { key, sent, enrolled, facts: factsOf(readCertificate(enrolled.certificate)) };
  };
  const check = async (facts: CertificateFacts) => {
    const answer = await membership.checkCaller(facts);
    return answer.ok ? answer.caller.role : answer.reason;
  };
  return { clock, authority, membership, invite, join: join_, check, cut, store };
}

const stores: Readonly<Record<string, () => Promise<RecordStore>>> = {
  memory: async () => memoryRecord().open(),
  sqlite: async () => openRecord({ url: `sqlite:${join(folder, `${++count}.sqlite`)}` }),
};
let count = 0;

describe.each(Object.keys(stores))("members on a record in %s", (kind) => {
  const open = async (limits?: Parameters<typeof federation>[1]) => federation(await stores[kind](), limits);

  it("enrol with a token, act, and are told apart", async () => {
    const f = await open();
    const { token, expiresAt } = await f.invite("plant-3");
    expect(expiresAt).toBe(noon + tokenLife.usual);
    const plant = await f.join(token);
    expect(plant.enrolled.trust).toEqual({ plan: ["plan key"], release: ["release key"] });
    expect(await f.membership.checkCaller(plant.facts)).toEqual({
      ok: true,
      caller: { name: "plant-3", org: "acme", role: "site", serial: plant.facts.serial, by: "certificate" },
    });
    expect(await f.store.member("plant-3")).toMatchObject({ state: "active", serial: plant.facts.serial, expiresAt: noon + 30 * day });
    expect((await f.store.auditLog()).map((row) => `${row.actor} ${row.action} ${row.target}`)).toEqual([
      "local invite plant-3",
      "plant-3 enrol plant-3",
    ]);
    // Nothing of the key goes out but the request that proves it is held; the record holds nothing of the secret.
    const sent = JSON.stringify(plant.sent);
    expect(sent).not.toContain("PRIVATE");
    const { secret } = readToken(token);
    expect(sent).toContain(secret);
    const kept = JSON.stringify([await f.store.members(), await f.store.auditLog(), await f.store.tokens(noon)]);
    expect(kept).not.toContain(secret);
  });

  it("may use a token once, and repeat only with the same key", async () => {
    const f = await open();
    const { token } = await f.invite("plant-3");
    const first = await f.join(token);
    const again = await f.join(token, first.key);
    // The answer to the first was lost or not: both certificates are good.
    expect(await f.check(first.facts)).toBe("site");
    expect(await f.check(again.facts)).toBe("site");
    expect(await codeOfAsync(() => f.join(token))).toBe("TOKEN_REFUSED");
    expect((await f.store.member("plant-3"))?.spki).toBe(first.facts.spki);
  });

  it("are refused with a token that expired, is unknown, or was revoked with its name", async () => {
    const f = await open();
    const late = await f.invite("plant-1");
    const never = await f.invite("plant-2");
    f.clock.pass(tokenLife.usual + 1);
    expect(await codeOfAsync(() => f.join(late.token))).toBe("TOKEN_REFUSED");
    await f.membership.revoke({ name: "plant-2" }, "never came", "local");
    expect(await codeOfAsync(() => f.join(never.token))).toBe("TOKEN_REFUSED");
    const made = writeToken({ ...readToken(never.token), secret: Buffer.alloc(32).toString("base64url") });
    expect(await codeOfAsync(() => f.join(made))).toBe("TOKEN_REFUSED");
  });

  it("get what the invitation says, whatever the token was changed to say", async () => {
    const f = await open();
    const read = readToken((await f.invite("plant-3")).token);
    const key = generateKey("p256");
    // The coordinator goes by its own row; the plant sees that the answer is not what its token says.
    expect(await codeOfAsync(() => f.join(writeToken({ ...read, role: "admin" }), key))).toBe("CERTIFICATE_INVALID");
    expect(await f.store.member("plant-3")).toMatchObject({ role: "site", org: "acme" });
    expect((await f.join(writeToken(read), key)).facts.role).toBe("site");
  });

  it("cannot be enrolled over: two tokens for a name, one member", async () => {
    const f = await open();
    const one = await f.invite("plant-3");
    const two = await f.invite("plant-3");
    const first = await f.join(one.token);
    expect(await codeOfAsync(() => f.join(two.token))).toBe("MEMBER_CONFLICT");
    expect(await codeOfAsync(() => f.invite("plant-3"))).toBe("MEMBER_CONFLICT");
    expect(await f.check(first.facts)).toBe("site");
  });

  it("renew with overlap, at two thirds of their certificate's life", async () => {
    const f = await open();
    const plant = await f.join((await f.invite("plant-3")).token);
    expect((renewalDue(plant.facts) - noon) / day).toBeCloseTo(20, 1);
    f.clock.set(renewalDue(plant.facts));
    const key = generateKey("p256");
    const renewed = await f.membership.renew(plant.facts, createRequest(key, "plant-3"));
    checkEnrolled(renewed, { ...plant.facts, authority: f.authority.fingerprint }, key, f.clock.now());
    const facts = factsOf(readCertificate(renewed.certificate));
    expect([await f.check(plant.facts), await f.check(facts)]).toEqual(["site", "site"]);
    f.clock.set(plant.facts.notAfter);
    expect([await f.check(plant.facts), await f.check(facts)]).toEqual(["expired", "site"]);
    f.clock.set(facts.notAfter);
    expect(await f.check(facts)).toBe("expired");
    // A plant that was off for too long is invited again under its name.
    const back = await f.join((await f.invite("plant-3")).token);
    expect(await f.check(back.facts)).toBe("site");
  });

  it("hold a bounded number of certificates", async () => {
    const f = await open();
    const plant = await f.join((await f.invite("plant-3")).token);
    for (let i = 0; i < 7; i++) await f.membership.renew(plant.facts, createRequest(plant.key, "plant-3"));
    expect(await codeOfAsync(() => f.membership.renew(plant.facts, createRequest(plant.key, "plant-3")))).toBe("LIMIT_EXCEEDED");
  });

  it("are out from the next request on when revoked, for good, and their connections are named", async () => {
    const f = await open({ cachedFor: millis(1e9) });
    const plant = await f.join((await f.invite("plant-3")).token);
    const other = await f.join((await f.invite("plant-4")).token);
    const renewed = factsOf(readCertificate((await f.membership.renew(plant.facts, createRequest(plant.key, "p"))).certificate));
    expect(await f.check(plant.facts)).toBe("site");
    const revocation = await f.membership.revoke({ name: "plant-3" }, "sold", "local");
    expect(new Set(revocation.serials)).toEqual(new Set([plant.facts.serial, renewed.serial]));
    expect(f.cut).toEqual([revocation]);
    expect([await f.check(plant.facts), await f.check(renewed), await f.check(other.facts)]).toEqual(["revoked", "revoked", "site"]);
    expect(await codeOfAsync(() => f.membership.renew(plant.facts, createRequest(plant.key, "p")))).toBe("AUTH_REVOKED");
    // Neither a new invitation nor a new enrolment brings the old certificates back.
    const { token } = await f.invite("plant-3");
    expect(await f.check(plant.facts)).toBe("revoked");
    f.clock.pass(2000);
    const back = await f.join(token);
    expect([await f.check(plant.facts), await f.check(back.facts)]).toEqual(["revoked", "site"]);
    expect((await f.store.auditLog()).map((row) => row.action)).toContain("revoke");
  });

  it("lose one certificate by its serial, and keep the others", async () => {
    const f = await open();
    const plant = await f.join((await f.invite("plant-3")).token);
    const renewed = factsOf(readCertificate((await f.membership.renew(plant.facts, createRequest(plant.key, "p"))).certificate));
    expect(await f.membership.revoke({ serial: plant.facts.serial.toUpperCase() }, "lost disk", "local")).toEqual({
      name: "plant-3",
      serials: [plant.facts.serial],
      whole: false,
    });
    expect([await f.check(plant.facts), await f.check(renewed)]).toEqual(["revoked", "site"]);
    expect(await codeOfAsync(() => f.membership.revoke({ serial: "1234" }, "", "local"))).toBe("RECORD_MISSING");
    expect(await codeOfAsync(() => f.membership.revoke({ name: "nobody" }, "", "local"))).toBe("RECORD_MISSING");
  });

  it("are told when their role changed, and are nobody in another federation", async () => {
    const f = await open();
    const plant = await f.join((await f.invite("plant-3")).token);
    const row = await f.store.member("plant-3");
    f.clock.pass(10_000);
    await f.store.putMember({ ...row!, role: "aggregator" });
    expect(await f.check(plant.facts)).toBe("role changed");
    expect(await f.check({ ...plant.facts, federation: "others" })).toBe("unknown");
    expect(await f.check({ ...plant.facts, serial: "12" })).toBe("unknown");
    expect(await f.check({ ...plant.facts, name: "plant-4" })).toBe("unknown");
    expect(await f.check({ ...plant.facts, spki: "0".repeat(64) })).toBe("unknown");
    const refused = await f.membership.checkCaller(plant.facts);
    expect(() => demandCaller(refused, plant.facts)).toThrow(MillwrightError);
  });

  it("keep the one who lets in apart from the one who releases, for good", async () => {
    const f = await open();
    const sam = { name: "sam", org: "acme", role: "scientist" } as const;
    await f.membership.mayRelease(sam);
    for (const role of roles.filter((role) => role !== "scientist")) {
      expect(await codeOfAsync(() => f.membership.mayRelease({ name: "x", role }))).toBe("AUTH_FORBIDDEN");
    }
    await f.invite("plant-3", { by: { name: "sam", org: "acme", role: "admin" } });
    expect(await codeOfAsync(() => f.membership.mayRelease(sam))).toBe("AUTH_FORBIDDEN");
  });

  it("are let in and shut out only by who may, an operator in its own organisation", async () => {
    const f = await open();
    const operator = { name: "olga", org: "acme", role: "operator" } as const;
    for (const role of roles) {
      const by = { name: "x", org: "acme", role };
      const may = role === "admin" || role === "operator";
      expect(await codeOfAsync(() => f.invite(`of-${role}`, { by }))).toBe(may ? "nothing thrown" : "AUTH_FORBIDDEN");
      expect(await codeOfAsync(() => f.membership.revoke({ name: "of-admin" }, "", by))).toBe(may ? "nothing thrown" : "AUTH_FORBIDDEN");
    }
    await f.invite("plant-9", { org: "other" });
    expect(await codeOfAsync(() => f.invite("plant-8", { org: "other", by: operator }))).toBe("AUTH_FORBIDDEN");
    expect(await codeOfAsync(() => f.invite("boss", { role: "admin", by: operator }))).toBe("AUTH_FORBIDDEN");
    expect(await codeOfAsync(() => f.invite("sue", { role: "scientist", by: operator }))).toBe("AUTH_FORBIDDEN");
    expect(await codeOfAsync(() => f.membership.revoke({ name: "plant-9" }, "", operator))).toBe("AUTH_FORBIDDEN");
    expect(await codeOfAsync(() => f.invite("plant-7", { ttl: millis(15 * day) }))).toBe("LIMIT_EXCEEDED");
    expect(await codeOfAsync(() => f.invite("../x"))).toBe("CERTIFICATE_INVALID");
    expect(await codeOfAsync(() => f.invite("x", { urls: ["http://plain.example"] }))).toBe("TOKEN_REFUSED");
  });

  it("fail to enrol a few times a minute per address, and no more", async () => {
    const f = await open({ attempts: 3 });
    const { token } = await f.invite("plant-3");
    const wrong = { secret: Buffer.alloc(32).toString("base64url"), request: createRequest(generateKey("p256"), "x") };
    const from = (address: string, change: object = {}) => codeOfAsync(() => f.membership.enrol({ ...wrong, ...change, address }));
    expect(await from("a")).toBe("TOKEN_REFUSED");
    expect(await from("a", { secret: "short" })).toBe("TOKEN_REFUSED");
    expect(await from("a", { request: "no request" })).toBe("CERTIFICATE_INVALID");
    expect(await from("a")).toBe("RATE_LIMITED");
    expect(await from("b")).toBe("TOKEN_REFUSED");
    // A good token is not used up by what came before it, and neither by a request that proves nothing.
    const { secret } = readToken(token);
    expect(await from("b", { secret, request: "no request" })).toBe("CERTIFICATE_INVALID");
    expect(await codeOfAsync(() => f.join(token, undefined, "a"))).toBe("RATE_LIMITED");
    f.clock.pass(60_000);
    expect((await f.join(token, undefined, "a")).facts.name).toBe("plant-3");
  });
});

describe("the cache of callers", () => {
  it("never keeps what was read before a revocation", async () => {
    const store = memoryRecord().open();
    let release: (() => void) | undefined;
    const slow: RecordStore = {
      ...store,
      member: async (name) => {
        const row = await store.member(name);
        if (release === undefined && (await store.certificates(name)).length > 0) {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return row;
      },
    };
    const f = await federation(store, { cachedFor: millis(1e9) });
    const plant = await f.join((await f.invite("plant-3")).token);
    const g = createMembership({
      store: slow,
      authority: f.authority,
      clock: f.clock,
      random: testRandom(),
      trust: { plan: [], release: [] },
    });
    const asked = g.checkCaller(plant.facts);
    while (release === undefined) await new Promise((resolve) => setImmediate(resolve));
    await g.revoke({ name: "plant-3" }, "now", "local");
    release();
    expect((await asked).ok).toBe(true);
    expect(await g.checkCaller(plant.facts)).toEqual({ ok: false, reason: "revoked" });
  });
});

describe("the table of roles", () => {
  it("gives nobody what it does not name", () => {
    for (const role of roles) {
      for (const action of ["", "release", "__proto__", "constructor", "toString"]) expect(mayDo(role, action as never)).toBe(false);
      for (const action of actionsOf(role)) expect(rolesFor(action)).toContain(role);
    }
    expect(mayDo("root" as never, "plan.read")).toBe(false);
    expect(roleTable()).toHaveLength(Object.keys(actions).length);
  });
  it("keeps letting in and releasing apart", () => {
    for (const role of roles) expect(mayDo(role, "member.invite") && mayDo(role, "release.publish")).toBe(false);
  });
  it("lets a site do nothing but take part and read what concerns it", () => {
    expect(actionsOf("site")).toEqual(["round.take-part", "plan.read", "certificate.renew", "status.read", "releases.read"]);
    for (const action of actionsOf("auditor")) expect(action).toMatch(/read$|certificate.renew/);
  });
});

describe("tokens", () => {
  const token: EnrolmentToken = {
    ...{ urls, federation: "press-shops", org: "acme", name: "plant-3", role: "site" as const, authority: "ab".repeat(32) },
    secret: Buffer.alloc(32, 7).toString("base64url"),
  };
  it("survive copying with space around", () => {
    expect(readToken(`  ${writeToken(token)}\n`)).toEqual(token);
  });
  it("damaged at any place are refused with a code or say something else that is whole, and never tell the secret", () => {
    const line = writeToken(token);
    fc.assert(
      fc.property(fc.nat(line.length - 1), fc.constantFrom(..."Aa0_-.!\0é"), fc.nat(3), (at, by, cut) => {
        const damaged = line.slice(0, at) + by + line.slice(at + cut);
        try {
          readToken(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(MillwrightError);
          expect(["TOKEN_REFUSED", "CERTIFICATE_INVALID"]).toContain((error as MillwrightError).code);
          expect((error as Error).message).not.toContain(token.secret);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
