/**
 * Virtual time. Everything that waits in a simulated world waits for an event here; when no microtask is left to run, time jumps to the
 * next event. So a day takes as long as what happens in it, and a seed gives the same history every time.
 *
 * A machine's clock shows this time plus what its owner, or a wrong time server, did to it; its alarms keep the delay that was meant when
 * they were set, as those of the system do (src/io/clock.ts).
 */
import type { Clock } from "../../core/ports.js";
import { type Millis, millis } from "../../core/quantities.js";

export interface Simulator {
  /** Milliseconds since the world began; never goes back. */
  readonly now: () => number;
  /** Calls back after so many milliseconds; returns what cancels it. */
  readonly after: (delay: number, run: () => void) => () => void;
  readonly sleep: (delay: number) => Promise<void>;
  /** Runs until `done` says so, or nothing is left, or the time is `until`. Between events every microtask has run. */
  readonly run: (until: number, done: () => boolean) => Promise<void>;
  /** Events that were carried out. */
  readonly events: () => number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Lets every microtask run that can: a macrotask comes only when none is left. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function simulator(): Simulator {
  const heap: Event[] = [];
  let now = 0;
  let order = 0;
  let events = 0;
  const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  function push(event: Event): void {
    let i = heap.push(event) - 1;
    for (let up = (i - 1) >> 1; i > 0 && before(event, heap[up]); up = (i - 1) >> 1) {
      heap[i] = heap[up];
      i = up;
    }
    heap[i] = event;
  }

  function pop(): Event {
    const top = heap[0];
    const last = heap.pop() as Event;
    if (heap.length === 0) return top;
    let i = 0;
    for (let down = 1; down < heap.length; down = 2 * i + 1) {
      if (down + 1 < heap.length && before(heap[down + 1], heap[down])) down++;
      if (!before(heap[down], last)) break;
      heap[i] = heap[down];
      i = down;
    }
    heap[i] = last;
    return top;
  }

  function after(delay: number, run: () => void): () => void {
    const event: Event = { at: now + Math.max(0, Math.floor(delay)), order: order++, run };
    push(event);
    return () => {
      event.run = undefined;
    };
  }

  return {
    now: () => now,
    after,
    sleep: (delay) => new Promise((resolve) => void after(delay, resolve)),
    events: () => events,
    async run(until, done) {
      await settle();
      while (heap.length > 0 && !done()) {
        if (heap[0].at > until) {
          now = until;
          return;
        }
        const event = pop();
        if (event.run === undefined) continue;
        now = event.at;
        events++;
        event.run();
        await settle();
      }
    },
  };
}

/** The moment at which simulated worlds begin. */
export const epoch = Date.UTC(2026, 0, 1);

/** The clock of a process on a machine whose time of day is off by `offset` now. It rings for nobody after the process died. */
export function machineClock(simulator: Simulator, offset: () => number, lives: () => boolean): Clock & { readonly alarms: () => number } {
  const born = simulator.now();
  let alarms = 0;
  const now = (): Millis => millis(epoch + simulator.now() + offset());
  return {
    now,
    uptime: () => millis(simulator.now() - born),
    alarms: () => alarms,
    at(moment, ring) {
      alarms++;
      let open = true;
      const close = (): boolean => {
        if (!open) return false;
        open = false;
        alarms--;
        return true;
      };
      const cancel = simulator.after(moment - now(), () => {
        if (close() && lives()) ring();
      });
      return () => {
        if (close()) cancel();
      };
    },
  };
}
