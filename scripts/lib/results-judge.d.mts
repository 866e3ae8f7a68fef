import type { Row } from "./results-rows.d.mts";

export interface Spread {
  readonly mean: number;
  readonly sd: number;
  readonly values: readonly number[];
}
export interface RunFigures {
  readonly seed: number;
  readonly scenarios: Readonly<Record<string, { readonly metrics: Readonly<Record<string, number>>; readonly seconds: number }>>;
}
export type ScenarioSpreads = Readonly<Record<string, { readonly metrics: Readonly<Record<string, Spread>>; readonly seconds: Spread }>>;

export function spread(values: readonly number[]): Spread;
export function summarise(runs: readonly RunFigures[]): ScenarioSpreads;
export function judgeRow(row: Row, scenarios: ScenarioSpreads | undefined): { gate?: boolean; goal?: boolean; ratio?: number };
