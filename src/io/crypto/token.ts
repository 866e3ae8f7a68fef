/**
 * An enrolment token: one line that an administrator hands to a plant. It says where to go, who the plant will be, and which authority
 * to expect there (SHA-256 of its certificate), so the first connection is already pinned: no trust on first use. The 32 random bytes in
 * it are good once; the coordinator keeps only their SHA-256. Whoever reads the token before it is used can enrol in the plant's place
 * (the plant then sees that its token was used), so hand it over as you would a password.
 */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { roles } from "../../core/route.js";
import { canonicalJson, readCanonicalJson } from "../../wire/canonical-json.js";
import { checkIdentity, type Identity } from "./identity.js";
import { sha256 } from "./keys.js";

const prefix = "mw1.";
const longest = 8192;
const secretBytes = 32;

/** What a token carries. */
export interface EnrolmentToken extends Identity {
  /** The coordinator's addresses, tried in order. */
  readonly urls: readonly string[];
  /** SHA-256 of the authority's certificate, hex. */
  readonly authority: string;
  /** 32 bytes in base64url. */
  readonly secret: string;
}

const schema = z.strictObject({
  authority: z.string().regex(/^[0-9a-f]{64}$/),
  federation: z.string(),
  name: z.string(),
  org: z.string(),
  role: z.enum(roles),
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  urls: z
    .array(
      z
        .string()
        .max(512)
        .regex(/^https:\/\/[A-Za-z0-9.:[\]-]+$/),
    )
    .min(1)
    .max(8),
});

/** The line. Errors: TOKEN_REFUSED for parts that cannot be in one, CERTIFICATE_INVALID for names. */
export function writeToken(token: EnrolmentToken): string {
  checkIdentity(token);
  const parsed = schema.safeParse(token);
  if (!parsed.success) refuse(`${parsed.error.issues[0].path.join(".")}: ${parsed.error.issues[0].message}`, "something else");
  return prefix + Buffer.from(canonicalJson(parsed.data)).toString("base64url");
}

/** Reads the line. Errors: TOKEN_REFUSED; the message holds nothing of the secret. */
export function readToken(text: string): EnrolmentToken {
  const line = text.trim();
  if (line.length > longest) refuse(`at most ${longest} characters`, `${line.length}`);
  if (!line.startsWith(prefix) || !/^[A-Za-z0-9_-]+$/.test(line.slice(prefix.length)))
    refuse(`a line that begins with ${prefix}`, "something else");
  let value: unknown;
  try {
    value = readCanonicalJson(Buffer.from(line.slice(prefix.length), "base64url").toString("utf8"), "token");
  } catch {
    refuse("a whole token", "a damaged one");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) refuse(`a token with ${parsed.error.issues[0].path.join(".")}`, "another");
  checkIdentity(parsed.data);
  return parsed.data;
}

/** New secret bytes in base64url. */
export function newSecret(random: { readonly bytes: (length: number) => Uint8Array }): string {
  return Buffer.from(random.bytes(secretBytes)).toString("base64url");
}

/** What the coordinator keeps of a secret; undefined for text that cannot be one. */
export function hashSecret(secret: string): string | undefined {
  return /^[A-Za-z0-9_-]{43}$/.test(secret) ? sha256(Buffer.from(secret, "base64url")) : undefined;
}

function refuse(expected: string, got: string): never {
  fail("TOKEN_REFUSED", { where: "enrolment token", expected, got, remedy: "copy the whole line, or ask for a new token" });
}
