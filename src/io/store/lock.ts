/**
 * One writer per data folder. Whoever starts puts a file with a name of its own into the folder and then looks at the others: a live one refuses
 * him, a dead one is removed. Since both announce before they look, two that start at once may both be refused, never both admitted.
 *
 * A process is known by boot, process namespace, number and start time, all in the name, so a number that was given again after
 * a restart is not taken for the old process. Locks of another machine or container cannot be judged from here and refuse; so on a
 * folder that several machines mount, or where containers are replaced, the stale file has to be removed by hand (or `assumeDead`).
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { fail } from "../../core/errors.js";
import type { Disk, SecretRandom } from "../../core/ports.js";

/** What tells a process from every other. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Where process numbers mean the same: the boot and the namespace of the system. */
  readonly space: string;
  /** When the process started, as the system counts; "0" where it does not tell. */
  readonly started: string;
}

/** What the lock asks the system. The tests have their own. */
export interface ProcessTable {
  readonly self: () => ProcessIdentity;
  /** Start of the process with this number, undefined where there is none. */
  readonly startOf: (pid: number) => string | undefined;
}

export interface StoreLock {
  readonly release: () => Promise<void>;
}

export interface LockOptions {
  readonly table?: ProcessTable;
  /** A lock of another machine or container is taken for dead. For the operator who knows. */
  readonly assumeDead?: boolean;
}

const folder = "lock";
/** A restore that was not finished: nothing may work here. Written first and removed last by `restoreStore`. */
export const unfinishedMark = "restoring";

/** Locks the data folder. Errors: STORE_LOCKED with process and machine; STORE_DAMAGED where a restore was not finished. */
export async function lockStore(
  disk: Disk,
  random: SecretRandom,
  { table = systemProcesses, assumeDead = false }: LockOptions = {},
): Promise<StoreLock> {
  await disk.makeFolder(folder);
  const self = table.self();
  const mine = nameOf(self, Buffer.from(random.bytes(8)).toString("hex"));
  const path = `${folder}/${mine}`;
  const file = await disk.open(path, "new");
  const release = (): Promise<void> => disk.remove(path);
  try {
    await file.write(new TextEncoder().encode(`${JSON.stringify({ pid: self.pid, host: self.host })}\n`)).finally(() => file.close());
    for (const name of await disk.list(folder)) {
      if (name === mine) continue;
      const other = parse(name);
      if (other === undefined) continue;
      if (other.space === spaceHash(self.space) ? table.startOf(other.pid) !== other.started : assumeDead)
        await disk.remove(`${folder}/${name}`);
      else await refuse(disk, name, other.pid);
    }
    if ((await disk.size(unfinishedMark)) !== undefined) {
      fail("STORE_DAMAGED", {
        where: unfinishedMark,
        expected: "a data folder that is whole",
        got: "a restore that was not finished",
        remedy: "restore the backup again into an empty folder",
      });
    }
  } catch (cause) {
    await release().catch(() => undefined);
    throw cause;
  }
  return { release };
}

async function refuse(disk: Disk, name: string, pid: number): Promise<never> {
  const told = await disk.read(`${folder}/${name}`, 4096).catch(() => undefined);
  return fail("STORE_LOCKED", {
    where: "the data folder",
    expected: "to be the only process that works in it",
    got: `process ${pid} on ${hostIn(told)}`,
    remedy: `stop that process; if it is certainly gone, remove ${folder}/${name}`,
  });
}

function hostIn(told: Uint8Array | undefined): string {
  try {
    const { host } = JSON.parse(new TextDecoder().decode(told)) as { host: unknown };
    return typeof host === "string" ? host.slice(0, 100) : "an unknown machine";
  } catch {
    // A process that starts at this very moment has its name there and not yet its content.
    return "an unknown machine";
  }
}

const spaceHash = (space: string): string => createHash("sha256").update(space).digest("hex").slice(0, 16);
const nameOf = ({ pid, space, started }: ProcessIdentity, nonce: string): string => `${spaceHash(space)}-${pid}-${started}-${nonce}`;

function parse(name: string): { space: string; pid: number; started: string } | undefined {
  const match = /^([0-9a-f]{16})-([0-9]{1,10})-([0-9]{1,20})-[0-9a-f]{16}$/.exec(name);
  return match === null ? undefined : { space: match[1], pid: Number(match[2]), started: match[3] };
}

/** The processes of this machine: exact on Linux, by number alone elsewhere. */
export const systemProcesses: ProcessTable = {
  self: () => ({
    pid: process.pid,
    host: hostname(),
    space: `${text("/proc/sys/kernel/random/boot_id") ?? hostname()} ${namespaceOfProcesses()}`,
    started: startOf(process.pid) ?? "0",
  }),
  startOf,
};

function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    // EPERM: it lives and is somebody else's.
    if ((cause as { code?: string }).code === "ESRCH") return undefined;
  }
  // Field 22, counted behind the name in brackets, which may itself hold brackets and spaces.
  const stat = text(`/proc/${pid}/stat`);
  if (stat === undefined) return "0";
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Dead, and only not yet collected by its parent.
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function namespaceOfProcesses(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
