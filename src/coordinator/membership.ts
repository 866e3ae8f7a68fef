/**
 * Who belongs to the federation, on the record: invitations, enrolment, renewal, revocation, and the question of every request, "may this
 * certificate act now?". Answers of the last are kept in memory for a few seconds; a revocation made here empties them at once, one made
 * by another process over the same record is seen when they run out.
 */
import { fail, MillwrightError } from "../core/errors.js";
import type { Clock, SecretRandom } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";
import type { MemberRow, RecordStore } from "../core/record.js";
import type { Caller } from "../core/route.js";
import { type Authority, backdating, type IssuedMember } from "../io/crypto/authority.js";
import type { CertificateFacts } from "../io/crypto/certificate.js";
import type { Enrolled } from "../io/crypto/enrol.js";
import { checkIdentity, type Identity } from "../io/crypto/identity.js";
import { readRequest } from "../io/crypto/request.js";
import { hashSecret, newSecret, writeToken } from "../io/crypto/token.js";
import { createAttempts } from "./membership-attempts.js";
import { createCallerCache } from "./membership-cache.js";
import { mayDo, operatorInvites } from "./roles.js";

/** Who asks: a member, or whoever is at the coordinator's machine. */
export type Asker = Pick<Caller, "name" | "org" | "role"> | "local";

export type RefusalReason = "unknown" | "revoked" | "expired" | "role changed";
export type CallerCheck = { readonly ok: true; readonly caller: Caller } | { readonly ok: false; readonly reason: RefusalReason };

export interface Invitation {
  /** The line to hand over. It cannot be shown again. */
  readonly token: string;
  readonly expiresAt: Millis;
}

export interface Revocation {
  readonly name: string;
  /** Certificates that no longer count: live connections that showed one of them are to be cut. */
  readonly serials: readonly string[];
  /** The member itself is shut out, and not one of its certificates only. */
  readonly whole: boolean;
}

export interface Membership {
  /** Invites a member: a token bound to its name and role. Errors: AUTH_FORBIDDEN, MEMBER_CONFLICT, CERTIFICATE_INVALID, LIMIT_EXCEEDED. */
  readonly createToken: (
    member: Omit<Identity, "federation"> & { readonly urls: readonly string[]; readonly ttl?: Millis; readonly by: Asker },
  ) => Promise<Invitation>;
  /** Errors: TOKEN_REFUSED, CERTIFICATE_INVALID, AUTH_REVOKED, MEMBER_CONFLICT, RATE_LIMITED. */
  readonly enrol: (request: { readonly secret: string; readonly request: string; readonly address: string }) => Promise<Enrolled>;
  /** A certificate for a new or the same key; the old one stays good until it ends. Errors: AUTH_*, CERTIFICATE_INVALID, LIMIT_EXCEEDED. */
  readonly renew: (caller: Pick<Caller, "name" | "serial">, request: string) => Promise<Enrolled>;
  /** By name: the member and all it has; by serial: one certificate. Errors: AUTH_FORBIDDEN, RECORD_MISSING. */
  readonly revoke: (what: { readonly name: string } | { readonly serial: string }, reason: string, by: Asker) => Promise<Revocation>;
  /** May this certificate act now? Asked at every request. */
  readonly checkCaller: (facts: CertificateFacts, by?: Caller["by"]) => Promise<CallerCheck>;
  /** Separation of duties: whoever let a node in cannot release a model. Errors: AUTH_FORBIDDEN. */
  readonly mayRelease: (caller: Pick<Caller, "name" | "role">) => Promise<void>;
}

/** How long an invitation is good unless it says otherwise, and at most. */
export const tokenLife = { usual: millis(24 * 3_600_000), longest: millis(14 * 86_400_000) } as const;
/** Certificates of one member that are good at the same time. */
const overlapping = 8;

/** The code under which a reason is told. */
export const refusalCodes = {
  unknown: "AUTH_UNKNOWN",
  revoked: "AUTH_REVOKED",
  expired: "AUTH_EXPIRED",
  "role changed": "AUTH_ROLE",
} as const satisfies Readonly<Record<RefusalReason, string>>;

export function createMembership(options: {
  readonly store: RecordStore;
  readonly authority: Authority;
  readonly clock: Pick<Clock, "now">;
  readonly random: SecretRandom;
  /** Public keys in PEM that members shall believe; asked anew for each, where they may be replaced. */
  readonly trust: Enrolled["trust"] | (() => Enrolled["trust"]);
  readonly onRevoked?: (revocation: Revocation) => void;
  readonly limits?: { readonly cachedFor?: Millis; readonly callers?: number; readonly attempts?: number };
}): Membership {
  const { store, authority, clock, random, trust, limits = {} } = options;
  const attempts = createAttempts({ perMinute: limits.attempts ?? 10, addresses: 4096 });
  const cache = createCallerCache(store, { keep: limits.cachedFor ?? millis(5000), entries: limits.callers ?? 20_000 });

  const answer = (issued: IssuedMember): Enrolled => ({
    certificate: issued.certificate,
    authority: authority.certificate,
    trust: typeof trust === "function" ? trust() : trust,
  });

  /** The certificate's row first: a member is never active with one that nobody knows. */
  const keep = async (member: MemberRow, issued: IssuedMember, action: "enrol" | "renew"): Promise<void> => {
    const { serial, spki, notBefore, notAfter } = issued;
    await store.putCertificate({ serial, member: member.name, spki, notBefore, notAfter });
    const now = clock.now();
    const detail = { serial, spki, role: member.role, org: member.org, until: notAfter };
    await store.putMember(
      {
        ...member,
        state: "active",
        spki,
        serial,
        certificate: issued.certificate,
        expiresAt: notAfter,
        // The same key asking again (its answer was lost) is the same enrolment.
        enrolledAt: member.state === "active" && (action === "renew" || member.spki === spki) ? member.enrolledAt : issuedAt(notBefore),
      },
      { audit: [{ at: now, actor: member.name, action, target: member.name, detail }] },
    );
    cache.forget(member.name);
  };

  return {
    createToken: async ({ org, name, role, urls, ttl = tokenLife.usual, by }) => {
      checkIdentity({ federation: authority.federation, org, name, role });
      allowInvite(by, org, role);
      if (!(ttl > 0 && ttl <= tokenLife.longest)) {
        fail("LIMIT_EXCEEDED", { where: "life of a token", expected: "at most 14 days", got: `${ttl} ms` });
      }
      const now = clock.now();
      const there = await store.member(name);
      if (there !== undefined) allowAgain(there, { org, role }, now);
      const secret = newSecret(random);
      const token = writeToken({ urls, federation: authority.federation, org, name, role, authority: authority.fingerprint, secret });
      const expiresAt = millis(now + ttl);
      const createdBy = nameOf(by);
      // Kept for good: the one who let a node in is refused a release, whatever role it has by then.
      await store.putSetting(approverKey(createdBy), String(now));
      if (there?.state !== "active") await store.putMember({ name, org, role, state: "invited", meta: there?.meta ?? {} });
      await store.putToken(
        { hash: hashSecret(secret) as string, name, org, role, expiresAt, createdBy },
        { audit: [{ at: now, actor: createdBy, action: "invite", target: name, detail: { org, role, expiresAt } }] },
      );
      return { token, expiresAt };
    },

    enrol: async ({ secret, request, address }) => {
      const now = clock.now();
      attempts.check(address, now);
      const hash = hashSecret(secret);
      if (hash === undefined) {
        attempts.failed(address, now);
        return refuseToken("unknown");
      }
      const asked = readChecked(request, () => attempts.failed(address, now));
      const use = await store.useToken(hash, asked.keyId, now);
      if (!use.granted) {
        attempts.failed(address, now);
        return refuseToken(use.reason);
      }
      const { name, org, role } = use.token;
      const member = await store.member(name);
      if (member === undefined || member.state === "revoked") {
        fail("AUTH_REVOKED", { where: name, expected: "an invited member", got: "a revoked one", remedy: "ask for a new token" });
      }
      const inUse = member.state === "active" && member.spki !== asked.keyId && (member.expiresAt ?? 0) > now;
      if (member.org !== org || member.role !== role || inUse) {
        fail("MEMBER_CONFLICT", {
          where: name,
          expected: "a token for the member as it is now",
          got: inUse ? "a member that enrolled with another key" : "a token for another role or organisation",
          remedy: "have the member revoked and invited again",
        });
      }
      const issued = authority.issueMember(asked, { org, name, role });
      await keep(member, issued, "enrol");
      return answer(issued);
    },

    renew: async ({ name }, request) => {
      const member = await store.member(name);
      if (member === undefined || member.state !== "active") {
        fail("AUTH_REVOKED", { where: name, expected: "an active member", got: member?.state ?? "none", remedy: "ask for a new token" });
      }
      const now = clock.now();
      const good = (await store.certificates(name)).filter((row) => row.revokedAt === undefined && row.notAfter > now);
      if (good.length >= overlapping) {
        fail("LIMIT_EXCEEDED", {
          where: name,
          expected: `at most ${overlapping} certificates at a time`,
          got: `${good.length}`,
          remedy: "wait until older ones have ended, or have them revoked by serial",
        });
      }
      const issued = authority.issueMember(request, { org: member.org, name, role: member.role });
      await keep(member, issued, "renew");
      return answer(issued);
    },

    revoke: async (what, reason, by) => {
      const serial = "serial" in what ? what.serial.toLowerCase().replace(/^0+(?=.)/, "") : undefined;
      const name = "name" in what ? what.name : (await store.certificate(serial as string))?.member;
      const member = name === undefined ? undefined : await store.member(name);
      if (name === undefined || member === undefined) {
        fail("RECORD_MISSING", { where: "revoke", expected: "the name of a member or the serial of a certificate", got: "none of them" });
      }
      allow(by, "member.revoke");
      if (by !== "local" && by.role === "operator" && member.org !== by.org) forbid(by, "a member of its own organisation");
      const at = clock.now();
      const why = reason.slice(0, 500);
      let serials: readonly string[];
      if (serial === undefined) {
        await store.revokeMember(name, nameOf(by), why, at);
        serials = (await store.certificates(name)).map((row) => row.serial);
      } else {
        const detail = { serial, reason: why };
        await store.revokeCertificate(serial, at, {
          audit: [{ at, actor: nameOf(by), action: "revoke certificate", target: name, detail }],
        });
        serials = [serial];
      }
      cache.forget(name);
      const revocation = { name, serials, whole: serial === undefined };
      options.onRevoked?.(revocation);
      return revocation;
    },

    checkCaller: async (facts, by = "certificate") => {
      const refused = (reason: RefusalReason): CallerCheck => ({ ok: false, reason });
      if (facts.federation !== authority.federation) return refused("unknown");
      const now = clock.now();
      const { certificate, member } = await cache.look(facts.serial, now);
      if (certificate === undefined || member === undefined) return refused("unknown");
      if (certificate.member !== facts.name || certificate.spki !== facts.spki || member.org !== facts.org) return refused("unknown");
      if (certificate.revokedAt !== undefined || member.state === "revoked") return refused("revoked");
      // Invited again after a revocation: what it has from before does not count, nor once it has enrolled anew.
      if (member.state !== "active" || issuedAt(certificate.notBefore) < (member.enrolledAt ?? 0)) return refused("revoked");
      if (now < facts.notBefore || now >= facts.notAfter) return refused("expired");
      if (member.role !== facts.role) return refused("role changed");
      return { ok: true, caller: { name: member.name, org: member.org, role: member.role, serial: facts.serial, by } };
    },

    mayRelease: async (caller) => {
      if (!mayDo(caller.role, "release.publish")) forbid(caller, "a role that releases models");
      if ((await store.setting(approverKey(caller.name))) !== undefined) {
        forbid(caller, "somebody who never let a node in", "have somebody else release it: the two duties are kept apart");
      }
    },
  };
}

/** Throws what a refused caller is told. Errors: AUTH_UNKNOWN, AUTH_REVOKED, AUTH_EXPIRED, AUTH_ROLE. */
export function demandCaller(check: CallerCheck, facts: Pick<CertificateFacts, "name" | "notAfter">): Caller {
  if (check.ok) return check.caller;
  const remedies: Readonly<Record<RefusalReason, string>> = {
    unknown: "enroll at this coordinator",
    revoked: "ask the federation's administrator why, and for a new token",
    expired: "ask for a new token; check this machine's clock",
    "role changed": "ask for a new token: the certificate names the role it was issued for",
  };
  return fail(refusalCodes[check.reason], {
    where: facts.name,
    expected: "a certificate that is in force",
    got: check.reason === "expired" ? `one that ends ${new Date(facts.notAfter).toISOString()}` : `one that is ${check.reason}`,
    remedy: remedies[check.reason],
  });
}

function allow(by: Asker, action: "member.invite" | "member.revoke"): void {
  if (by !== "local" && !mayDo(by.role, action)) forbid(by, `a role that may ${action}`);
}

function allowInvite(by: Asker, org: string, role: Identity["role"]): void {
  allow(by, "member.invite");
  if (by === "local" || by.role === "admin") return;
  if (by.org !== org || !operatorInvites.includes(role)) forbid(by, `a ${operatorInvites.join(" or ")} of its own organisation`);
}

/** A member that is there can be invited again only when it cannot act, and as what it was unless it was revoked. */
function allowAgain(there: MemberRow, asked: Pick<Identity, "org" | "role">, now: Millis): void {
  if (there.state === "revoked" || there.state === "invited") return;
  if ((there.expiresAt ?? 0) > now || there.org !== asked.org || there.role !== asked.role) {
    fail("MEMBER_CONFLICT", {
      where: there.name,
      expected: "a name that is free",
      got: `an active ${there.role} of ${there.org}`,
      remedy: "revoke it first, or choose another name",
    });
  }
}

function readChecked(request: string, onFault: () => void): ReturnType<typeof readRequest> {
  try {
    return readRequest(request);
  } catch (error) {
    if (error instanceof MillwrightError) onFault();
    throw error;
  }
}

/** Certificates are dated back. */
function issuedAt(notBefore: Millis): Millis {
  return millis(notBefore + backdating);
}

function nameOf(by: Asker): string {
  return by === "local" ? "local" : by.name;
}

function approverKey(name: string): string {
  return `approver:${name}`;
}

function refuseToken(reason: "unknown" | "expired" | "used"): never {
  fail("TOKEN_REFUSED", {
    where: "enrolment token",
    expected: "one that is good",
    got: `one that is ${reason}`,
    remedy: "ask for a new token",
  });
}

function forbid(by: { readonly name: string; readonly role: string }, expected: string, remedy?: string): never {
  fail("AUTH_FORBIDDEN", { where: by.name, expected, got: by.role, remedy });
}
