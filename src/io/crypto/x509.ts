/**
 * The few pieces of X.509 (RFC 5280) and PKCS#10 (RFC 2986) that this federation writes, as DER: P-256 keys, ECDSA with SHA-256, a fixed
 * set of extensions. They are written here rather than by a library so that the plant's bundle stays small and everything is synchronous,
 * as the fault simulator needs; certificates are read by Node's own parser (OpenSSL). Tests hold the bytes against `openssl`.
 */
import { createHash, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import { fail } from "../../core/errors.js";
import { bitString, boolean, explicit, implicit, integer, octetString, oid, sequence, set, time, utf8 } from "../../wire/der.js";

/** Object identifiers by their names in the standards. */
export const oids = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

export interface Subject {
  readonly organization: string;
  readonly unit?: string;
  readonly commonName: string;
}

export type AltName = { readonly uri: string } | { readonly dns: string } | { readonly ip: string };

/** Everything a certificate says, before it is signed. */
export interface CertificateContent {
  /** 16 random bytes. */
  readonly serial: Uint8Array;
  readonly issuer: Subject;
  readonly subject: Subject;
  /** Milliseconds since 1970; written to the second. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly issuerSpki: Uint8Array;
  readonly usage: "authority" | "server" | "client";
  readonly altNames: readonly AltName[];
}

/** A certificate in DER, signed with the issuer's P-256 key. */
export function signCertificate(content: CertificateContent, issuerKey: KeyObject): Uint8Array {
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  const tbs = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(content.serial),
    algorithm,
    writeName(content.issuer),
    sequence(time(content.notBefore), time(content.notAfter)),
    writeName(content.subject),
    content.spki,
    explicit(3, sequence(...extensionsOf(content))),
  );
  return sequence(tbs, algorithm, bitString(sign("sha256", tbs, issuerKey)));
}

/** A PKCS#10 request in DER for the key's public half. Its subject is only a hint to whoever reads it; the issuer decides. */
export function signRequest(subject: Subject, spki: Uint8Array, key: KeyObject): Uint8Array {
  const info = sequence(integer(Uint8Array.of(0)), writeName(subject), spki, explicit(0));
  return sequence(info, sequence(oid(oids.ecdsaWithSha256)), bitString(sign("sha256", info, key)));
}

function extensionsOf(content: CertificateContent): Uint8Array[] {
  const isAuthority = content.usage === "authority";
  const list = [
    extension(oids.basicConstraints, isAuthority ? sequence(boolean(true), integer(Uint8Array.of(0))) : sequence(), true),
    // keyCertSign and cRLSign, or digitalSignature.
    extension(oids.keyUsage, isAuthority ? bitString(Uint8Array.of(0x06), 1) : bitString(Uint8Array.of(0x80), 7), true),
    extension(oids.subjectKeyIdentifier, octetString(keyIdentifier(content.spki))),
    extension(oids.authorityKeyIdentifier, sequence(implicit(0, keyIdentifier(content.issuerSpki)))),
  ];
  if (!isAuthority)
    list.push(extension(oids.extendedKeyUsage, sequence(oid(content.usage === "server" ? oids.serverAuth : oids.clientAuth))));
  if (content.altNames.length > 0) list.push(extension(oids.subjectAltName, sequence(...content.altNames.map(writeAltName))));
  return list;
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return critical ? sequence(oid(id), boolean(true), octetString(value)) : sequence(oid(id), octetString(value));
}

function writeName({ organization, unit, commonName }: Subject): Uint8Array {
  const part = (id: string, text: string): Uint8Array => set(sequence(oid(id), utf8(text)));
  return sequence(
    part(oids.organization, organization),
    ...(unit === undefined ? [] : [part(oids.organizationalUnit, unit)]),
    part(oids.commonName, commonName),
  );
}

function writeAltName(name: AltName): Uint8Array {
  if ("uri" in name) return implicit(6, new TextEncoder().encode(name.uri));
  if ("dns" in name) return implicit(2, new TextEncoder().encode(name.dns));
  return implicit(7, addressBytes(name.ip));
}

/** SHA-1 over the public key's bits (RFC 5280, 4.2.1.2, method 1): a name for the key, not a protection. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  // The bits of an uncompressed P-256 point are the last 65 bytes of its SubjectPublicKeyInfo.
  return createHash("sha1").update(spki.subarray(-65)).digest();
}

/** The bytes of an IPv4 or IPv6 address. Errors: CERTIFICATE_INVALID. */
function addressBytes(text: string): Uint8Array {
  if (isIP(text) === 4) return Uint8Array.from(text.split(".").map(Number));
  if (isIP(text) !== 6 || text.includes("%") || text.includes(".")) {
    fail("CERTIFICATE_INVALID", { where: "address", expected: "an IPv4 or IPv6 address", got: JSON.stringify(text.slice(0, 80)) });
  }
  const [head, tail] = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const groups = tail === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

/** DER in PEM's armour. */
export function toPem(label: "CERTIFICATE" | "CERTIFICATE REQUEST", der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The DER inside exactly one PEM block of that label. Errors: CERTIFICATE_INVALID. */
export function fromPem(label: "CERTIFICATE" | "CERTIFICATE REQUEST", text: string): Uint8Array {
  const match = text.length > 1 << 15 ? null : /^\s*-----BEGIN ([A-Z ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/.exec(text);
  if (match === null || match[1] !== label) {
    fail("CERTIFICATE_INVALID", { where: label.toLowerCase(), expected: `one block of PEM, ${label}`, got: "something else" });
  }
  return Buffer.from(match[2], "base64");
}
