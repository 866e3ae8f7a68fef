/**
 * Requests that carry their own identity, for where a proxy breaks mutual TLS: a fixed profile of HTTP Message Signatures (RFC 9421) with
 * ECDSA P-256 and SHA-256, over a Content-Digest (RFC 9530), method and target, and the certificate of the enrolled key. The federation
 * is the tag, and time and nonce are parameters. The profile is exact: one spelling is accepted.
 *
 * What it gives: nobody between can change, repeat or redirect a request. What it does not: secrecy from the proxy, and proof of who
 * answers. Answers are believed for what they are signed or hashed with.
 */
import { type KeyObject, sign, verify, type X509Certificate } from "node:crypto";
import { type ErrorCode, fail } from "../../core/errors.js";
import type { Clock, SecretRandom } from "../../core/ports.js";
import { type Millis, millis } from "../../core/quantities.js";
import type { RequestSigner } from "../../core/route.js";
import { type CertificateFacts, factsOf, isIssuedBy, readCertificate } from "./certificate.js";

/** How far a request's time may be from the server's clock, either way. */
export const clockTolerance = millis(300_000);

const covered = '("content-digest" "millwright-target" "millwright-certificate")';
/** The headers of a signed request, in lower case. */
export const signedHeaders = ["content-digest", "millwright-target", "millwright-certificate", "signature-input", "signature"] as const;
const longest = { target: 4096, certificate: 4096, input: 512 } as const;

/** What a signed request proves, before its body was read and before anybody asked whether the member may act. */
export interface SignedRequest {
  readonly facts: CertificateFacts;
  /** SHA-256 that the body must have, hex. */
  readonly bodySha256: string;
  /** To be used up once before `nonceUntil`; after that the request is stale anyway. */
  readonly nonce: string;
  readonly nonceUntil: Millis;
}

/** Signs requests of one member. The key stays in the closure. */
export function createRequestSigner(options: {
  readonly key: KeyObject;
  /** The member's own, PEM. */
  readonly certificate: string;
  readonly clock: Pick<Clock, "now">;
  readonly random: SecretRandom;
}): RequestSigner {
  const certificate = readCertificate(options.certificate);
  const facts = factsOf(certificate);
  const shown = bytesItem(certificate.raw);
  return async ({ method, target, bodySha256 }) => {
    const created = Math.floor(options.clock.now() / 1000);
    const nonce = Buffer.from(options.random.bytes(16)).toString("base64url");
    const digest = `sha-256=${bytesItem(Buffer.from(bodySha256, "hex"))}`;
    const params = paramsOf({ created, nonce, serial: facts.serial, federation: facts.federation });
    const base = baseOf(digest, `${method} ${target}`, shown, params);
    const signature = sign("sha256", Buffer.from(base), { key: options.key, dsaEncoding: "ieee-p1363" });
    return {
      "content-digest": digest,
      "millwright-target": `${method} ${target}`,
      "millwright-certificate": shown,
      "signature-input": `millwright=${params}`,
      signature: `millwright=${bytesItem(signature)}`,
    };
  };
}

/** Whether a request claims to be signed. */
export function isSigned(headers: Readonly<Record<string, string>>): boolean {
  return Object.hasOwn(headers, "signature-input") || Object.hasOwn(headers, "signature");
}

/**
 * Reads and verifies the headers of a signed request. The caller then asks the member table, uses up the nonce, and holds the body to its
 * digest. Errors: AUTH_FEDERATION, AUTH_SIGNATURE, AUTH_TARGET, AUTH_STALE.
 */
export function readSignedRequest(
  request: { readonly method: string; readonly target: string; readonly headers: Readonly<Record<string, string>> },
  expected: { readonly federation: string; readonly authorities: readonly X509Certificate[]; readonly now: Millis },
): SignedRequest {
  const header = (name: (typeof signedHeaders)[number], limit: number): string => {
    const value = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
    if (typeof value !== "string" || value.length > limit || !/^[\x20-\x7e]+$/.test(value))
      refuse("AUTH_SIGNATURE", `header ${name}`, "none that can be read");
    return value;
  };
  const digest = header("content-digest", 128);
  const target = header("millwright-target", longest.target);
  const shown = header("millwright-certificate", longest.certificate);
  const input = header("signature-input", longest.input);
  const params = parseParams(input);
  if (params.federation !== expected.federation)
    refuse("AUTH_FEDERATION", `a request to ${expected.federation}`, `one to ${params.federation}`);
  const certificate = certificateOf(shown, expected.authorities);
  const facts = factsOf(certificate);
  if (facts.serial !== params.serial) refuse("AUTH_SIGNATURE", "the serial of the certificate as keyid", "another");
  const bodySha256 = itemBytes(/^sha-256=(:[^:]+:)$/.exec(digest)?.[1], 32);
  const signature = itemBytes(/^millwright=(:[^:]+:)$/.exec(header("signature", 256))?.[1], 64);
  const base = Buffer.from(baseOf(digest, target, shown, input.slice("millwright=".length)));
  if (!holds(certificate, base, signature)) refuse("AUTH_SIGNATURE", "a signature by the certificate's key", "one that does not hold");
  if (target !== `${request.method} ${request.target}`) {
    refuse("AUTH_TARGET", "the method and path that were signed", "others", "a proxy rewrites paths; have it leave them alone");
  }
  const at = params.created * 1000;
  if (Math.abs(expected.now - at) > clockTolerance) {
    const off = Math.round((expected.now - at) / 1000);
    refuse(
      "AUTH_STALE",
      `a time within ${clockTolerance / 1000} s of the server's`,
      `${Math.abs(off)} s ${off > 0 ? "behind" : "ahead"}`,
      "set the clocks (NTP)",
    );
  }
  return { facts, bodySha256: bodySha256.toString("hex"), nonce: params.nonce, nonceUntil: millis(at + clockTolerance + 1000) };
}

function paramsOf(p: { readonly created: number; readonly nonce: string; readonly serial: string; readonly federation: string }): string {
  return `${covered};created=${p.created};nonce="${p.nonce}";keyid="${p.serial}";alg="ecdsa-p256-sha256";tag="millwright:${p.federation}"`;
}

function parseParams(input: string): { created: number; nonce: string; serial: string; federation: string } {
  const found = /;created=(\d{1,12});nonce="([A-Za-z0-9_-]{22})";keyid="([0-9a-f]{1,40})";alg="[^"]*";tag="millwright:([^"]{1,64})"$/.exec(
    input,
  );
  const params = found === null ? undefined : { created: Number(found[1]), nonce: found[2], serial: found[3], federation: found[4] };
  // Written again from its parts, it has to be the same text: there is one way to say it.
  if (params === undefined || input !== `millwright=${paramsOf(params)}`)
    refuse("AUTH_SIGNATURE", "signature-input of this profile", "another");
  return params;
}

/** The signature base of RFC 9421, section 2.5. */
function baseOf(digest: string, target: string, certificate: string, params: string): string {
  return `"content-digest": ${digest}\n"millwright-target": ${target}\n"millwright-certificate": ${certificate}\n"@signature-params": ${params}`;
}

function certificateOf(shown: string, authorities: readonly X509Certificate[]): X509Certificate {
  const certificate = readCertificate(itemBytes(shown), "millwright-certificate");
  if (!isIssuedBy(certificate, authorities)) refuse("AUTH_SIGNATURE", "a certificate of this federation's authority", "one of another");
  return certificate;
}

function holds(certificate: X509Certificate, base: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify("sha256", base, { key: certificate.publicKey, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    return false;
  }
}

/** A byte sequence of RFC 9651: base64 between colons. */
function bytesItem(bytes: Uint8Array): string {
  return `:${Buffer.from(bytes).toString("base64")}:`;
}

function itemBytes(item: string | undefined, length?: number): Buffer {
  const bytes = Buffer.from(item?.slice(1, -1) ?? "", "base64");
  // One spelling: written again it is the same text, down to the padding.
  if (bytes.length === 0 || bytesItem(bytes) !== item || (length !== undefined && bytes.length !== length)) {
    refuse("AUTH_SIGNATURE", "bytes in base64 between colons", "something else");
  }
  return bytes;
}

function refuse(code: ErrorCode, expected: string, got: string, remedy?: string): never {
  fail(code, { where: "signed request", expected, got: got.slice(0, 100), remedy });
}
