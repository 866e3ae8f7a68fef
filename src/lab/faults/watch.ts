/**
 * What must hold in every simulated world, looked at whenever something happens that could break it (reference: TigerBeetle's and
 * FoundationDB's simulators; the list is that of the project's own promises):
 *
 *   an update counts at most once for a round and a site; the model follows from who was included; the record only grows, without gaps;
 *   what was acknowledged is never forgotten; nothing leaves a plant before it is written down, and no question is answered in two ways;
 *   the outbox says what was acknowledged; an older plan is never accepted; a round ends when it has to, by a clock that only counts
 *   time that passed; a process holds a bounded number of things.
 */
import type { ClosedRow } from "../../core/record.js";
import type { Keep } from "../../edge/keep.js";
import { sha256 } from "../../io/crypto/keys.js";
import { decodeMessage } from "../../round/messages.js";
import type { Inclusion, Node, NodeState, Release } from "../../round/node.js";
import { float32Bytes } from "../../wire/numbers.js";
import type { RunningCoordinator } from "./coordinator.js";
import { type Federation, recompute } from "./federation.js";

export interface Frame {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export interface Watch {
  /** The first thing that did not hold. */
  readonly fault: () => string | undefined;
  readonly blame: (what: string) => void;
  readonly left: (member: string, key: string, frame: Frame) => void;
  readonly written: (site: string, line: Uint8Array) => void;
  readonly opened: (site: string, keep: Keep) => void;
  readonly planned: (site: string, sequence: number) => void;
  readonly told: (site: string, key: string) => void;
  readonly gave: (node: string, member: string, key: string) => void;
  readonly acknowledged: (node: string, member: string, key: string, digest: string) => void;
  readonly record: (node: string, rows: readonly ClosedRow[]) => void;
  readonly state: (node: string, protocol: Node, state: NodeState) => void;
  readonly released: (release: Release, version: number) => void;
  /** After the run, when the record was looked at for the last time. */
  readonly ended: () => void;
  /** Looks at a running process: its clock, its waits, what it holds. */
  readonly sample: (node: string, life: number, running: RunningCoordinator, now: number, alarms: number) => void;
  readonly releasedModel: () => string | undefined;
}

/** A wait may end this long after its time: a disk or a record is slow. */
const slack = 30_000;
/** Alarms that a process may have set at once. */
const mostAlarms = 200;

export function watchOver(federation: Federation): Watch {
  let fault: string | undefined;
  const blame = (what: string): void => {
    fault ??= what;
  };
  /** Type and digest of everything that left, by member and key. */
  const replies = new Map<string, Map<string, string>>();
  const typeOf = new Map<string, string>();
  const durable = new Map<string, Map<string, string>>();
  const sent = new Map<string, Set<string>>();
  /** Relays and the parent's rounds for which their contribution left. */
  const contributed = new Set<string>();
  const sequences = new Map<string, number>();
  const acked = new Map<string, string>();
  const history = new Map<string, string[]>();
  const included: (readonly Inclusion[])[] = [];
  const states = new Map<string, { protocol: Node; state: NodeState }>();
  const samples = new Map<string, { life: number; toggles: number; at: number; protocol: number; overdue: number }>();
  let release: string | undefined;
  const isSite = (name: string): boolean => federation.sites.includes(name);
  const map = <K, V>(of: Map<string, Map<K, V>>, name: string): Map<K, V> => {
    const found = of.get(name) ?? new Map<K, V>();
    of.set(name, found);
    return found;
  };

  /** A round as the record has it, seen for the first time. */
  function recorded(node: string, row: ClosedRow): void {
    const counted = row.included as readonly Inclusion[];
    const names = counted.map(({ site }) => site);
    const twice = (all: readonly string[]): boolean => new Set(all).size !== all.length;
    if (twice(names) || twice(counted.flatMap(leavesOf))) blame(`${node}: round ${row.round} counts somebody twice: ${names.join(", ")}`);
    const key = `round ${row.round} attempt ${row.attempt}`;
    for (const [what, type] of acked) {
      const [at, member, answered] = what.split("|");
      if (at === node && answered === key && type !== "refuse" && !names.includes(member))
        blame(`${node}: the acknowledged update of ${member} for ${key} does not count in it`);
    }
    if (node !== federation.tree.name) return;
    if (row.round !== included.length + 1) blame(`${node}: round ${row.round} is in the record after round ${included.length}`);
    included.push(counted);
    const expected = sha256(float32Bytes(recompute(federation, included).at(-1) as Float32Array));
    if (row.model !== expected)
      blame(`${node}: the model of round ${row.round} does not follow from who was included (${names.join(", ")})`);
  }

  return {
    fault: () => fault,
    blame,
    releasedModel: () => release,
    left(member, key, { sha256: digest, bytes }) {
      const { type } = decodeMessage(bytes);
      typeOf.set(digest, type);
      if (isSite(member) && !map(durable, member).has(digest)) blame(`${member}: the reply to ${key} left before it was written down`);
      // A refused question may be answered later, and a relay that grew says more; a round has one contribution.
      if (type === "refuse" || (type === "answer" && !isSite(member))) return;
      const round = /^round (\d+) /.exec(key)?.[1];
      if (round !== undefined && !isSite(member)) contributed.add(`${member} ${round}`);
      const ways = map(replies, `${member}|${key}`);
      ways.set(digest, type);
      if (ways.size > 1) blame(`${member}: ${key} was answered in two ways`);
    },
    written(site, line) {
      const read = JSON.parse(new TextDecoder().decode(line)) as { readonly t: string; readonly key?: string; readonly sha256?: string };
      if (read.t === "reply") map(durable, site).set(read.sha256 ?? "", read.key ?? "");
    },
    opened(site, keep) {
      const outbox = new Map(keep.outbox().map((one) => [one.sha256, one]));
      for (const [digest, key] of map(durable, site)) {
        if (!outbox.has(digest)) blame(`${site}: the reply to ${key} was written down and is not in the journal any more`);
      }
      // What a killed process wrote may be durable although nobody could say so: opening made it certain.
      for (const { sha256: digest, key } of outbox.values()) map(durable, site).set(digest, key);
      for (const key of sent.get(site) ?? []) {
        if (!keep.outbox().some((one) => one.key === key && one.sentAt !== undefined))
          blame(`${site}: the outbox does not know that the reply to ${key} was acknowledged`);
      }
    },
    planned(site, sequence) {
      const before = sequences.get(site) ?? 0;
      if (sequence < before) blame(`${site}: plan ${sequence} was accepted after plan ${before}`);
      sequences.set(site, sequence);
    },
    told(site, key) {
      sent.set(site, (sent.get(site) ?? new Set()).add(key));
    },
    gave(node, member, key) {
      const type = acked.get(`${node}|${member}|${key}`);
      if (type !== undefined && type !== "refuse") blame(`${node}: ${member} is asked again for ${key}, which was acknowledged`);
      const round = /^round (\d+) /.exec(key)?.[1];
      const own = federation.tiers.find(({ name }) => name === node)?.rounds ?? 1;
      const above = `${node} ${Math.ceil(Number(round) / own)}`;
      if (round !== undefined && contributed.has(above)) blame(`${node}: ${member} is asked for ${key} after its sum had left`);
    },
    acknowledged(node, member, key, digest) {
      acked.set(`${node}|${member}|${key}`, typeOf.get(digest) ?? "unknown");
    },
    record(node, rows) {
      const known = history.get(node) ?? [];
      history.set(node, known);
      if (rows.length < known.length) blame(`${node}: the record has ${rows.length} rounds, it had ${known.length}`);
      for (const [i, row] of rows.entries()) {
        const line = JSON.stringify(row);
        if (row.ordinal !== i + 1) blame(`${node}: the record has round ${row.ordinal} in place ${i + 1}`);
        if (i < known.length && known[i] !== line) blame(`${node}: the record of a closed round changed: ${known[i]} became ${line}`);
        if (i < known.length) continue;
        known.push(line);
        recorded(node, row);
      }
    },
    state(node, protocol, state) {
      states.set(node, { protocol, state });
      const { open } = state.coordinator;
      if (open !== undefined && open.answers.size > open.sites.length) blame(`${node}: more answers than were asked for`);
      const round = open?.request.type === "train" ? open.request.round : undefined;
      if (open?.partial !== undefined && round !== undefined) {
        const counted = [...open.answers.values()].filter(({ type }) => type === "update" || type === "partial").length;
        if (counted === 0) blame(`${node}: round ${round} has a sum of nobody`);
      }
    },
    released(given, version) {
      const model = sha256(float32Bytes(given.bundle.values));
      if (version !== 1) blame(`the model was released as version ${version}`);
      if (release !== undefined && release !== model) blame("two different models were released");
      release = model;
    },
    ended() {
      if (release === undefined) return;
      if (included.length !== federation.file.rounds) blame(`released after ${included.length} rounds of ${federation.file.rounds}`);
      const model = recompute(federation, included).at(-1) as Float32Array;
      if (release !== sha256(float32Bytes(model))) blame("the released model does not follow from who was included");
    },
    sample(node, life, running, now, alarms) {
      const held = running.held();
      const protocol = running.driver.now() as number;
      const before = samples.get(node);
      const known = states.get(node);
      let overdue = 0;
      if (before?.life === life) {
        const passed = now - before.at;
        const counted = protocol - before.protocol;
        if (counted < 0 || counted > passed) blame(`${node}: its clock counted ${counted} ms in ${passed} ms`);
        else if (!held && before.toggles === running.toggles() && counted < passed)
          blame(`${node}: its clock counted ${counted} ms of ${passed} ms`);
      }
      if (known !== undefined && running.state() === "running" && !held) {
        const { until, what } = known.protocol.waiting(known.state);
        if (until !== undefined && protocol > until) {
          overdue = (before?.life === life ? before.overdue : 0) + (before === undefined ? 0 : now - before.at);
          if (overdue > slack) blame(`${node}: "${what}" had to end ${protocol - until} ms ago`);
        }
      }
      samples.set(node, { life, toggles: running.toggles(), at: now, protocol, overdue });
      if (alarms > mostAlarms) blame(`${node}: ${alarms} alarms at once`);
      const most = 2 * (federation.sites.length + federation.tiers.length);
      if (running.polls() > most) blame(`${node}: ${running.polls()} open polls`);
    },
  };
}

/** The sites that an inclusion stands for; in several rounds of a relay's own, each once. */
function leavesOf(one: Inclusion): readonly string[] {
  if (one.rounds === undefined) return [one.site];
  return [...new Set(one.rounds.flatMap((round) => round.flatMap(leavesOf)))];
}
