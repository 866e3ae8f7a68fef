/** One change of the record: its locks, its fence, and what is committed with it. */
import { fail } from "../../core/errors.js";
import type { Also, AuditEntry, Fence, OutboxEntry, RecordLimits } from "../../core/record.js";
import { auditToRow, outboxToRow } from "./rows.js";
import type { Engine, Lock, Writer } from "./tables.js";

/** Returned by a change that found its work done already: what was to be committed with it was committed then. */
export const unchanged: unique symbol = Symbol("unchanged");

export interface Ground {
  readonly engine: Engine;
  readonly limits: RecordLimits;
}

/**
 * Runs `work` in a transaction under the lock `on`. Locks are taken in one order everywhere (the thing itself, a lease, outbox, audit), so
 * that two changes never wait for each other.
 */
export async function change(ground: Ground, on: string, also: Also | undefined, work: (rows: Writer) => Promise<unknown>): Promise<void> {
  const { fence, audit = [], outbox = [] } = also ?? {};
  const locks: Lock[] = [{ name: on }];
  if (fence !== undefined) locks.push({ name: `lease:${fence.name}`, shared: true });
  if (outbox.length > 0) locks.push({ name: "outbox" });
  if (audit.length > 0) locks.push({ name: "audit" });
  await ground.engine.write(locks, async (rows) => {
    if (fence !== undefined) await mayAct(rows, fence);
    if ((await work(rows)) === unchanged) return;
    await post(rows, outbox, ground.limits);
    await note(rows, audit, ground.limits);
  });
}

async function mayAct(rows: Writer, fence: Fence): Promise<void> {
  const lease = await rows.get("leases", { name: fence.name });
  if (lease?.token === fence.token) return;
  fail("RECORD_FENCED", {
    where: `lease ${fence.name}`,
    expected: `token ${fence.token}`,
    got: lease === undefined ? "no lease" : `token ${lease.token} of ${lease.holder}`,
    remedy: "another process has taken over; stop this one",
  });
}

async function post(rows: Writer, entries: readonly OutboxEntry[], limits: RecordLimits): Promise<void> {
  if (entries.length === 0) return;
  const waiting = await rows.count("outbox", [["done_at", "=", 0]]);
  if (waiting + entries.length > limits.outbox) {
    fail("LIMIT_EXCEEDED", {
      where: "outbox",
      expected: `at most ${limits.outbox} entries that are not done`,
      got: String(waiting + entries.length),
      remedy: "see whether whoever publishes and does them is running",
    });
  }
  for (const entry of entries) {
    if ((await rows.get("outbox", { id: entry.id })) !== undefined) continue;
    await rows.add("outbox", [outboxToRow(entry, await next(rows, "outbox"))]);
  }
}

async function note(rows: Writer, entries: readonly AuditEntry[], limits: RecordLimits): Promise<void> {
  for (const entry of entries) await rows.add("audit", [auditToRow(entry, await next(rows, "audit"), limits.json)]);
}

/** 1, 2, 3...: the caller holds the lock of that name. */
async function next(rows: Writer, counter: "outbox" | "audit"): Promise<number> {
  const value = ((await rows.get("counters", { name: counter }))?.value ?? 0) + 1;
  await rows.put("counters", { name: counter, value });
  return value;
}

/** The bounds of a page, checked. */
export function pageLimit(limit: number | undefined): number {
  const asked = limit ?? 100;
  if (!Number.isSafeInteger(asked) || asked < 1) {
    fail("RECORD_INVALID", { where: "limit", expected: "a whole number from 1", got: String(limit) });
  }
  return Math.min(asked, 1000);
}

/** Whether two rows hold the same, column by column. */
export function sameRow(one: object, other: object): boolean {
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  return Object.keys(left).every((column) => left[column] === right[column]);
}
