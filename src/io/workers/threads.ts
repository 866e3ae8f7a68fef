/**
 * Runs jobs in worker threads. Training data lies in shared memory and is not copied; model values are.
 * A thread that dies fails its job with a coded error and is replaced for the next one.
 */
import { Worker } from "node:worker_threads";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Executor, Job, JobResult } from "../../training/job.js";
import { inlineExecutor } from "./inline.js";

interface Pending {
  readonly job: Job;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface ThreadOptions {
  readonly workers: number;
  /** Even a single worker is a thread of its own: for programs that have to answer while they train. */
  readonly apart?: boolean;
  /** The compiled worker; differs only where the caller runs from source. */
  readonly script?: URL;
}

/** What a worker thread answers: a result, or the parts of an error, since classes do not cross threads. */
export type WorkerReply =
  | { readonly ok: true; readonly result: JobResult }
  | { readonly ok: false; readonly code: string; readonly faults: MillwrightError["faults"]; readonly stack: string };

/** An executor with `workers` threads, at most 256. One worker runs in this thread. */
export function threadExecutor(options: ThreadOptions): Executor {
  if (!Number.isInteger(options.workers) || options.workers < 1 || options.workers > 256) {
    fail("USAGE", { where: "workers", expected: "a whole number from 1 to 256", got: String(options.workers) });
  }
  if (options.workers === 1 && options.apart !== true) return inlineExecutor();
  const script = options.script ?? new URL("./worker.js", import.meta.url);
  const queue: Pending[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Pending>();
  let closed = false;

  function start(): Worker {
    const worker = new Worker(script);
    worker.on("message", (reply: WorkerReply) => settle(worker, reply));
    worker.on("error", (error) => lose(worker, error));
    worker.on("exit", () => lose(worker, new Error("the thread ended")));
    // An idle thread must not keep the process alive.
    worker.unref();
    return worker;
  }

  function settle(worker: Worker, reply: WorkerReply): void {
    const pending = busy.get(worker);
    busy.delete(worker);
    idle.push(worker);
    worker.unref();
    if (pending !== undefined) {
      if (reply.ok) pending.resolve(reply.result);
      else pending.reject(revive(reply));
    }
    next();
  }

  function lose(worker: Worker, cause: Error): void {
    const at = idle.indexOf(worker);
    if (at >= 0) idle.splice(at, 1);
    const pending = busy.get(worker);
    busy.delete(worker);
    if (pending !== undefined) {
      pending.reject(new MillwrightError("INTERNAL", { where: "worker thread", expected: "a result", got: cause.message, cause }));
      next();
    }
  }

  function next(): void {
    while (queue.length > 0 && !closed) {
      const worker = idle.pop() ?? (busy.size < options.workers ? start() : undefined);
      if (worker === undefined) return;
      const pending = queue.shift() as Pending;
      busy.set(worker, pending);
      worker.ref();
      worker.postMessage(pending.job);
    }
  }

  return {
    workers: options.workers,
    run: (job) =>
      new Promise((resolve, reject) => {
        if (closed) reject(new Error("executor: expected an open executor, got a closed one"));
        queue.push({ job, resolve, reject });
        next();
      }),
    close: async () => {
      closed = true;
      const threads = [...idle, ...busy.keys()];
      idle.length = 0;
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}

function revive(reply: Extract<WorkerReply, { ok: false }>): Error {
  const first = reply.faults[0];
  if (first === undefined) return new Error(reply.stack);
  return new MillwrightError(reply.code as MillwrightError["code"], first, reply.faults);
}
