/** Engines of one thread, kept by model: building one costs more than a round of a small site. */
import type { Engine } from "../../model/engine.js";
import { createEngine } from "../../model/engine-wasm.js";
import type { ModelSpec } from "../../model/spec.js";
import { type Job, type JobResult, runJob } from "../../training/job.js";
import { processorSeconds } from "./processor-time.js";

/** Engines kept at once; a comparison uses one or two models, so more would only be a leak. */
const kept = 4;

/** A function that runs jobs on engines of its own. */
export function jobRunner(): (job: Job) => JobResult {
  const engines = new Map<string, Engine>();

  function engineFor(model: ModelSpec): Engine {
    const key = JSON.stringify(model);
    const found = engines.get(key);
    if (found !== undefined) return found;
    if (engines.size >= kept) engines.delete(engines.keys().next().value as string);
    const engine = createEngine(model);
    engines.set(key, engine);
    return engine;
  }

  return (job) => {
    const started = processorSeconds();
    const result = runJob(engineFor(job.model), job);
    return { ...result, seconds: processorSeconds() - started, memory: process.memoryUsage().rss };
  };
}
