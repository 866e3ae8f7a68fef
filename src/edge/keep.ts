/**
 * What a plant writes down, over its journal and blobs: plans it accepted, decisions of its policy, replies before they leave, and that
 * they were acknowledged. It is the outbox that `millwright outbox` shows, and the history that the policy counts.
 */
import type { BlobStore } from "../core/blobs.js";
import { fail } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";
import { decodeMessage, type Message } from "../round/messages.js";

/** The journal as far as it is needed here; see io/store/journal.ts. */
export interface KeepJournal {
  readonly replay: (each: (record: Uint8Array) => void) => Promise<void>;
  /** Durable when resolved. */
  readonly append: (record: Uint8Array) => Promise<unknown>;
  readonly compact: (keep: readonly Uint8Array[]) => Promise<void>;
  readonly size: () => number;
}

export interface OutboxEntry {
  readonly at: Millis;
  readonly federation: string;
  /** The plan under which it left: one run. */
  readonly plan: string;
  readonly key: string;
  readonly action: "answer" | "train" | "refuse";
  readonly topic?: string;
  readonly round?: number;
  /** What the plan claimed for the whole run. */
  readonly epsilon?: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly what: string;
  readonly meaning: string;
  /** When the coordinator acknowledged it; absent: on its way, or never arrived. */
  readonly sentAt?: Millis;
  readonly counts?: boolean;
}

export interface PlanEntry {
  readonly at: Millis;
  readonly federation: string;
  readonly plan: string;
  readonly epsilon?: number;
  readonly sequence: number;
  readonly permit: boolean;
  readonly reason?: string;
}

export interface DecisionEntry {
  readonly at: Millis;
  readonly key: string;
  readonly permit: boolean;
  readonly rule: string;
  readonly reason: string;
}

export interface Keep {
  readonly replies: (
    newest: number,
  ) => Promise<readonly { readonly key: string; readonly sha256: string; readonly bytes: Uint8Array; readonly message: Message }[]>;
  readonly reply: (reply: {
    readonly key: string;
    readonly sha256: string;
    readonly bytes: Uint8Array;
    readonly message: Message;
    readonly action: OutboxEntry["action"];
    readonly topic?: string;
    readonly round?: number;
    readonly what: string;
    readonly meaning: string;
  }) => Promise<void>;
  /** What the last "prepare" of this plan said, so that a restart can cut the same examples; kept apart from the journal. */
  readonly prepared: (body: unknown) => Promise<void>;
  readonly lastPrepared: () => Promise<unknown>;
  readonly sent: (sent: { readonly key: string; readonly counts: boolean }) => Promise<void>;
  readonly decision: (decision: Omit<DecisionEntry, "at">) => Promise<void>;
  /** Replies of an earlier plan are answers to other questions: they are not said again. */
  readonly plan: (plan: Omit<PlanEntry, "at">) => Promise<void>;
  readonly plans: () => readonly PlanEntry[];
  readonly outbox: () => readonly OutboxEntry[];
  readonly decisions: () => readonly DecisionEntry[];
}

type Line =
  | ({ readonly t: "plan" } & PlanEntry)
  | ({ readonly t: "reply" } & OutboxEntry)
  | { readonly t: "sent"; readonly at: Millis; readonly plan: string; readonly key: string; readonly counts: boolean }
  | ({ readonly t: "decision" } & DecisionEntry)
  | { readonly t: "prepared"; readonly at: Millis; readonly plan: string; readonly blob: string };

/** Entries that are kept in memory and over compactions: about 30 years of daily rounds. */
const mostEntries = 20_000;
/** Replies whose bytes are kept. */
const keptBytes = 4;

export async function openKeep(journal: KeepJournal, blobs: BlobStore, clock: Clock): Promise<Keep> {
  let plans: PlanEntry[] = [];
  let decisions: DecisionEntry[] = [];
  let outbox: OutboxEntry[] = [];
  let prepared: Extract<Line, { t: "prepared" }> | undefined;
  const compactAt = 64 << 20;

  function take(line: Line): void {
    if (line.t === "plan") plans = [...plans, strip(line)].slice(-1000);
    else if (line.t === "prepared") prepared = line;
    else if (line.t === "decision") {
      decisions.push(strip(line));
      if (decisions.length > mostEntries) decisions = decisions.slice(-mostEntries / 2);
    } else if (line.t === "reply") {
      outbox.push(strip(line));
      if (outbox.length > mostEntries) outbox = outbox.slice(-mostEntries / 2);
    } else {
      for (let i = outbox.length - 1; i >= 0; i--) {
        if (outbox[i].key !== line.key || outbox[i].plan !== line.plan) continue;
        outbox[i] = { ...outbox[i], sentAt: line.at, counts: line.counts };
        break;
      }
    }
  }

  async function write(line: Line): Promise<void> {
    await journal.append(new TextEncoder().encode(JSON.stringify(line)));
    take(line);
    if (journal.size() > compactAt) await journal.compact(lines().map((one) => new TextEncoder().encode(JSON.stringify(one))));
  }

  function lines(): Line[] {
    return [
      ...plans.map((one): Line => ({ t: "plan", ...one })),
      ...(prepared === undefined ? [] : [prepared]),
      ...decisions.map((one): Line => ({ t: "decision", ...one })),
      ...outbox.flatMap(({ sentAt, counts, ...one }): Line[] => [
        { t: "reply", ...one },
        ...(sentAt === undefined ? [] : [{ t: "sent" as const, at: sentAt, plan: one.plan, key: one.key, counts: counts ?? false }]),
      ]),
    ];
  }

  const current = () => plans[plans.length - 1]?.plan ?? "";

  await journal.replay((record) => take(parse(record)));

  return {
    plans: () => plans,
    outbox: () => outbox,
    decisions: () => decisions,
    async replies(newest) {
      const found = [];
      for (const entry of outbox.filter((one) => one.plan === current()).slice(-newest)) {
        // Bytes of old replies are dropped; a reply that is still wanted is among the newest.
        const bytes = await blobs.get(entry.sha256);
        if (bytes !== undefined) found.push({ key: entry.key, sha256: entry.sha256, bytes, message: decodeMessage(bytes) });
      }
      return found;
    },
    async reply({ message: _, bytes, ...reply }) {
      await blobs.put(bytes, { sha256: reply.sha256 });
      const { plan = "", federation = "", epsilon } = plans[plans.length - 1] ?? {};
      await write({ t: "reply", at: clock.now(), federation, plan, epsilon, bytes: bytes.length, ...reply });
      const kept = new Set(outbox.slice(-keptBytes).map((one) => one.sha256));
      const old = outbox[outbox.length - 1 - keptBytes];
      if (old !== undefined && !kept.has(old.sha256)) await blobs.delete(old.sha256);
    },
    async prepared(body) {
      const { sha256 } = await blobs.put(new TextEncoder().encode(JSON.stringify(body)));
      const before = prepared?.blob;
      await write({ t: "prepared", at: clock.now(), plan: current(), blob: sha256 });
      if (before !== undefined && before !== sha256) await blobs.delete(before);
    },
    async lastPrepared() {
      if (prepared === undefined || prepared.plan !== current()) return undefined;
      const bytes = await blobs.get(prepared.blob);
      return bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
    },
    sent: ({ key, counts }) => write({ t: "sent", at: clock.now(), plan: current(), key, counts }),
    decision: (decision) => write({ t: "decision", at: clock.now(), ...decision }),
    plan: (plan) => write({ t: "plan", at: clock.now(), ...plan }),
  };
}

function strip<L extends Line>({ t: _, ...rest }: L): Omit<L, "t"> {
  return rest;
}

function parse(record: Uint8Array): Line {
  const line = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(record)) as Line;
  if (!["plan", "reply", "sent", "decision", "prepared"].includes(line.t)) {
    fail("STORE_DAMAGED", {
      where: "journal",
      expected: "a line of this version",
      got: String(line.t),
      remedy: "start the version that wrote it",
    });
  }
  return { ...line, at: millis(line.at) };
}
