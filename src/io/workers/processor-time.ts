/**
 * Processor time of this thread, for the seconds in a report. `process.cpuUsage` counts all threads of the process, so two workers that
 * train side by side would each be charged for both. No result depends on it.
 */
import { readFileSync } from "node:fs";

interface ThreadUsage {
  /** Node 23.9 and later. */
  readonly threadCpuUsage?: () => { readonly user: number; readonly system: number };
}

/** Seconds since some moment; only differences mean anything. Where the system does not tell (Node 20 off Linux), seconds of the clock. */
export function processorSeconds(): number {
  const usage = (process as ThreadUsage).threadCpuUsage?.();
  if (usage !== undefined) return (usage.user + usage.system) / 1e6;
  return linuxThreadSeconds() ?? performance.now() / 1000;
}

let linux = process.platform === "linux";

function linuxThreadSeconds(): number | undefined {
  if (!linux) return undefined;
  try {
    // "nanoseconds on a processor, nanoseconds waiting, slices": https://docs.kernel.org/scheduler/sched-stats.html
    const seconds = Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[0]) / 1e9;
    if (seconds > 0) return seconds;
  } catch {
    // A system without /proc; the clock will do.
  }
  linux = false;
  return undefined;
}
