/** Runs jobs in this thread, one after the other. For one worker, tests and plants with one core. */
import type { Executor } from "../../training/job.js";
import { jobRunner } from "./engines.js";

export function inlineExecutor(): Executor {
  const run = jobRunner();
  return {
    workers: 1,
    // Yields to the event loop first, so that progress is shown and Ctrl-C is heard between two jobs.
    run: (job) => new Promise((resolve, reject) => setImmediate(() => attempt(() => resolve(run(job)), reject))),
    close: async () => {},
  };
}

function attempt(work: () => void, reject: (error: unknown) => void): void {
  try {
    work();
  } catch (error) {
    reject(error);
  }
}
