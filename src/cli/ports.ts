/**
 * What the command needs of the rest of the house, as types. `wiring.ts` binds them to the real parts, loaded only when a verb
 * needs them, so that `millwright --help` starts at once.
 */
import type { Dataset } from "../data/dataset.js";
import type { PartitionSummary, ScenarioName, SimulationResult } from "../lab/result.js";

export type { SimulationResult };

export type SimulationEvent =
  | { readonly kind: "started"; readonly federation: string; readonly scenarios: readonly ScenarioName[]; readonly sites: number }
  /** What is being done, or waited for, outside of rounds: "reading the data", "scoring the test windows". */
  | { readonly kind: "stage"; readonly scenario?: ScenarioName; readonly text: string }
  | {
      readonly kind: "round";
      readonly scenario: ScenarioName;
      readonly round: number;
      readonly rounds: number;
      readonly loss: number;
      readonly sitesDone: number;
      readonly sites: number;
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

export interface CatalogEntry {
  readonly name: string;
  readonly task: string;
  readonly rows: number;
  readonly licence: string;
  readonly description: string;
}

export interface LoadedData {
  readonly dataset: Dataset;
  readonly partition?: PartitionSummary;
}

export interface SimulateOptions {
  readonly seed?: number;
  readonly workers?: number;
  /** Run all three scenarios, or only the federated one, whatever the file says. */
  readonly compare?: boolean;
  /** Folder in which an interrupted run keeps what it needs to go on. */
  readonly state?: string;
  readonly resume?: boolean;
  readonly dataRoot?: string;
  readonly signal?: AbortSignal;
}

export interface Simulation {
  readonly events: AsyncIterable<SimulationEvent>;
  readonly result: Promise<SimulationResult>;
}

export interface PlanDescription {
  readonly sections: readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[];
  readonly remarks: readonly string[];
}
