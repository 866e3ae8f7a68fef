/**
 * Reads certificates, strictly: what this federation issues and nothing else. Parsing is OpenSSL's, through Node. Whether a member may
 * act now is not decided here but by the member table (coordinator/membership).
 */
import { createHash, X509Certificate } from "node:crypto";
import { fail } from "../../core/errors.js";
import { type Millis, millis } from "../../core/quantities.js";
import { type Identity, isRole, parseSpiffeId } from "./identity.js";
import { kindOf, sha256, spkiOf } from "./keys.js";
import { fromPem, oids, toPem } from "./x509.js";

const largest = 1 << 14;

/** What a member's certificate says. */
export interface CertificateFacts extends Identity {
  /** Lower-case hex without leading zeros. */
  readonly serial: string;
  /** SHA-256 of SubjectPublicKeyInfo, hex. */
  readonly spki: string;
  readonly notBefore: Millis;
  readonly notAfter: Millis;
}

/** A certificate of PEM or DER. Errors: CERTIFICATE_INVALID. */
export function readCertificate(source: string | Uint8Array, where = "certificate"): X509Certificate {
  const der = typeof source === "string" ? fromPem("CERTIFICATE", source) : source;
  if (der.length > largest) {
    fail("CERTIFICATE_INVALID", { where, expected: `at most ${largest} bytes`, got: `${der.length}` });
  }
  const certificate = parse(der);
  if (certificate === undefined)
    fail("CERTIFICATE_INVALID", { where, expected: "a certificate in DER and nothing else", got: "something else" });
  return certificate;
}

/** OpenSSL parses the key only when it is asked for, so it is asked for here; what it passes over (PEM, bytes at the end) is refused. */
function parse(der: Uint8Array): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    return certificate.publicKey.type === "public" && Buffer.compare(certificate.raw, der) === 0 ? certificate : undefined;
  } catch {
    return undefined;
  }
}

/** Who a member's certificate names. Errors: CERTIFICATE_INVALID unless it is formed exactly as the authority forms one. */
export function identityOf(certificate: X509Certificate): Identity {
  const { federation, org, name, role } = factsOf(certificate);
  return { federation, org, name, role };
}

/** Identity, serial, key and dates of a member's certificate. Errors: CERTIFICATE_INVALID. */
export function factsOf(certificate: X509Certificate): CertificateFacts {
  const alt = certificate.subjectAltName ?? "";
  const id = alt.startsWith("URI:") ? parseSpiffeId(alt.slice(4)) : undefined;
  if (id === undefined) refuse("one URI spiffe://federation/org/name and no other name", JSON.stringify(alt.slice(0, 120)));
  const role = /^O=([^\n]+)\nOU=([a-z]+)\nCN=([^\n]+)$/.exec(certificate.subject);
  if (role === null || role[1] !== id.org || role[3] !== id.name || !isRole(role[2]))
    refuse("a subject that agrees with the URI", "another");
  if (certificate.ca) refuse("a member's certificate", "an authority's");
  if (certificate.keyUsage?.length !== 1 || certificate.keyUsage[0] !== oids.clientAuth) refuse("clientAuth as its one use", "another");
  return { ...id, role: role[2], ...commonFacts(certificate) };
}

/** Serial, key and dates of any certificate of this federation. Errors: CERTIFICATE_INVALID. */
export function commonFacts(certificate: X509Certificate): Pick<CertificateFacts, "serial" | "spki" | "notBefore" | "notAfter"> {
  const serial = serialOf(certificate);
  if (!/^[0-9a-f]{1,40}$/.test(serial)) refuse("a serial number of at most 20 bytes", "another");
  if (kindOf(certificate.publicKey, "certificate") !== "p256") refuse("a P-256 key", "another");
  return {
    serial,
    spki: sha256(spkiOf(certificate.publicKey)),
    notBefore: moment(certificate.validFrom),
    notAfter: moment(certificate.validTo),
  };
}

/** Lower-case hex without leading zeros, as the transport tells it. */
export function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, "");
}

/** SHA-256 of the certificate's DER, hex: what an enrolment token pins. */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}

/** Whether one of the authorities issued it; dates are not looked at. */
export function isIssuedBy(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return authorities.some((authority) => authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
}

export function certificatePem(certificate: X509Certificate): string {
  return toPem("CERTIFICATE", certificate.raw);
}

/** Node 20 gives dates only as text: "Nov 22 04:45:32 2026 GMT". */
function moment(text: string): Millis {
  const at = Date.parse(text);
  if (!text.endsWith("GMT") || !Number.isFinite(at)) refuse("dates in GMT", JSON.stringify(text.slice(0, 40)));
  return millis(at);
}

function refuse(expected: string, got: string): never {
  fail("CERTIFICATE_INVALID", { where: "certificate", expected, got });
}
