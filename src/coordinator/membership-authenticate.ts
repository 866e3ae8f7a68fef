/**
 * Says who sends a request: by its certificate where mutual TLS reached us, by its signature where a proxy broke it. Both end in the same
 * question to the member table, at every request, so a revocation counts from the next one on.
 */
import type { X509Certificate } from "node:crypto";
import { fail } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { RecordStore } from "../core/record.js";
import type { Authenticate, PeerCertificate } from "../core/route.js";
import { type CertificateFacts, factsOf, isIssuedBy, readCertificate } from "../io/crypto/certificate.js";
import { isSigned, readSignedRequest } from "../io/crypto/signed-request.js";
import { demandCaller, type Membership } from "./membership.js";

/** Certificates whose parse is kept. */
const parsed = 10_000;

/**
 * Errors of what it gives: AUTH_REQUIRED, AUTH_UNKNOWN, AUTH_REVOKED, AUTH_EXPIRED, AUTH_ROLE, CERTIFICATE_INVALID, and for signed
 * requests AUTH_SIGNATURE, AUTH_FEDERATION, AUTH_TARGET, AUTH_STALE, AUTH_REPLAYED.
 */
export function createAuthenticate(options: {
  readonly federation: string;
  /** The federation's own; several while one replaces another. */
  readonly authorities: readonly X509Certificate[];
  readonly membership: Pick<Membership, "checkCaller">;
  readonly store: Pick<RecordStore, "useNonce">;
  readonly clock: Pick<Clock, "now">;
}): Authenticate {
  const { federation, authorities, membership, store, clock } = options;
  const read = createReader(authorities);
  return async ({ certificate, problem, method, target, headers }) => {
    if (certificate !== undefined) {
      const facts = read(certificate);
      return { caller: demandCaller(await membership.checkCaller(facts, "certificate"), facts) };
    }
    if (!isSigned(headers)) demandCertificate(problem);
    const signed = readSignedRequest({ method, target, headers }, { federation, authorities, now: clock.now() });
    const caller = demandCaller(await membership.checkCaller(signed.facts, "signature"), signed.facts);
    // Last, so that only a member's own request can use up its nonces.
    if (!(await store.useNonce(caller.name, signed.nonce, signed.nonceUntil, clock.now()))) {
      fail("AUTH_REPLAYED", {
        where: caller.name,
        expected: "a nonce that was not used",
        got: "one that was",
        remedy: "sign every request anew",
      });
    }
    return { caller, bodySha256: signed.bodySha256 };
  };
}

function demandCertificate(problem: string | undefined): never {
  const expired = problem === "CERT_HAS_EXPIRED" || problem === "CERT_NOT_YET_VALID";
  fail(expired ? "AUTH_EXPIRED" : "AUTH_REQUIRED", {
    where: "request",
    expected: "a certificate of this federation that is in force, or a signature",
    got: problem ?? "neither",
    remedy: expired
      ? "check this machine's clock; if the certificate has ended, ask for a new token"
      : "enroll first; where a proxy opens TLS, turn on signed requests",
  });
}

/** Facts of a certificate, kept by serial for the bytes they were read from. */
function createReader(authorities: readonly X509Certificate[]): (certificate: PeerCertificate) => CertificateFacts {
  const kept = new Map<string, { readonly der: Uint8Array; readonly facts: CertificateFacts }>();
  return ({ serial, der }) => {
    const there = kept.get(serial);
    if (there !== undefined && Buffer.compare(there.der, der) === 0) return there.facts;
    const certificate = readCertificate(der, "client certificate");
    const facts = factsOf(certificate);
    if (facts.serial !== serial || !isIssuedBy(certificate, authorities)) {
      fail("CERTIFICATE_INVALID", { where: "client certificate", expected: "one of this federation's authority", got: "another" });
    }
    kept.set(serial, { der: Uint8Array.from(der), facts });
    if (kept.size > parsed) kept.delete(kept.keys().next().value as string);
    return facts;
  };
}
