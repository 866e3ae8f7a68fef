/** The simulator, loaded when a verb first needs it, so that help and mistakes cost nothing. */
import type { SimulateOptions, Simulation } from "../lab/simulate.js";

/** Starts a simulation of a federation file or of the same content as an object. */
export async function startSimulation(plan: string | object, options: SimulateOptions): Promise<Simulation> {
  const { simulate } = await import("../lab/simulate.js");
  return simulate(plan, options);
}
