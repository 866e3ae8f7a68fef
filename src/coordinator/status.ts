/** What a coordinator says of itself: who is here, what the round waits for, since when. The answer to "why is nothing happening". */
import type { Millis } from "../core/quantities.js";
import type { RecordStore } from "../core/record.js";
import type { Driver } from "./driver.js";
import { waitingText } from "./exchange.js";
import type { Presence } from "./presence.js";

export interface MemberStatus {
  readonly name: string;
  readonly org: string;
  readonly role: string;
  readonly state: "invited" | "active" | "revoked";
  readonly here: boolean;
  readonly lastSeen?: Millis;
  /** What it says it is doing. */
  readonly doing?: string;
  /** The task that waits for it. */
  readonly task?: string;
  readonly certificateEnds?: Millis;
}

export interface Status {
  readonly federation: string;
  readonly node: string;
  readonly version: string;
  readonly at: Millis;
  readonly upSince: Millis;
  readonly run: string;
  readonly state: "running" | "paused" | "finished" | "failed";
  readonly error?: string;
  readonly round: number;
  readonly rounds: number;
  readonly waiting: {
    readonly text: string;
    readonly forMs: number;
    /** Until the wait ends by itself; absent while the clock of the round stands still. */
    readonly remainingMs?: number;
    readonly answered: readonly string[];
    readonly missing: readonly string[];
    readonly refused: readonly { readonly site: string; readonly reason: string }[];
  };
  readonly members: readonly MemberStatus[];
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly releases: number;
}

export interface StatusParts {
  readonly federation: string;
  readonly node: string;
  readonly version: string;
  readonly upSince: Millis;
  readonly now: () => Millis;
  readonly runId: () => string;
  readonly rounds: number;
  readonly record: RecordStore;
  readonly driver: Driver;
  readonly presence: Presence;
  readonly roster: () => readonly string[];
  readonly traffic: () => { readonly up: number; readonly down: number };
  /** Too few members for the round's clock to run: how many there are, and how many it takes. */
  readonly lacking: () => { readonly here: number; readonly needed: number } | undefined;
  readonly lastRound: () => number;
}

export async function statusOf(parts: StatusParts): Promise<Status> {
  const { record, driver } = parts;
  const row = await record.run(parts.runId());
  const waiting = driver.waiting();
  const lacking = parts.lacking();
  const state = row?.state ?? "running";
  const text =
    state === "paused"
      ? "an operator to resume the run"
      : lacking !== undefined && state === "running"
        ? `members: ${lacking.here} of at least ${lacking.needed} are here (${waitingText(waiting)})`
        : waitingText(waiting);
  const { up, down } = parts.traffic();
  return {
    federation: parts.federation,
    node: parts.node,
    version: parts.version,
    at: parts.now(),
    upSince: parts.upSince,
    run: parts.runId(),
    state,
    error: row?.error,
    round: parts.lastRound(),
    rounds: parts.rounds,
    waiting: {
      text,
      forMs: Math.max(0, driver.now() - waiting.since),
      remainingMs: lacking === undefined && state === "running" ? driver.remaining() : undefined,
      answered: waiting.answered,
      missing: waiting.missing,
      refused: waiting.refused,
    },
    members: await membersOf(parts),
    bytesUp: up,
    bytesDown: down,
    releases: (await record.releases(parts.federation, { limit: 1000 })).length,
  };
}

/** Everybody in the table, and those of the roster that have not come yet. */
async function membersOf({ record, driver, presence, roster }: StatusParts): Promise<MemberStatus[]> {
  const rows = await record.members();
  const known = new Set(rows.map((row) => row.name));
  const absent = roster()
    .filter((name) => !known.has(name))
    .map((name): MemberStatus => ({ name, org: "", role: "site", state: "invited", here: false }));
  const found = rows.map((row): MemberStatus => {
    const seen = presence.seen(row.name);
    return {
      name: row.name,
      org: row.org,
      role: row.role,
      state: row.state,
      here: presence.isHere(row.name),
      lastSeen: seen?.at ?? row.lastSeen,
      doing: seen?.doing,
      task: driver.task(row.name)?.key,
      certificateEnds: row.expiresAt,
    };
  });
  return [...found, ...absent].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
