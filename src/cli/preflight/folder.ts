/** A data folder as the programs will use it: room, the time a durable write takes, who holds it. Writes one small file and removes it. */
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import type { Clock } from "../../core/ports.js";
import { writeDurably } from "../../io/disk/durable.js";
import { folderDisk } from "../../io/disk/folder.js";
import { systemProcesses, unfinishedMark } from "../../io/store/lock.js";
import { bytes } from "../show/text.js";
import { attempt, type Check, failed, ok, warn } from "./check.js";

const probe = `doctor-${process.pid}.tmp`;
const probeBytes = 1 << 20;

/** Checks of the folder at `path`; of the nearest one above while it is not there. `clock` measures. */
export async function folderChecks(path: string, clock: Pick<Clock, "now">): Promise<readonly Check[]> {
  const there = existsSync(path);
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return [
    there ? ok("Data folder", path) : ok("Data folder", `${path}: not there yet; it is made at the first start`),
    room(at),
    ...(await attempt("Durable write", () => written(at, clock))),
    ...(there ? await attempt("Data folder's lock", () => held(path)) : []),
  ];
}

function room(at: string): Check {
  const { bavail, bsize, blocks } = statfsSync(at);
  const [free, all] = [bavail * bsize, blocks * bsize];
  const found = `${bytes(free)} free of ${bytes(all)}`;
  if (free < 50e6) return failed("Disk space", found, "free some: a program that cannot write stops and says so; nothing is lost");
  return free < 500e6 ? warn("Disk space", found, "plan for at least 500 MB") : ok("Disk space", found);
}

async function written(at: string, clock: Pick<Clock, "now">): Promise<Check> {
  const name = "Durable write";
  try {
    accessSync(at, constants.W_OK);
  } catch {
    return failed(name, `${at} cannot be written to`, "give the folder to the user that runs the program");
  }
  const disk = folderDisk(at);
  const from = clock.now();
  try {
    await writeDurably(disk, probe, new Uint8Array(probeBytes));
  } finally {
    await disk.remove(probe);
  }
  const ms = clock.now() - from;
  const found = `1 MB and fsync in ${Math.round(ms)} ms`;
  return ms > 2000
    ? warn(name, found, "a disk this slow holds every round up; look for one that is worn, full or on a network")
    : ok(name, found);
}

async function held(path: string): Promise<Check> {
  const name = "Data folder's lock";
  const disk = folderDisk(path);
  if ((await disk.size(unfinishedMark)) !== undefined)
    return failed(name, "a restore was not finished here", "restore the backup again into an empty folder");
  for (const file of await disk.list("lock")) {
    const told = await disk.read(`lock/${file}`, 4096);
    const { pid, host } = told === undefined ? {} : (read(told) as { pid?: unknown; host?: unknown });
    if (typeof pid !== "number") continue;
    if (host !== hostname()) {
      const advice = `no other process may work in it; if that one is certainly gone, remove lock/${file}`;
      return warn(name, `held by process ${pid} on ${String(host).slice(0, 80)}`, advice);
    }
    if (systemProcesses.startOf(pid) !== undefined) return ok(name, `held by process ${pid}, which runs`);
  }
  return ok(name, "free");
}

function read(bytes: Uint8Array): object {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}
