/**
 * Readings in append-only files, one CSV per day of the readings (UTC): `readings-2026-11-22.csv`. A row is durable when `add` resolves. The
 * same (device, time) is kept once: the first that came. What a kill left of a row is cut off before the next is written.
 *
 * Memory: the keys of the days in use, at most `keys`; for a day that was put aside they are read again from its file.
 */
import { fail } from "../../core/errors.js";
import type { Disk } from "../../core/ports.js";
import { durableFolder, writeDurably } from "../disk/durable.js";
import type { Reading } from "./rows.js";

export interface DayFiles {
  /** Rows that were new. Errors: FILE_UNWRITABLE, FILE_UNREADABLE, LIMIT_EXCEEDED for a day that is full. */
  readonly add: (rows: readonly Reading[]) => Promise<number>;
  /** Writes the last days that have readings as one table to `path`, whole or not at all: what a site file names as its data. */
  readonly join: (path: string, days: number) => Promise<void>;
}

export interface DayFileLimits {
  /** (device, time) pairs held in memory. */
  readonly keys: number;
  /** Bytes of one day's file. */
  readonly bytes: number;
}

export const dayFileLimits: DayFileLimits = { keys: 2_000_000, bytes: 1 << 29 };

/** The folder is made. `columns` are in every file's first line after time and device. */
export async function dayFiles(
  disk: Disk,
  folder: string,
  columns: readonly string[],
  limits: DayFileLimits = dayFileLimits,
): Promise<DayFiles> {
  const header = `time,device,${columns.join(",")}\n`;
  /** Keys by day, the one that was used least recently first. */
  const days = new Map<string, Set<string>>();
  await durableFolder(disk, folder);
  let before: Promise<unknown> = Promise.resolve();

  const pathOf = (day: string): string => `${folder}/readings-${day}.csv`;

  /** Reads what is there, cuts off half a row, makes the file where there is none. */
  async function open(day: string): Promise<Set<string>> {
    const known = days.get(day);
    days.delete(day);
    const keys = known ?? (await recover(day));
    days.set(day, keys);
    let held = [...days.values()].reduce((sum, one) => sum + one.size, 0);
    for (const [old, some] of days) {
      if (held <= limits.keys || old === day) break;
      days.delete(old);
      held -= some.size;
    }
    return keys;
  }

  async function recover(day: string): Promise<Set<string>> {
    const path = pathOf(day);
    const bytes = await disk.read(path, limits.bytes);
    if (bytes === undefined || bytes.length === 0) {
      await append(path, header);
      await disk.syncFolder(folder);
      return new Set();
    }
    const whole = bytes.lastIndexOf(10) + 1;
    const text = new TextDecoder().decode(bytes.subarray(0, whole));
    if (whole > 0 && !text.startsWith(header)) {
      fail("STORE_DAMAGED", {
        where: path,
        expected: `the columns ${header.trim()}`,
        got: text.slice(0, text.indexOf("\n")).slice(0, 200),
        remedy: "columns changed: move the old files away, or collect into another folder",
      });
    }
    // The name of a file that an earlier process made may be on no disk yet.
    const file = await disk.open(path, "append");
    try {
      if (whole < bytes.length) await file.truncate(whole);
      if (whole === 0) await file.write(new TextEncoder().encode(header));
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.syncFolder(folder);
    return new Set(text.split("\n").slice(1, -1).map(keyOfLine));
  }

  async function append(path: string, text: string): Promise<void> {
    const file = await disk.open(path, "append");
    try {
      const bytes = new TextEncoder().encode(text);
      if (file.size() + bytes.length > limits.bytes)
        fail("LIMIT_EXCEEDED", {
          where: path,
          expected: `at most ${limits.bytes} bytes a day`,
          got: "more",
          remedy: "publish fewer readings",
        });
      await file.write(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async function addAll(rows: readonly Reading[]): Promise<number> {
    const byDay = new Map<string, Reading[]>();
    for (const row of rows) {
      const day = new Date(row.time).toISOString().slice(0, 10);
      byDay.set(day, [...(byDay.get(day) ?? []), row]);
    }
    let added = 0;
    for (const [day, some] of byDay) {
      const keys = await open(day);
      const fresh = new Map<string, string>();
      for (const { device, time, values } of some) {
        const key = `${new Date(time).toISOString()},${device}`;
        if (!keys.has(key) && !fresh.has(key)) fresh.set(key, `${key},${values.join(",")}\n`);
      }
      if (fresh.size === 0) continue;
      try {
        await append(pathOf(day), [...fresh.values()].join(""));
      } catch (error) {
        // How much of it is in the file is found out before the next row.
        days.delete(day);
        throw error;
      }
      for (const key of fresh.keys()) keys.add(key);
      added += fresh.size;
    }
    return added;
  }

  async function joinAll(path: string, most: number): Promise<void> {
    const names = (await disk.list(folder)).filter((name) => /^readings-\d{4}-\d\d-\d\d\.csv$/.test(name));
    await writeDurably(disk, path, async (file) => {
      await file.write(new TextEncoder().encode(header));
      for (const name of names.slice(-most)) {
        // Half a row at its end was never acknowledged.
        const bytes = (await disk.read(`${folder}/${name}`, limits.bytes)) ?? new Uint8Array(0);
        const rows = bytes.subarray(bytes.indexOf(10) + 1, bytes.lastIndexOf(10) + 1);
        if (rows.length > 0) await file.write(rows);
      }
    });
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = before.then(work);
    before = mine.catch(() => undefined);
    return mine;
  }

  return {
    add: (rows) => inTurn(() => addAll(rows)),
    join: (path, most) => inTurn(() => joinAll(path, most)),
  };
}

/** Time and device have no commas. */
function keyOfLine(line: string): string {
  return line.slice(0, line.indexOf(",", line.indexOf(",") + 1));
}
