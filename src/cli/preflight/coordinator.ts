/**
 * A coordinator's data folder, looked at without changing it, also while its program runs: authority and certificates, record, blobs. The record
 * is checked in a copy, since opening it would bring it to this version's schema.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "../../core/errors.js";
import type { Disk } from "../../core/ports.js";
import type { MemberRow, RecordStore } from "../../core/record.js";
import { systemClock } from "../../io/clock.js";
import { openAuthority } from "../../io/crypto/authority.js";
import { commonFacts, isIssuedBy, readCertificate } from "../../io/crypto/certificate.js";
import { importPrivateKey } from "../../io/crypto/keys.js";
import { systemRandom } from "../../io/crypto/system-random.js";
import { folderDisk } from "../../io/disk/folder.js";
import { backupRecord } from "../../io/record/backup.js";
import { openRecord } from "../../io/record/open.js";
import { fileBlobs } from "../../io/store/blobs.js";
import { checkStore, type StoreLayout } from "../../io/store/check.js";
import type { Context } from "../context.js";
import { bytes } from "../show/text.js";
import { attempt, type Check, certificateCheck, daysOf, failed, ok, warn } from "./check.js";
import { folderChecks } from "./folder.js";

/** Keys without which a coordinator is not the one it was. */
export const coordinatorKeys = ["authority.key", "plan.key", "release.key"] as const;
export const coordinatorLayout: StoreLayout = { blobs: ["blobs"] };

export async function examineCoordinator(context: Context, data: string): Promise<readonly Check[]> {
  const disk = folderDisk(data);
  return [
    ...(await folderChecks(data, systemClock)),
    ...(await attempt("Authority", () => authorityChecks(disk, context.env))),
    ...(await attempt("Keys", () => keyChecks(disk))),
    ...(await attempt("Blobs", () => blobCheck(disk))),
    ...(await recordChecks(data, disk)),
  ];
}

async function authorityChecks(disk: Disk, env: Context["env"]): Promise<readonly Check[]> {
  const authority = readCertificate(await textOf(disk, "authority.pem"), "authority.pem");
  // Throws where key and certificate do not belong together, or the passphrase is wrong.
  const opened = openAuthority({
    certificate: await textOf(disk, "authority.pem"),
    key: await textOf(disk, "authority.key"),
    ...(env.MILLWRIGHT_AUTHORITY_PASSPHRASE === undefined ? {} : { passphrase: env.MILLWRIGHT_AUTHORITY_PASSPHRASE }),
    clock: systemClock,
    random: systemRandom,
  });
  const [now, facts] = [systemClock.now(), commonFacts(authority)];
  const server =
    (await disk.size("server.pem")) === undefined ? undefined : readCertificate(await textOf(disk, "server.pem"), "server.pem");
  return [
    ok("Authority", `of federation ${opened.federation}; its key is there and fits`),
    facts.notAfter - now < 365 * 86_400_000
      ? (certificateCheck(
          "Authority's certificate",
          { notBefore: facts.notBefore, notAfter: facts.notAfter },
          now,
          advice.authority,
        ) satisfies Check)
      : ok("Authority's certificate", `until ${new Date(facts.notAfter).toISOString().slice(0, 10)}, ${daysOf(facts.notAfter - now)} left`),
    ...(server === undefined
      ? [ok("Server's certificate", "not there yet; the first start makes it")]
      : [
          isIssuedBy(server, [authority])
            ? certificateCheck(
                "Server's certificate",
                commonFacts(server),
                now,
                "the running coordinator renews it by itself; a start does",
              )
            : failed(
                "Server's certificate",
                "was not issued by this folder's authority",
                "remove server.pem and server.key: the next start makes new ones",
              ),
        ]),
  ];
}

const advice = {
  authority: "plan a new federation authority: everybody enrolls again (docs/operations.md, lost authority)",
};

async function keyChecks(disk: Disk): Promise<Check> {
  for (const name of coordinatorKeys) {
    const text = await textOf(disk, name);
    if (name !== "authority.key") importPrivateKey(text, name);
  }
  return ok("Keys", "those that sign plans and releases are there");
}

async function blobCheck(disk: Disk): Promise<readonly Check[]> {
  const { faults, leftovers, blobs, bytes: size } = await checkStore(disk, { layout: coordinatorLayout });
  const found = `${blobs} with ${bytes(size)}, each as its name says`;
  return [
    ...(faults.length === 0
      ? [ok("Blobs", found)]
      : faults.slice(0, 20).map(({ path, problem }) => failed("Blobs", `${path}: ${problem}`, "restore it from a backup"))),
    ...(leftovers.length === 0 ? [] : [ok("Leftovers", `${leftovers.length} of unfinished work; the next start removes them`)]),
  ];
}

/** The record checked in a copy, the blobs it names, the certificates of its members. */
export async function recordChecks(data: string, disk: Disk): Promise<readonly Check[]> {
  const name = "Record";
  if ((await disk.size("record.sqlite")) === undefined)
    return [
      warn(
        name,
        "no record.sqlite here",
        "where `serve --record` names PostgreSQL, that server's tools look after it; else restore a backup",
      ),
    ];
  const folder = mkdtempSync(join(tmpdir(), "millwright-doctor-"));
  try {
    return await attempt(name, async () => {
      const copy = join(folder, "record.sqlite");
      await backupRecord(`sqlite:${join(data, "record.sqlite")}`, copy);
      const record = await openRecord({ url: `sqlite:${copy}` });
      try {
        return [
          ok(name, "agrees with itself"),
          ...(await namedBlobs(record, disk)),
          ...memberChecks(await record.members(), systemClock.now()),
        ];
      } finally {
        await record.close();
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function namedBlobs(record: RecordStore, disk: Disk): Promise<readonly Check[]> {
  const blobs = await fileBlobs(disk);
  const missing: string[] = [];
  let count = 0;
  for await (const sha256 of record.blobs()) {
    count++;
    if ((await blobs.stat(sha256)) === undefined) missing.push(sha256);
  }
  if (missing.length === 0) return [ok("Record's blobs", `all ${count} are there`)];
  const found = `${missing.length} of ${count} are missing, ${missing[0]} the first`;
  return [failed("Record's blobs", found, "restore the blobs from the same backup as the record, or a later one")];
}

function memberChecks(members: readonly MemberRow[], now: number): readonly Check[] {
  const active = members.filter((one) => one.state === "active");
  const ended = active.filter((one) => one.expiresAt !== undefined && one.expiresAt <= now);
  const soon = active.filter((one) => one.expiresAt !== undefined && one.expiresAt > now && one.expiresAt - now < 5 * 86_400_000);
  const names = (some: readonly MemberRow[]): string =>
    some
      .slice(0, 10)
      .map((one) => one.name)
      .join(", ") + (some.length > 10 ? ", ..." : "");
  return [
    ...(ended.length === 0
      ? []
      : [warn("Members", `the certificates of ${names(ended)} have ended`, "invite them again: `enroll --invite NAME`")]),
    ...(soon.length === 0
      ? []
      : [
          warn(
            "Members",
            `the certificates of ${names(soon)} end within 5 days`,
            "they renew by themselves while they run: look whether they do",
          ),
        ]),
    ...(ended.length + soon.length === 0 ? [ok("Members", `${active.length} active, every certificate good for 5 days and more`)] : []),
  ];
}

async function textOf(disk: Disk, path: string): Promise<string> {
  const found = await disk.read(path, 64 << 10);
  if (found === undefined) {
    return fail("DATA_MISSING", {
      where: path,
      expected: "the file that the first start made",
      got: "none",
      remedy: "restore it from a backup that was made with --with-keys",
    });
  }
  return new TextDecoder().decode(found);
}
