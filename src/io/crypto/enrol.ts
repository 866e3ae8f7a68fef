/**
 * Enrolment as the plant sees it: a key is made here and stays here; only a request that proves it is held goes out, with the token's
 * secret, over a connection that is pinned to the token's authority. What comes back is believed only where it is exactly the
 * certificate that the token promised. The program keeps the key before it sends, so that a lost answer can be asked for again.
 */
import type { KeyObject, X509Certificate } from "node:crypto";
import { z } from "zod";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Millis } from "../../core/quantities.js";
import { type CertificateFacts, factsOf, fingerprintOf, isIssuedBy, readCertificate } from "./certificate.js";
import { keyId } from "./keys.js";
import { createRequest } from "./request.js";
import type { EnrolmentToken } from "./token.js";
import { nextTrust, type Trust } from "./trust.js";

/** What the coordinator answers to an enrolment or a renewal. */
export interface Enrolled {
  /** PEM. */
  readonly certificate: string;
  /** PEM of the authority's certificate. */
  readonly authority: string;
  /** Public keys in PEM whose signatures on plans and on releases are to be believed. */
  readonly trust: Trust;
}

/** Posts JSON to `path` below one of the URLs and gives the answer's JSON. `pin` is the SHA-256 that the server's authority must have. */
export type EnrolSend = (request: {
  readonly url: string;
  readonly path: string;
  readonly pin: string;
  readonly json: unknown;
}) => Promise<unknown>;

const pems = z.array(z.string().max(4096)).max(16);
const answerSchema = z.looseObject({
  certificate: z.string().max(1 << 15),
  authority: z.string().max(1 << 15),
  trust: z.looseObject({
    plan: pems,
    release: pems,
    endorsements: z
      .array(z.string().max(1 << 16))
      .max(16)
      .optional(),
  }),
});

/**
 * Sends the request and checks the answer. Tries the token's URLs in order; a refusal ends it, an unreachable one does not.
 * Errors: TOKEN_REFUSED and others as the coordinator says, TRANSPORT_*, CERTIFICATE_INVALID where the answer is not what was promised.
 */
export async function enrol(token: EnrolmentToken, key: KeyObject, send: EnrolSend, now: () => Millis): Promise<Enrolled> {
  const json = { secret: token.secret, request: createRequest(key, token.name) };
  const unreached: MillwrightError[] = [];
  for (const url of token.urls) {
    try {
      return checkEnrolled(await send({ url, path: "/v1/enroll", pin: token.authority, json }), token, key, now());
    } catch (error) {
      if (!(error instanceof MillwrightError) || error.code !== "TRANSPORT_UNREACHABLE") throw error;
      unreached.push(error);
    }
  }
  throw new MillwrightError(
    "TRANSPORT_UNREACHABLE",
    unreached[0].detail,
    unreached.flatMap((error) => error.faults),
  );
}

/**
 * Believes an answer only where every part of it is what was promised; with the `trust` one has, as at a renewal, only keys that it leads to.
 * Errors: CERTIFICATE_INVALID, MESSAGE_INVALID, SIGNATURE_REFUSED.
 */
export function checkEnrolled(
  answer: unknown,
  promised: Omit<EnrolmentToken, "urls" | "secret"> & { readonly trust?: Trust },
  key: KeyObject,
  now: Millis,
): Enrolled {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) {
    fail("MESSAGE_INVALID", { where: "answer to an enrolment", expected: "certificate, authority and trust", got: "something else" });
  }
  const { certificate, authority, trust } = parsed.data;
  const issuer = readCertificate(authority, "authority");
  if (fingerprintOf(issuer) !== promised.authority) refuse("the authority that the token names", "another");
  checkOwnCertificate(readCertificate(certificate), issuer, promised, key, now);
  const { plan, release, endorsements } = trust;
  const told: Trust = { plan, release, ...(endorsements === undefined ? {} : { endorsements }) };
  const kept = promised.trust === undefined ? told : nextTrust(promised.federation, promised.trust, told);
  return { certificate, authority, trust: kept };
}

/** A certificate that is ours to use: of this authority, for this key and member, valid now. Errors: CERTIFICATE_INVALID. */
export function checkOwnCertificate(
  certificate: X509Certificate,
  issuer: X509Certificate,
  promised: Pick<EnrolmentToken, "federation" | "org" | "name" | "role">,
  key: KeyObject,
  now: Millis,
): CertificateFacts {
  if (!isIssuedBy(certificate, [issuer])) refuse("a certificate of the token's authority", "one of another");
  const facts = factsOf(certificate);
  for (const part of ["federation", "org", "name", "role"] as const) {
    if (facts[part] !== promised[part]) refuse(`${part} ${promised[part]}`, facts[part]);
  }
  if (facts.spki !== keyId(key)) refuse("a certificate for the key that was made here", "one for another key");
  if (now < facts.notBefore || now >= facts.notAfter) {
    refuse("a certificate that is valid now", `one from ${date(facts.notBefore)} to ${date(facts.notAfter)}`, "set this machine's clock");
  }
  return facts;
}

/** When a certificate shall be renewed: at two thirds of its life, so that a third is left for a coordinator that is away. */
export function renewalDue(facts: Pick<CertificateFacts, "notBefore" | "notAfter">): Millis {
  return (facts.notBefore + Math.floor(((facts.notAfter - facts.notBefore) * 2) / 3)) as Millis;
}

function date(moment: Millis): string {
  return new Date(moment).toISOString();
}

function refuse(expected: string, got: string, remedy = "the coordinator is not the one that made the token; ask who did"): never {
  fail("CERTIFICATE_INVALID", { where: "answer to an enrolment", expected, got, remedy });
}
