/**
 * A member's identity as it lies in its data folder: the private key that was made here, the certificate, whom it trusts. A plant, a relay
 * and an administrator are the same here. The key is encrypted with the folder's own key (see io/store/key.ts); it never travels.
 *
 *   identity/key.pem, certificate.pem, authority.pem, member.json
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { fail } from "../core/errors.js";
import type { Clock, Disk } from "../core/ports.js";
import { type CertificateFacts, factsOf, readCertificate } from "../io/crypto/certificate.js";
import type { Enrolled } from "../io/crypto/enrol.js";
import { isRole } from "../io/crypto/identity.js";
import { exportPrivateKey, generateKey, importPrivateKey, keyId } from "../io/crypto/keys.js";
import { durableFolder, writeDurably } from "../io/disk/durable.js";
import type { StoreKey } from "../io/store/key.js";

export interface Identity {
  readonly federation: string;
  readonly org: string;
  readonly name: string;
  readonly role: CertificateFacts["role"];
  readonly urls: readonly string[];
  readonly trust: Enrolled["trust"];
  readonly key: KeyObject;
  /** PEM of the key, for TLS; stays in memory. */
  readonly keyPem: string;
  readonly certificate: string;
  readonly authority: string;
  readonly facts: CertificateFacts;
}

const folder = "identity";
const largest = 1 << 20;
const pem = z.array(z.string().max(4096)).max(16);
const memberSchema = z.strictObject({
  federation: z.string().max(128),
  org: z.string().max(128),
  name: z.string().max(128),
  role: z.string().refine(isRole, "a role"),
  urls: z.array(z.string().max(1024)).min(1).max(16),
  trust: z.strictObject({
    plan: pem,
    release: pem,
    // How one came to these keys: a relay hands it on to members that missed a step.
    endorsements: z
      .array(z.string().max(1 << 16))
      .max(16)
      .optional(),
  }),
});

/** The identity in a folder, or undefined where it was never enrolled. Errors: KEY_INVALID, CERTIFICATE_INVALID, STORE_DAMAGED. */
export async function loadIdentity(disk: Disk, storeKey: StoreKey): Promise<Identity | undefined> {
  const described = await disk.read(`${folder}/member.json`, largest);
  if (described === undefined) return undefined;
  const member = memberSchema.safeParse(parseJson(plain(described)));
  if (!member.success) {
    return fail("STORE_DAMAGED", {
      where: `${folder}/member.json`,
      expected: "what enrolment wrote",
      got: "something else",
      remedy: "enroll again with a new token",
    });
  }
  const certificate = await needed(disk, "certificate.pem");
  const facts = factsOf(readCertificate(certificate, "certificate.pem"));
  let key = await ownKey(disk, storeKey);
  if (keyId(key) !== facts.spki && (await disk.size(`${folder}/next.pem`)) !== undefined) {
    // Killed between the new certificate and its key's taking place.
    await replaceKey(disk, "next.pem");
    key = await ownKey(disk, storeKey);
  }
  return {
    ...(member.data as Pick<Identity, "federation" | "org" | "name" | "role" | "urls" | "trust">),
    key,
    keyPem: exportPrivateKey(key),
    certificate,
    authority: await needed(disk, "authority.pem"),
    facts,
  };
}

/** The key of this folder; made once, before anything is sent, so that an enrolment whose answer was lost can be repeated. */
export async function ownKey(disk: Disk, storeKey: StoreKey, name = "key.pem"): Promise<KeyObject> {
  const path = `${folder}/${name}`;
  const found = await disk.read(path, largest);
  if (found !== undefined) return importPrivateKey(plain(found), path, wrapping(storeKey));
  const key = generateKey("p256");
  await durableFolder(disk, folder);
  await writeDurably(disk, path, text(exportPrivateKey(key, wrapping(storeKey))));
  return key;
}

/** Keeps what the coordinator answered. The description comes last: without it the folder is not enrolled. */
export async function saveIdentity(
  disk: Disk,
  enrolled: Enrolled,
  member: Pick<Identity, "federation" | "org" | "name" | "role" | "urls">,
): Promise<void> {
  await durableFolder(disk, folder);
  await writeDurably(disk, `${folder}/certificate.pem`, text(enrolled.certificate));
  await writeDurably(disk, `${folder}/authority.pem`, text(enrolled.authority));
  const { federation, org, name, role, urls } = member;
  await writeDurably(
    disk,
    `${folder}/member.json`,
    text(`${JSON.stringify({ federation, org, name, role, urls, trust: enrolled.trust }, null, 2)}\n`),
  );
}

/** Puts a key that was made for a renewal in the place of the old one. */
export async function replaceKey(disk: Disk, from: string): Promise<void> {
  await disk.rename(`${folder}/${from}`, `${folder}/key.pem`);
  await disk.syncFolder(folder);
}

/** True when two thirds of the certificate's life are over. */
export function renewalDue({ notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">, clock: Pick<Clock, "now">): boolean {
  return clock.now() >= notBefore + ((notAfter - notBefore) * 2) / 3;
}

/** A passphrase for the key's file, from the folder's own key. */
function wrapping(storeKey: StoreKey): string {
  return Buffer.from(storeKey.derive("identity key", new Uint8Array(16))).toString("hex");
}

async function needed(disk: Disk, name: string): Promise<string> {
  const bytes = await disk.read(`${folder}/${name}`, largest);
  if (bytes !== undefined) return plain(bytes);
  return fail("STORE_DAMAGED", {
    where: `${folder}/${name}`,
    expected: "a file that enrolment wrote",
    got: "none",
    remedy: "enroll again with a new token",
  });
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const plain = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
