/**
 * `millwright backup`, `restore`, `fsck`: copies of a data folder that are whole or refused, and a look at every byte of one. A backup may be
 * made while the program runs. Private keys are left out unless asked for: with them a backup is as good as the folder itself.
 */
import { existsSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../core/errors.js";
import type { Disk } from "../../core/ports.js";
import type { StoreLayout } from "../../io/store/check.js";
import { type Context, line, writeJson } from "../context.js";
import { type Verb, wantsJson } from "../program.js";
import { bytes, plain } from "../show/text.js";
import { resolvePath } from "./numbers.js";

const record = "record.sqlite";
/** Folder of a backup that holds everything but the record. */
const files = "files";

const identity = ["certificate.pem", "authority.pem", "member.json", "key.pem"].map((name) => `identity/${name}`);
/** Files of a data folder, by whether they are secret in clear. `identity/key.pem` is encrypted with the folder's key. */
const layouts = {
  coordinator: {
    open: ["authority.pem", "server.pem", ...identity.map((path) => `admin/${path}`)],
    secret: ["authority.key", "plan.key", "release.key", "server.key", "admin/key"],
  },
  plant: { open: [], secret: [] },
  both: { open: identity, secret: ["key"] },
};

export const backupVerb: Verb = (program, run) => {
  program
    .command("backup")
    .description("Copy a data folder, also while its program runs: a coordinator's record, keys and blobs, or a plant's journal.")
    .argument("<folder>", "new folder for the backup")
    .option("--data <folder>", "data folder to copy", "coordinator")
    .option("--with-keys", "copy private keys too: guard such a backup like the machine itself")
    .option("--json", "print the report as JSON")
    .action((folder: string, options: { readonly data: string; readonly withKeys?: boolean }, command) =>
      run(async (context) => {
        const [{ folderDisk }, { backupStore }, { today }] = await Promise.all([
          import("../../io/disk/folder.js"),
          import("../../io/store/backup.js"),
          import("../../io/clock.js"),
        ]);
        const [from, to] = [resolvePath(context, options.data), resolvePath(context, folder)];
        const disk = folderDisk(from);
        const layout = await layoutOf(disk, options.data, options.withKeys === true);
        const target = folderDisk(to);
        await target.makeFolder("");
        if (readdirSync(to).length > 0)
          fail("STORE_NOT_EMPTY", { where: folder, expected: "a new or empty folder", got: "one with files", remedy: "name a new folder" });
        const recorded = (await disk.size(record)) !== undefined;
        if (recorded) {
          const { backupRecord } = await import("../../io/record/backup.js");
          // Before the blobs, so that every blob the copy names is copied after it.
          await backupRecord(`sqlite:${join(from, record)}`, join(to, record));
          sweep(to);
        }
        const report = await backupStore(disk, folderDisk(join(to, files)), { layout, made: today() });
        const told = { ...report, record: recorded, keys: options.withKeys === true };
        if (wantsJson(command)) writeJson(context, told);
        else {
          line(context.out, `${report.files} files, ${bytes(report.bytes)}${recorded ? ", and the record" : ""} in ${folder}`);
          if (!told.keys) line(context.err, "without private keys: keep those apart, nothing can be restored into service without them");
        }
        return 0;
      }),
    );
};

export const restoreVerb: Verb = (program, run) => {
  program
    .command("restore")
    .description("Make a data folder from a backup, every file checked; whole, or not there at all.")
    .argument("<backup>", "folder that `backup` wrote")
    .option("--data <folder>", "data folder to make", "coordinator")
    .option("--json", "print the report as JSON")
    .action((backup: string, options: { readonly data: string }, command) =>
      run(async (context) => {
        const [{ folderDisk }, { restoreStore }] = await Promise.all([
          import("../../io/disk/folder.js"),
          import("../../io/store/backup.js"),
        ]);
        const [from, to] = [resolvePath(context, backup), resolvePath(context, options.data)];
        if (existsSync(to) && readdirSync(to).length > 0)
          fail("STORE_NOT_EMPTY", {
            where: options.data,
            expected: "a new or empty folder",
            got: "one with files",
            remedy: "move it away first",
          });
        // Made beside its place and renamed, so that no program can start in half a folder.
        const part = `${to}.part`;
        if (existsSync(part))
          fail("STORE_NOT_EMPTY", {
            where: `${options.data}.part`,
            expected: "no such folder",
            got: "what a restore left that was broken off",
            remedy: "remove it",
          });
        const report = await restoreStore(folderDisk(join(from, files)), folderDisk(part));
        const recorded = existsSync(join(from, record));
        if (recorded) {
          const { restoreRecord } = await import("../../io/record/backup.js");
          await restoreRecord(`sqlite:${join(part, record)}`, join(from, record));
          sweep(part);
        }
        if (existsSync(to)) rmdirSync(to);
        renameSync(part, to);
        await folderDisk(dirname(to)).syncFolder("");
        const missing = await missingKeys(folderDisk(to));
        if (wantsJson(command)) writeJson(context, { ...report, record: recorded, missing });
        else {
          line(context.out, `${report.files} files, ${bytes(report.bytes)}${recorded ? ", and the record" : ""} in ${options.data}`);
          if (missing.length > 0) line(context.err, `put back before the start: ${missing.join(", ")}`);
        }
        return 0;
      }),
    );
};

export const fsckVerb: Verb = (program, run) => {
  program
    .command("fsck")
    .description("Read a whole data folder and say what of it is not as it was written. Changes nothing.")
    .option("--data <folder>", "data folder of a coordinator or a plant", "coordinator")
    .option("--json", "print the report as JSON")
    .action((options: { readonly data: string }, command) =>
      run(async (context) => {
        const faults = await fsck(context, resolvePath(context, options.data), options.data);
        if (wantsJson(command)) writeJson(context, faults);
        else {
          for (const { path, problem } of faults.faults) line(context.out, `${plain(path)}: ${plain(problem)}`);
          for (const path of faults.leftovers) line(context.out, `${plain(path)}: left by unfinished work; the next start removes it`);
          const what = `${faults.records} records, ${faults.blobs} blobs, ${bytes(faults.bytes)}`;
          line(context.out, faults.faults.length === 0 ? `${what}: as they were written` : `${what}: ${faults.faults.length} faults`);
        }
        return faults.faults.length === 0 ? 0 : 4;
      }),
    );
};

/** Empty side files that SQLite leaves beside a copy it only read. */
function sweep(folder: string): void {
  const log = join(folder, `${record}.part-wal`);
  if (existsSync(log) && statSync(log).size > 0) return;
  for (const end of ["wal", "shm"]) rmSync(join(folder, `${record}.part-${end}`), { force: true });
}

/** Everything a folder of this kind holds. Errors: DATA_MISSING where it is none. */
async function layoutOf(disk: Disk, shown: string, withKeys: boolean): Promise<StoreLayout> {
  const kind = await kindOf(disk);
  if (kind === undefined) {
    return fail("DATA_MISSING", {
      where: shown,
      expected: "the data folder of a coordinator or a plant",
      got: "neither",
      remedy: "name it with --data",
    });
  }
  const wanted: string[] = [];
  for (const path of [...layouts[kind].open, ...layouts.both.open, ...(withKeys ? [...layouts[kind].secret, ...layouts.both.secret] : [])])
    if ((await disk.size(path)) !== undefined) wanted.push(path);
  return { ...(kind === "plant" ? { journals: ["journal"] } : {}), blobs: ["blobs"], files: wanted };
}

async function kindOf(disk: Disk): Promise<"coordinator" | "plant" | undefined> {
  if ((await disk.size("authority.pem")) !== undefined) return "coordinator";
  return (await disk.size("journal/journal")) === undefined ? undefined : "plant";
}

/** Keys that a program would miss at its next start. */
async function missingKeys(disk: Disk): Promise<readonly string[]> {
  const kind = await kindOf(disk);
  const wanted = [
    ...(kind === "coordinator" ? ["authority.key", "plan.key", "release.key"] : []),
    ...((await disk.size("identity/key.pem")) === undefined && kind === "coordinator" ? [] : ["key"]),
  ];
  const missing: string[] = [];
  for (const path of wanted) if ((await disk.size(path)) === undefined) missing.push(path);
  return missing;
}

async function fsck(context: Context, path: string, shown: string) {
  const [{ folderDisk }, { checkStore }, { keyVariable, loadStoreKey }, { systemRandom }] = await Promise.all([
    import("../../io/disk/folder.js"),
    import("../../io/store/check.js"),
    import("../../io/store/key.js"),
    import("../../io/crypto/system-random.js"),
  ]);
  const disk = folderDisk(path);
  const layout = await layoutOf(disk, shown, false);
  if ((await kindOf(disk)) === "plant") {
    const key = await loadStoreKey({ disk, random: systemRandom, passphrase: context.env[keyVariable], create: false });
    return checkStore(disk, { layout, key, sealedBlobs: true });
  }
  const report = await checkStore(disk, { layout });
  const { recordChecks } = await import("../preflight/coordinator.js");
  const found = await recordChecks(path, disk);
  const faults = found.filter((one) => one.state === "fail").map(({ name, found: problem }) => ({ path: name, problem }));
  return { ...report, faults: [...report.faults, ...faults] };
}
