/** What a simulation tells while it runs, and the queue through which it tells it. */
import { fail } from "../core/errors.js";
import type { ScenarioName } from "./result.js";

/** Progress of a simulation. `loss` is the mean of the sites' training losses, weighted by their examples. */
export type SimulationEvent =
  | { readonly kind: "started"; readonly federation: string; readonly scenarios: readonly ScenarioName[]; readonly sites: number }
  /** What is being done, or waited for, outside of rounds. */
  | { readonly kind: "stage"; readonly scenario?: ScenarioName; readonly text: string }
  | {
      readonly kind: "round";
      readonly scenario: ScenarioName;
      readonly round: number;
      readonly rounds: number;
      readonly loss: number;
      readonly sitesDone: number;
      readonly sites: number;
      /** Until all scenarios are done, from the work that is left and the speed so far. */
      readonly secondsLeft?: number;
    }
  | {
      readonly kind: "site";
      readonly scenario: ScenarioName;
      readonly round: number;
      readonly site: string;
      readonly sitesDone: number;
      readonly sites: number;
    }
  | { readonly kind: "finished" };

export interface EventQueue<E> extends AsyncIterable<E> {
  push(event: E): void;
  close(): void;
}

/** Events that may wait unread; beyond this the oldest are dropped, for whoever is so far behind reads no longer. */
const mostWaiting = 100_000;

/** A queue with one reader. */
export function eventQueue<E>(): EventQueue<E> {
  let waiting: E[] = [];
  let closed = false;
  let wake: () => void = () => {};
  return {
    push(event) {
      if (waiting.length >= mostWaiting) waiting = waiting.slice(mostWaiting / 2);
      waiting.push(event);
      wake();
    },
    close() {
      closed = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const batch = waiting;
        waiting = [];
        yield* batch;
        if (waiting.length > 0) continue;
        if (closed) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** Refuses to go on after the caller has asked to stop. */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    fail("ABORTED", { where: "simulation", expected: "to run to the end", got: "a request to stop", remedy: "run again with --resume" });
}
