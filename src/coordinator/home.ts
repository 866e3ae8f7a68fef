/**
 * The data folder of a coordinator: its authority and keys, its record and blobs, the first administrator's identity. Everything is made
 * at the first start. Private keys are files of their owner only; who has this folder has the federation.
 *
 *   authority.pem, authority.key   issues certificates          record.sqlite   runs, rounds, members, audit
 *   server.pem, server.key         this machine's own           blobs/          frames, models, plans, releases
 *   plan.key, release.key          sign plans and releases      admin/          the first administrator's identity
 *   tls.tickets                    seals sessions, so that members come back after a restart without a whole handshake
 */
import type { KeyObject } from "node:crypto";
import { fail } from "../core/errors.js";
import type { Clock, Disk, SecretRandom } from "../core/ports.js";
import { type Authority, createAuthority, openAuthority } from "../io/crypto/authority.js";
import { readCertificate } from "../io/crypto/certificate.js";
import { exportPrivateKey, generateKey, importPrivateKey, type KeyKind, sha256 } from "../io/crypto/keys.js";
import { writeDurably } from "../io/disk/durable.js";

export interface HomeOptions {
  readonly disk: Disk;
  readonly federation: string;
  /** DNS names and IP addresses under which members reach this server. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly random: SecretRandom;
  /** Wraps the authority's key; from MILLWRIGHT_AUTHORITY_PASSPHRASE. */
  readonly passphrase?: string;
}

export interface Home {
  readonly authority: Authority;
  readonly server: { readonly key: string; readonly certificate: string; readonly notAfter: number };
  /** Signs plans (Ed25519) and releases (P-256). */
  readonly planKey: KeyObject;
  readonly releaseKey: KeyObject;
  /** 48 secret bytes that seal TLS session tickets: the same after a restart, others after the authority or the server's certificate changed. */
  readonly ticketKeys: Uint8Array;
  /** True the first time: the administrator's certificate has to be entered in the record. */
  readonly created: boolean;
}

const keyFiles = { authority: "authority.key", plan: "plan.key", release: "release.key" } as const;
const largest = 64 << 10;

/** Opens the folder, or makes it. Errors: KEY_INVALID, CERTIFICATE_INVALID, FILE_*, PLAN_REFUSED where it belongs to another federation. */
export async function openHome(options: HomeOptions): Promise<Home> {
  const { disk, federation, clock, random, passphrase } = options;
  const created = (await disk.size("authority.pem")) === undefined;
  if (created) {
    const made = createAuthority({ federation, clock, random, passphrase });
    // The certificate last: without it the next start makes both anew.
    await writeDurably(disk, keyFiles.authority, text(made.key));
    await writeDurably(disk, "authority.pem", text(made.certificate));
  }
  const authority = openAuthority({
    certificate: await needed(disk, "authority.pem"),
    key: await needed(disk, keyFiles.authority),
    passphrase,
    clock,
    random,
  });
  if (authority.federation !== federation) {
    fail("PLAN_REFUSED", {
      where: "data folder",
      expected: `the folder of federation ${federation}`,
      got: `the one of ${authority.federation}`,
      remedy: "name another folder with --data",
    });
  }
  const server = await serverOf(options, authority);
  return {
    authority,
    server,
    ticketKeys: await ticketKeysOf(options, authority.certificate + server.certificate),
    planKey: await keyOf(disk, keyFiles.plan, "ed25519"),
    releaseKey: await keyOf(disk, keyFiles.release, "p256"),
    created,
  };
}

/** The server's own certificate: issued anew when two thirds of its life are over, or when it lacks one of the names. */
export async function serverOf({ disk, names, addresses, clock }: HomeOptions, authority: Authority): Promise<Home["server"]> {
  const certificate = await disk.read("server.pem", largest);
  const key = await disk.read("server.key", largest);
  if (certificate !== undefined && key !== undefined) {
    const x509 = readCertificate(plain(certificate), "server.pem");
    const [from, to] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)];
    const told = x509.subjectAltName ?? "";
    const complete = [...names, ...addresses].every((name) => told.split(", ").some((part) => part.endsWith(`:${name}`)));
    if (complete && x509.checkIssued(authority.x509) && clock.now() < from + ((to - from) * 2) / 3)
      return { key: plain(key), certificate: plain(certificate), notAfter: to };
  }
  const issued = authority.issueServer({ names, addresses });
  await writeDurably(disk, "server.key", text(issued.key));
  await writeDurably(disk, "server.pem", text(issued.certificate));
  return issued;
}

/**
 * The ticket keys that were made for these certificates, or new ones. Whoever has them can take up any session, as whoever has the
 * authority's key can be anybody; a file that cannot be read as such is replaced, because all it costs is a handshake each.
 */
async function ticketKeysOf({ disk, random }: HomeOptions, certificates: string): Promise<Uint8Array> {
  const owner = sha256(text(certificates));
  const found = await disk.read("tls.tickets", largest);
  const [madeFor, hex] = found === undefined ? [] : new TextDecoder().decode(found).trim().split("\n");
  if (madeFor === owner && /^[0-9a-f]{96}$/.test(hex ?? "")) return new Uint8Array(Buffer.from(hex, "hex"));
  const keys = random.bytes(48);
  await writeDurably(disk, "tls.tickets", text(`${owner}\n${Buffer.from(keys).toString("hex")}\n`));
  return keys;
}

async function keyOf(disk: Disk, path: string, kind: KeyKind): Promise<KeyObject> {
  const found = await disk.read(path, largest);
  if (found !== undefined) return importPrivateKey(plain(found), path);
  const key = generateKey(kind);
  await writeDurably(disk, path, text(exportPrivateKey(key)));
  return key;
}

async function needed(disk: Disk, path: string): Promise<string> {
  const bytes = await disk.read(path, largest);
  if (bytes !== undefined) return plain(bytes);
  return fail("DATA_MISSING", {
    where: path,
    expected: "the file that the first start made",
    got: "none",
    remedy: "restore the data folder from a backup; without the authority's key no member can be issued a certificate",
  });
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const plain = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
