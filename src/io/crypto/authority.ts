/**
 * The federation's certificate authority (RFC 5280): one P-256 key that signs server certificates for the coordinator and short-lived
 * client certificates for members. Its private key is the federation: keep it offline where you can; with it anybody can be anybody.
 * It is not a public CA: no revocation lists are published, because the coordinator asks the member table at every request.
 */
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { fail } from "../../core/errors.js";
import type { Clock, SecretRandom } from "../../core/ports.js";
import { type Millis, millis } from "../../core/quantities.js";
import { certificatePem, fingerprintOf, readCertificate } from "./certificate.js";
import { checkFederation, checkIdentity, type Identity, spiffeId } from "./identity.js";
import { exportPrivateKey, generateKey, importPrivateKey, keyId, spkiOf } from "./keys.js";
import { type CertificateRequest, readRequest } from "./request.js";
import { type AltName, signCertificate, toPem } from "./x509.js";

const day = 86_400_000;
/** Longest life of each kind. A member renews at two thirds; an authority is replaced by enrolling anew. */
export const lifetimes = { authority: millis(3650 * day), server: millis(30 * day), member: millis(30 * day) } as const;
/** How far certificates are dated back, for members whose clock is behind. */
export const backdating = millis(5 * 60_000);

type Now = Pick<Clock, "now">;

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface IssuedServer extends KeyPair {
  readonly notAfter: Millis;
}

export interface IssuedMember extends Identity {
  /** PEM. */
  readonly certificate: string;
  readonly serial: string;
  readonly spki: string;
  readonly notBefore: Millis;
  readonly notAfter: Millis;
}

export interface Authority {
  readonly federation: string;
  /** PEM: what members trust. */
  readonly certificate: string;
  readonly x509: X509Certificate;
  /** SHA-256 of the certificate: what enrolment tokens pin. */
  readonly fingerprint: string;
  /** A key and certificate for a server known by these DNS names and IP addresses. Errors: CERTIFICATE_INVALID. */
  readonly issueServer: (server: {
    readonly names: readonly string[];
    readonly addresses: readonly string[];
    readonly validFor?: Millis;
  }) => IssuedServer;
  /** A client certificate for the key in the request; the subject in it is ignored. Errors: CERTIFICATE_INVALID. */
  readonly issueMember: (
    request: string | CertificateRequest,
    member: Omit<Identity, "federation"> & { readonly validFor?: Millis },
  ) => IssuedMember;
}

/** A new authority. Give its key PEM to `openAuthority` and to nobody else. Errors: CERTIFICATE_INVALID, KEY_INVALID. */
export function createAuthority(options: {
  readonly federation: string;
  readonly clock: Now;
  readonly random: SecretRandom;
  readonly passphrase?: string;
  readonly validFor?: Millis;
}): KeyPair {
  checkFederation(options.federation);
  const key = generateKey("p256");
  const now = options.clock.now();
  const subject = authoritySubject(options.federation);
  const spki = spkiOf(key);
  const der = signCertificate(
    {
      serial: newSerial(options.random),
      issuer: subject,
      subject,
      notBefore: now - backdating,
      notAfter: now + checkLife("authority", options.validFor),
      spki,
      issuerSpki: spki,
      usage: "authority",
      altNames: [],
    },
    key,
  );
  return { certificate: toPem("CERTIFICATE", der), key: exportPrivateKey(key, options.passphrase) };
}

/** An authority that issues. Errors: CERTIFICATE_INVALID, KEY_INVALID, also when certificate and key do not belong together. */
export function openAuthority(options: {
  readonly certificate: string;
  readonly key: string;
  readonly passphrase?: string;
  readonly clock: Now;
  readonly random: SecretRandom;
}): Authority {
  const x509 = readCertificate(options.certificate, "authority's certificate");
  const key = importPrivateKey(options.key, "authority's key", options.passphrase);
  if (!x509.ca || keyId(x509.publicKey) !== keyId(key)) {
    fail("KEY_INVALID", { where: "authority's key", expected: "the key of the authority's certificate", got: "another" });
  }
  const federation = federationOf(x509);
  const sign = (
    content: {
      readonly organization: string;
      readonly unit?: string;
      readonly commonName: string;
      readonly spki: Uint8Array;
      readonly altNames: readonly AltName[];
    },
    usage: "server" | "client",
    life: number,
  ): X509Certificate => {
    const now = options.clock.now();
    const der = signCertificate(
      {
        serial: newSerial(options.random),
        issuer: authoritySubject(federation),
        subject: content,
        notBefore: now - backdating,
        // Nothing outlives the authority itself.
        notAfter: Math.min(now + life, Date.parse(x509.validTo)),
        spki: content.spki,
        issuerSpki: spkiOf(key),
        usage,
        altNames: content.altNames,
      },
      key,
    );
    return readCertificate(der);
  };
  return {
    federation,
    certificate: certificatePem(x509),
    x509,
    fingerprint: fingerprintOf(x509),
    issueServer: ({ names, addresses, validFor }) => {
      const altNames = [...names.map((dns) => ({ dns: checkHost(dns) })), ...addresses.map((ip) => ({ ip }))];
      if (altNames.length === 0 || altNames.length > 64) {
        fail("CERTIFICATE_INVALID", { where: "server", expected: "1 to 64 names and addresses", got: `${altNames.length}` });
      }
      const own = generateKey("p256");
      const commonName = (names[0] ?? addresses[0]).slice(0, 64);
      const issued = sign({ organization: federation, commonName, spki: spkiOf(own), altNames }, "server", checkLife("server", validFor));
      return { certificate: certificatePem(issued), key: exportPrivateKey(own), notAfter: millis(Date.parse(issued.validTo)) };
    },
    issueMember: (request, { org, name, role, validFor }) => {
      const identity: Identity = { federation, org, name, role };
      checkIdentity(identity);
      const { spki, keyId: id } = typeof request === "string" ? readRequest(request) : request;
      const uri = spiffeId(identity);
      const life = checkLife("member", validFor);
      const issued = sign({ organization: org, unit: role, commonName: name, spki, altNames: [{ uri }] }, "client", life);
      return {
        ...identity,
        certificate: certificatePem(issued),
        serial: issued.serialNumber.toLowerCase().replace(/^0+(?=.)/, ""),
        spki: id,
        notBefore: millis(Date.parse(issued.validFrom)),
        notAfter: millis(Date.parse(issued.validTo)),
      };
    },
  };
}

/** The federation that an authority's certificate is for. Errors: CERTIFICATE_INVALID. */
export function federationOf(authority: X509Certificate): string {
  const match = /^O=([^\n]+)\nCN=millwright authority$/.exec(authority.subject);
  if (!authority.ca || match === null) {
    fail("CERTIFICATE_INVALID", { where: "authority", expected: "an authority's certificate", got: "another" });
  }
  checkFederation(match[1]);
  return match[1];
}

function authoritySubject(federation: string): { organization: string; commonName: string } {
  return { organization: federation, commonName: "millwright authority" };
}

/** 128 random bits; the first is clear and the second set, so that it is positive and its length is always the same. */
function newSerial(random: SecretRandom): Uint8Array {
  const serial = random.bytes(16).slice();
  serial[0] = (serial[0] & 0x3f) | 0x40;
  return serial;
}

function checkLife(kind: keyof typeof lifetimes, asked: Millis | undefined): number {
  if (asked === undefined) return lifetimes[kind];
  if (!(asked > 0 && asked <= lifetimes[kind])) {
    fail("CERTIFICATE_INVALID", {
      where: `life of a ${kind}'s certificate`,
      expected: `at most ${lifetimes[kind] / day} days`,
      got: `${asked / day} days`,
    });
  }
  return asked;
}

function checkHost(name: string): string {
  const label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  if (name.length > 253 || isIP(name) !== 0 || !new RegExp(`^${label}(\\.${label})*$`).test(name)) {
    fail("CERTIFICATE_INVALID", { where: "server name", expected: "a DNS name", got: JSON.stringify(name.slice(0, 80)) });
  }
  return name.toLowerCase();
}
