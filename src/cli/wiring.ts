/** Binds the ports to the real parts, each loaded when a verb first needs it, so that help and mistakes cost nothing. */
import type { Engine } from "../model/engine.js";
import type { ModelSpec } from "../model/spec.js";
import type { PlanDescription, SimulateOptions, Simulation } from "./ports.js";

interface LabModule {
  simulate(file: string | object, options: SimulateOptions): Simulation | Promise<Simulation>;
}

async function load<T>(specifier: string): Promise<T> {
  return (await import(specifier)) as T;
}

export async function startSimulation(file: string | object, options: SimulateOptions): Promise<Simulation> {
  const lab = await load<LabModule>("../lab/simulate.js");
  return lab.simulate(file, options);
}

interface PlanModule {
  describeFile(file: string, dataRoot?: string): PlanDescription | Promise<PlanDescription>;
}

/** Reads, checks and describes a federation file. */
export async function describeFile(file: string, dataRoot?: string): Promise<PlanDescription> {
  const lab = await load<PlanModule>("../lab/plan.js");
  return lab.describeFile(file, dataRoot);
}

interface EngineModule {
  createEngine(spec: ModelSpec): Engine;
}

export const loadEngine = (): Promise<EngineModule> => load<EngineModule>("../model/engine-wasm.js");
