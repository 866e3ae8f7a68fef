/** Ends what has gone silent. Watching again costs no new alarm: the one that rings looks at how long it was really silent. */
import type { Clock } from "../../core/ports.js";
import { after, steady } from "./pace.js";

export interface Watchdog {
  /** Something happened: from now on, so many milliseconds of silence are allowed. */
  readonly watch: (time: number) => void;
  /** No limit until the next watch: the wait is our own. */
  readonly rest: () => void;
  readonly stop: () => void;
  readonly barked: () => boolean;
}

export function watchdog(clock: Clock, bark: () => void): Watchdog {
  let end: number | undefined;
  let alarm: { readonly at: number; readonly cancel: () => void } | undefined;
  let barked = false;
  const ring = (): void => {
    alarm = undefined;
    if (end === undefined) return;
    if (steady(clock) < end) arm(end);
    else {
      barked = true;
      bark();
    }
  };
  const arm = (at: number): void => {
    alarm = { at, cancel: after(clock, at - steady(clock), ring) };
  };
  return {
    watch: (time) => {
      end = steady(clock) + time;
      if (alarm !== undefined && alarm.at <= end) return;
      alarm?.cancel();
      arm(end);
    },
    rest: () => {
      end = undefined;
    },
    stop: () => {
      end = undefined;
      alarm?.cancel();
      alarm = undefined;
    },
    barked: () => barked,
  };
}
