/**
 * Signed model releases as OpenSSF Model Signing v1.0 writes them: a Sigstore bundle (v0.3) with a DSSE envelope around an in-toto
 * statement whose predicate lists every file with its SHA-256; the subject is the SHA-256 over those digests. Verified by the reference
 * tool (`model_signing verify key`) too, which is why the key is P-256. One more field of the predicate, which other verifiers pass over,
 * says where the model comes from: federation, version, run, plan, record, and what is claimed of privacy.
 *
 * A release is believed only when signed by a trusted key, whole, not older than what one has, and shown to come from a plan one knows.
 * Whether the record really gives these weights is what `simulate --replay` answers; whether the model is good, nobody's signature says.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { canonicalJson, readCanonicalJson } from "../../wire/canonical-json.js";
import { openEnvelope, signEnvelope } from "./dsse.js";
import { kindOf, publicPem, sha256 } from "./keys.js";

export const releaseTypes = {
  bundle: "application/vnd.dev.sigstore.bundle.v0.3+json",
  payload: "application/vnd.in-toto+json",
  statement: "https://in-toto.io/Statement/v1",
  predicate: "https://model_signing/signature/v1.0",
} as const;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
/** A relative path without steps upwards: it is compared, never opened. */
const fileName = z
  .string()
  .regex(/^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/)
  .max(256);

const originSchema = z.strictObject({
  federation: z.string().max(64),
  /** Grows with every release of the federation. */
  version: z.int().min(1),
  run: z.string().max(128),
  rounds: z.int().min(0),
  /** Members included in some round. */
  members: z.int().min(0),
  /** SHA-256 of the signed plan. */
  plan: digest,
  /** SHA-256 of the weights alone, as the record ends with. */
  weights: digest,
  kernels: digest,
  /** What is claimed of privacy. */
  epsilon: z.union([z.literal("none claimed"), z.strictObject({ epsilon: z.number(), delta: z.number(), unit: z.string().max(64) })]),
  createdAt: z.int().min(0),
});

/** Where a model comes from. */
export type ReleaseOrigin = z.output<typeof originSchema>;

const statementSchema = z.strictObject({
  _type: z.literal(releaseTypes.statement),
  subject: z.tuple([z.strictObject({ name: z.string().max(128), digest: z.strictObject({ sha256: digest }) })]),
  predicateType: z.literal(releaseTypes.predicate),
  predicate: z.looseObject({
    serialization: z.looseObject({ method: z.literal("files"), hash_type: z.literal("sha256") }),
    resources: z
      .array(z.strictObject({ name: fileName, algorithm: z.literal("sha256"), digest }))
      .min(1)
      .max(256),
    millwright: z.unknown().optional(),
  }),
});

const bundleSchema = z.looseObject({
  mediaType: z.literal(releaseTypes.bundle),
  verificationMaterial: z.looseObject({ publicKey: z.looseObject({ hint: z.string().max(256) }).optional() }),
  dsseEnvelope: z.unknown(),
});

const recordSchema = z.looseObject({ federation: z.string(), model: z.string(), rounds: z.array(z.unknown()) });

/** The file among the released ones that says who was included. */
export const recordFile = "record.json";

/** SHA-256 (hex) by file name. */
export type FileDigests = Readonly<Record<string, string>>;

export interface VerifiedRelease {
  readonly origin: ReleaseOrigin;
  readonly files: FileDigests;
  /** SHA-256 over the files' digests: what the release is known by. */
  readonly root: string;
}

/** The bundle's text for files and where they come from. Errors: KEY_INVALID unless the key is P-256, RELEASE_ALTERED for file names. */
export function signRelease(files: FileDigests, origin: ReleaseOrigin, key: KeyObject): string {
  if (kindOf(key, "release key") !== "p256") fail("KEY_INVALID", { where: "release key", expected: "a P-256 key", got: "another" });
  const resources = Object.keys(files)
    .sort()
    .map((name) => ({ name, algorithm: "sha256", digest: files[name] }));
  const statement = {
    _type: releaseTypes.statement,
    subject: [{ name: origin.federation, digest: { sha256: rootOf(resources) } }],
    predicateType: releaseTypes.predicate,
    predicate: {
      serialization: { method: "files", hash_type: "sha256", allow_symlinks: false, ignore_paths: [] },
      resources,
      millwright: originSchema.parse(origin),
    },
  };
  if (!statementSchema.safeParse(statement).success) altered("files with plain relative names and SHA-256 digests", "others");
  const envelope = signEnvelope(releaseTypes.payload, Buffer.from(canonicalJson(statement)), [key], false);
  return canonicalJson({
    mediaType: releaseTypes.bundle,
    // As the reference implementation names a bare key: SHA-256 of its PEM.
    verificationMaterial: { publicKey: { hint: sha256(publicPem(key)) }, tlogEntries: [] },
    dsseEnvelope: envelope,
  });
}

/**
 * A release to be believed. `files` are digests of what arrived, `record` the bytes of its record.json, `plans` the signed plans one knows,
 * `newest` the newest release one has. Errors: SIGNATURE_MISSING, SIGNATURE_REFUSED, MESSAGE_INVALID, RELEASE_ALTERED, ROLLBACK_REFUSED,
 * RELEASE_UNPROVEN, LIMIT_EXCEEDED.
 */
export function verifyRelease(
  text: string | undefined,
  given: {
    readonly keys: readonly KeyObject[];
    readonly federation: string;
    readonly files: FileDigests;
    readonly record: Uint8Array | undefined;
    readonly plans: readonly string[];
    readonly newest?: { readonly version: number; readonly root: string };
  },
): VerifiedRelease {
  const statement = openStatement(text, given.keys);
  const { resources } = statement.predicate;
  const root = rootOf(resources);
  if (statement.subject[0].digest.sha256 !== root) altered("a subject that agrees with the list of files", "another");
  checkFiles(resources, given.files);
  const origin = originOf(statement.predicate.millwright, given.federation);
  const { newest } = given;
  if (newest !== undefined && (origin.version < newest.version || (origin.version === newest.version && root !== newest.root))) {
    fail("ROLLBACK_REFUSED", {
      where: "release",
      expected: `version ${newest.version} as it was, or a newer one`,
      got: origin.version === newest.version ? `another version ${origin.version}` : `version ${origin.version}`,
      remedy: "release the model anew under a larger version",
    });
  }
  if (!given.plans.includes(origin.plan)) unproven("a plan that is known here", origin.plan);
  checkRecord(given.record, given.files, origin);
  return { origin, files: { ...given.files }, root };
}

function openStatement(text: string | undefined, keys: readonly KeyObject[]): z.output<typeof statementSchema> {
  if (text === undefined || text.trim() === "") {
    fail("SIGNATURE_MISSING", {
      where: "release",
      expected: "a signature beside the model",
      got: "none",
      remedy: "nothing unsigned is accepted",
    });
  }
  const bundle = bundleSchema.safeParse(readCanonicalJson(text.trim(), "release"));
  if (!bundle.success) fail("MESSAGE_INVALID", { where: "release", expected: "a Sigstore bundle v0.3", got: "something else" });
  const opened = openEnvelope(bundle.data.dsseEnvelope, { type: releaseTypes.payload, keys, where: "release" });
  const statement = statementSchema.safeParse(readCanonicalJson(Buffer.from(opened.payload).toString("utf8"), "release"));
  if (!statement.success) {
    const issue = statement.error.issues[0];
    fail("MESSAGE_INVALID", {
      where: `release, ${issue.path.join(".")}`.slice(0, 200),
      expected: "a model signature v1.0",
      got: "something else",
    });
  }
  return statement.data;
}

function checkFiles(resources: readonly { readonly name: string; readonly digest: string }[], files: FileDigests): void {
  const signed = new Map(resources.map(({ name, digest: sha }) => [name, sha]));
  if (signed.size !== resources.length) altered("each file once", "a file twice");
  for (const [name, sha] of signed) {
    if (!Object.hasOwn(files, name)) altered(`the file ${name}`, "none");
    if (files[name] !== sha) altered(`${name} with SHA-256 ${sha}`, files[name]);
  }
  for (const name of Object.keys(files)) if (!signed.has(name)) altered("only files that were signed", JSON.stringify(name.slice(0, 80)));
}

function originOf(value: unknown, federation: string): ReleaseOrigin {
  const origin = originSchema.safeParse(value);
  if (!origin.success) unproven("where the model comes from", "a signature that does not say");
  if (origin.data.federation !== federation) unproven(`a model of ${federation}`, `one of ${origin.data.federation}`);
  return origin.data;
}

/** The record is one of the signed files, tells of this federation and run, and ends with these weights. */
function checkRecord(record: Uint8Array | undefined, files: FileDigests, origin: ReleaseOrigin): void {
  if (record === undefined || !Object.hasOwn(files, recordFile)) unproven(`${recordFile} among the files`, "none");
  if (sha256(record) !== files[recordFile]) altered(`${recordFile} as it was signed`, "another");
  const parsed = recordSchema.safeParse(parseRecord(record));
  if (!parsed.success) unproven("a record of rounds", "something else");
  const { federation, model, rounds } = parsed.data;
  if (federation !== origin.federation) unproven(`a record of ${origin.federation}`, `one of ${federation.slice(0, 80)}`);
  if (rounds.length !== origin.rounds) unproven(`a record of ${origin.rounds} rounds`, `${rounds.length}`);
  if (model !== origin.weights) unproven(`a record that ends with ${origin.weights}`, model.slice(0, 80));
}

function parseRecord(record: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(record).toString("utf8"));
  } catch {
    return undefined;
  }
}

function rootOf(resources: readonly { readonly digest: string }[]): string {
  return sha256(Buffer.concat(resources.map(({ digest: hex }) => Buffer.from(hex, "hex"))));
}

function altered(expected: string, got: string): never {
  fail("RELEASE_ALTERED", { where: "release", expected, got, remedy: "fetch the release again; if it stays so, do not use the model" });
}

function unproven(expected: string, got: string): never {
  fail("RELEASE_UNPROVEN", { where: "release", expected, got, remedy: "fetch the plan and the record, or ask who released it" });
}
