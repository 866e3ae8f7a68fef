/**
 * A journal under a disk that fails, and what it may never do. Every record carries a number of its own; a record that a compaction kept
 * carries the numbers it stands for. So after any history, what is replayed must be: every acknowledged number, then some unacknowledged ones in the
 * order they were asked for, groups whole, nothing twice, nothing that was gone before.
 */
import type { Disk } from "../../../src/core/ports.js";
import { type SeededRandom, seeded } from "../../../src/core/random.js";
import { type Journal, openJournal } from "../../../src/io/store/journal.js";
import type { SimulatedDisk } from "../../../src/lab/faults/disk.js";
import { secretOf, testKey, text, words } from "./parts.js";

export class Violation extends Error {}
const key = testKey("model");

export interface Model {
  /** Opens (or opens again) and checks what is there. */
  readonly open: (disk: Disk) => Promise<void>;
  readonly append: (count: number) => Promise<void>;
  /** Some appends at once, which share a sync. */
  readonly burst: (count: number) => Promise<void>;
  readonly compact: (through?: number) => Promise<void>;
  readonly close: () => Promise<void>;
  readonly acknowledged: () => number;
}

export function journalModel(random: SeededRandom): Model {
  let journal: Journal | undefined;
  let acked: number[] = [];
  /** Groups that were asked for and not acknowledged, oldest first. */
  let open: number[][] = [];
  let next = 1;

  const replayed = async (from: Journal): Promise<{ ids: number[]; bySeq: Map<number, number[]> }> => {
    const ids: number[] = [];
    const bySeq = new Map<number, number[]>();
    await from.replay((record, seq) => {
      const mine = JSON.parse(words(record)).ids as number[];
      ids.push(...mine);
      bySeq.set(seq, [...(bySeq.get(seq) ?? []), ...mine]);
    });
    return { ids, bySeq };
  };
  const record = (ids: readonly number[]): Uint8Array => text(JSON.stringify({ ids, fill: "x".repeat(random.integer(700)) }));
  const must = (): Journal => {
    if (journal === undefined) throw new Error("not open");
    return journal;
  };

  function check(ids: readonly number[]): void {
    const shown = (some: readonly number[]): string => `[${some.join(" ")}]`;
    if (shown(ids.slice(0, acked.length)) !== shown(acked)) throw new Violation(`acknowledged ${shown(acked)}, found ${shown(ids)}`);
    let rest = ids.slice(acked.length);
    for (const group of open) {
      if (rest.length === 0) break;
      if (rest[0] !== group[0]) continue;
      if (shown(rest.slice(0, group.length)) !== shown(group)) throw new Violation(`half of ${shown(group)} in ${shown(ids)}`);
      rest = rest.slice(group.length);
    }
    if (rest.length > 0) throw new Violation(`${shown(rest)} came from nowhere`);
  }

  async function append(count: number): Promise<void> {
    const group = Array.from({ length: count }, () => next++);
    open.push(group);
    await must().append(group.map((id) => record([id])));
    acked.push(...group);
    open = open.filter((one) => one !== group);
  }

  return {
    open: async (disk) => {
      journal = await openJournal({ disk, key, random: secretOf(random), limits: { record: 4096 } });
      const { ids } = await replayed(journal);
      check(ids);
      // What is there now is durable, what is not is gone for good.
      acked = ids;
      open = [];
    },
    append,
    burst: async (count) => {
      const results = await Promise.allSettled(Array.from({ length: count }, () => append(1 + random.integer(3))));
      const failed = results.find((r) => r.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
    compact: async (through) => {
      const { bySeq } = await replayed(must());
      const upTo = through === undefined ? must().last() : Math.min(through, must().last());
      // An earlier compaction may already stand for more than that.
      const floor = Math.min(...bySeq.keys(), Number.MAX_SAFE_INTEGER);
      const at = bySeq.size === 0 ? upTo : Math.max(upTo, floor);
      const ids = [...bySeq].filter(([seq]) => seq <= at).flatMap(([, mine]) => mine);
      await must().compact(ids.length === 0 ? [] : [record(ids.slice(0, 3)), record(ids.slice(3))], at);
    },
    close: async () => {
      await must().close();
      journal = undefined;
    },
    acknowledged: () => acked.length,
  };
}

/** One history drawn from a seed: appends, compactions, reopenings, faults of single operations, a full disk, kills and power cuts. Throws what went wrong. */
export async function journalHistory(seed: number, make: (random: SeededRandom) => SimulatedDisk): Promise<void> {
  const random = seeded("history", seed);
  const disk = make(random.fork("disk"));
  const model = journalModel(random.fork("model"));
  await model.open(disk.mount());
  const steps = 5 + random.integer(8);
  for (let step = 0; step < steps; step++) {
    if (random.integer(3) === 0) disk.failAt(1 + random.integer(12), random.integer(2) === 0 ? "dead" : "alive");
    if (random.integer(8) === 0) disk.setCapacity(random.integer(3000));
    let ended: "fine" | "broken" = "fine";
    try {
      const what = random.integer(10);
      if (what < 3) await model.append(1 + random.integer(3));
      else if (what < 6) await model.burst(1 + random.integer(4));
      else if (what < 8) await model.compact(random.integer(2) === 0 ? undefined : random.integer(10));
      else if (what < 9) {
        await model.close();
        await model.open(disk.mount());
      }
    } catch (cause) {
      if (!excusable(cause)) throw cause;
      ended = "broken";
    }
    const fate = random.integer(6);
    disk.failAt(undefined);
    disk.setCapacity(undefined);
    if (fate === 0) disk.crash();
    else if (fate < 3 || ended === "broken") disk.kill();
    if (fate < 3 || ended === "broken") await model.open(disk.mount());
  }
  disk.crash();
  await model.open(disk.mount());
}

/** Errors that a failing disk entitles a journal to. */
export function excusable(cause: unknown): boolean {
  const code = (cause as { code?: string }).code ?? "";
  return ["FILE_UNWRITABLE", "FILE_UNREADABLE", "STORE_CLOSED"].includes(code);
}
