/** The program of a worker thread: takes a job, answers with its result. */
import { parentPort } from "node:worker_threads";
import { MillwrightError } from "../../core/errors.js";
import type { Job } from "../../training/job.js";
import { jobRunner } from "./engines.js";
import type { WorkerReply } from "./threads.js";

const run = jobRunner();

parentPort?.on("message", (job: Job) => {
  let reply: WorkerReply;
  try {
    reply = { ok: true, result: run(job) };
  } catch (error) {
    const known = error instanceof MillwrightError;
    reply = {
      ok: false,
      code: known ? error.code : "INTERNAL",
      faults: known ? error.faults.map(({ cause: _, ...fault }) => fault) : [{ where: "worker", expected: "a result", got: String(error) }],
      stack: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
  parentPort?.postMessage(reply);
});
