/**
 * Who is here. A member's long poll is its heartbeat: it is here while one is open, and for a grace afterwards in which the next must come.
 * Seen times go to the record in batches, because nothing depends on the last minute of them.
 */
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";

export interface Presence {
  /** A member's poll has begun; call what is returned when it ends. `doing` is what the member says it is doing. */
  readonly polling: (member: string, doing: string | undefined) => () => void;
  readonly isHere: (member: string) => boolean;
  readonly here: () => number;
  readonly seen: (member: string) => { readonly at: Millis; readonly doing?: string } | undefined;
  /** Gone at once: it was revoked. */
  readonly drop: (member: string) => void;
  /** Members seen since the last call. */
  readonly takeSeen: () => readonly string[];
  readonly close: () => void;
}

/** A poll lasts 25 s, so a silence of a minute is two that did not come. */
export const grace = millis(60_000);

interface Entry {
  polls: number;
  at: Millis;
  doing?: string;
  here: boolean;
  leaves?: () => void;
}

/** `changed` is called when somebody came or went. */
export function createPresence(clock: Clock, changed: () => void): Presence {
  const entries = new Map<string, Entry>();
  const fresh = new Set<string>();
  let count = 0;

  function setHere(entry: Entry, here: boolean): void {
    if (entry.here === here) return;
    entry.here = here;
    count += here ? 1 : -1;
    changed();
  }

  return {
    polling(member, doing) {
      const entry = entries.get(member) ?? { polls: 0, at: clock.now(), here: false };
      entries.set(member, entry);
      entry.polls++;
      entry.at = clock.now();
      if (doing !== undefined) entry.doing = doing;
      entry.leaves?.();
      entry.leaves = undefined;
      fresh.add(member);
      setHere(entry, true);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        entry.polls--;
        entry.at = clock.now();
        if (entry.polls > 0 || entries.get(member) !== entry) return;
        entry.leaves?.();
        entry.leaves = clock.at(millis(clock.now() + grace), () => setHere(entry, false));
      };
    },
    isHere: (member) => entries.get(member)?.here ?? false,
    here: () => count,
    seen(member) {
      const entry = entries.get(member);
      return entry === undefined ? undefined : { at: entry.at, doing: entry.doing };
    },
    drop(member) {
      const entry = entries.get(member);
      if (entry === undefined) return;
      entry.leaves?.();
      setHere(entry, false);
      entries.delete(member);
    },
    takeSeen() {
      const names = [...fresh];
      fresh.clear();
      return names;
    },
    close() {
      for (const entry of entries.values()) entry.leaves?.();
    },
  };
}
