/** The simulator, loaded when a verb first needs it, so that help and mistakes cost nothing. */
import type { Replayed, ReplayOptions } from "../lab/replay.js";
import type { SimulateOptions, Simulation } from "../lab/simulate.js";

/** Repeats a recorded run. */
export async function startReplay(record: unknown, where: string, file: string | undefined, options: ReplayOptions): Promise<Replayed> {
  const [{ readRecord, replay }, { readPlan }] = await Promise.all([import("../lab/replay.js"), import("../lab/read-plan.js")]);
  return replay(file === undefined ? undefined : readPlan(file).file, readRecord(record, where), options);
}

/** Starts a simulation of a federation file or of the same content as an object. */
export async function startSimulation(plan: string | object, options: SimulateOptions): Promise<Simulation> {
  const { simulate } = await import("../lab/simulate.js");
  return simulate(plan, options);
}
