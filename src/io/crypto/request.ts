/**
 * A request for a certificate (PKCS#10, RFC 2986). The plant writes one with a key that never leaves it; the coordinator reads it, which
 * proves that the sender holds the key, and takes nothing from it but the public key. Only P-256 with ECDSA and SHA-256 is read.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { fail, MillwrightError } from "../../core/errors.js";
import { type DerNode, oid, readDer, sequence, tags } from "../../wire/der.js";
import { kindOf, sha256, spkiOf } from "./keys.js";
import { fromPem, oids, signRequest, toPem } from "./x509.js";

/** What a read request proves. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** SHA-256 of it, hex. */
  readonly keyId: string;
}

const ecdsaWithSha256 = sequence(oid(oids.ecdsaWithSha256));
/** What stands before the 65 bytes of an uncompressed P-256 point in its only SubjectPublicKeyInfo. */
const p256Prefix = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");

/** A request in PEM for a P-256 key. The name in it helps whoever looks at the file; nobody relies on it. */
export function createRequest(key: KeyObject, name: string): string {
  if (kindOf(key, "request") !== "p256") fail("KEY_INVALID", { where: "request", expected: "a P-256 key", got: "another" });
  return toPem("CERTIFICATE REQUEST", signRequest({ organization: "millwright", commonName: name.slice(0, 64) }, spkiOf(key), key));
}

/** Reads a request in PEM and checks its signature. Errors: CERTIFICATE_INVALID. */
export function readRequest(pem: string): CertificateRequest {
  const der = fromPem("CERTIFICATE REQUEST", pem);
  let root: DerNode;
  try {
    root = readDer(der);
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    return refuse(error.detail.expected, error.detail.got);
  }
  const [info, algorithm, signature] = root.children;
  if (root.tag !== tags.sequence || root.children.length !== 3) refuse("info, algorithm and signature", "something else");
  if (info.tag !== tags.sequence || info.children.length !== 4) refuse("version, subject, key and attributes", "something else");
  if (!same(algorithm.raw, ecdsaWithSha256)) refuse("ecdsa-with-SHA256", "another algorithm");
  if (signature.tag !== tags.bitString || signature.content[0] !== 0) refuse("a signature of whole bytes", "something else");
  const spki = info.children[2].raw;
  if (spki.length !== p256Prefix.length + 65 || !same(spki.subarray(0, p256Prefix.length), p256Prefix))
    refuse("a P-256 key", "another key");
  const publicKey = publicKeyOf(spki);
  if (!holds(info.raw, publicKey, signature.content.subarray(1))) refuse("a signature by the key in the request", "another signature");
  return { publicKey, spki: Uint8Array.from(spki), keyId: sha256(spki) };
}

function publicKeyOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    return refuse("a point on P-256", "another point");
  }
}

function holds(bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify("sha256", bytes, key, signature);
  } catch {
    return false;
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function refuse(expected: string, got: string): never {
  fail("CERTIFICATE_INVALID", {
    where: "certificate request",
    expected,
    got,
    remedy: "make it with millwright enroll, or openssl req with a prime256v1 key",
  });
}
