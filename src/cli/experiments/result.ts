/** What an experiment found, as it is written to JSON, printed and drawn. */
import type { ScenarioName, SimulationResult, Spread } from "../../lab/result.js";
import { formatSpread, metricInfo } from "../show/metrics.js";
import { mergeSeeds, type ScenarioView, scenarioLabels, spread, viewOf } from "../show/view.js";
import type { Finding } from "./findings.js";
import type { Experiment } from "./registry.js";

/** Seconds of federated training. */
export interface Runtime {
  /** Processor time of training at one client, mean over clients. */
  readonly perClient: Spread;
  /** Wall-clock time of the whole run on this machine, which plays all clients. */
  readonly wall: Spread;
}

export interface Point {
  /** Value on the axis. */
  readonly at: number;
  readonly scenarios: Partial<
    Readonly<Record<ScenarioName, { readonly metrics: Readonly<Record<string, Spread>>; readonly seconds: Spread }>>
  >;
  readonly runtime: Runtime;
  /** Headline of each site's own test data, first seed, by scenario. */
  readonly perSite: readonly { readonly site: string; readonly values: Partial<Readonly<Record<ScenarioName, number>>> }[];
}

export interface ExperimentResult {
  readonly format: "millwright-experiment/1";
  readonly name: string;
  readonly title: string;
  readonly claim: string;
  readonly axis: string;
  readonly data: string;
  /** A quick try: its figures say nothing about the paper. */
  readonly quick: boolean;
  readonly seeds: readonly number[];
  readonly points: readonly Point[];
  readonly findings: readonly Finding[];
  /** Head and rows, as printed. */
  readonly table: readonly (readonly string[])[];
  readonly environment: SimulationResult["environment"];
}

/** The runs of one value of the axis as a point. */
export function pointOf(at: number, runs: readonly SimulationResult[], wanted: readonly ScenarioName[]): Point {
  const view = viewOf(mergeSeeds(runs));
  const chosen = view.scenarios.filter((s) => wanted.includes(s.name));
  const metric = view.headline.metric;
  const sites = new Map<string, Partial<Record<ScenarioName, number>>>();
  for (const scenario of chosen) {
    for (const site of scenario.first.perSite) {
      const value = site.metrics[metric];
      if (value !== undefined) sites.set(site.site, { ...sites.get(site.site), [scenario.name]: value });
    }
  }
  return {
    at,
    scenarios: Object.fromEntries(chosen.map((s) => [s.name, { metrics: s.metrics, seconds: secondsOf(s, runs) }])),
    runtime: {
      perClient: spread(runs.map((run) => (run.scenarios.federated?.seconds ?? 0) / Math.max(1, run.partition.sites.length))),
      wall: spread(runs.map((run) => run.rounds.reduce((sum, round) => sum + round.seconds, 0))),
    },
    perSite: [...sites].map(([site, values]) => ({ site, values })),
  };
}

const secondsOf = (scenario: ScenarioView, runs: readonly SimulationResult[]): Spread =>
  spread(runs.flatMap((run) => run.scenarios[scenario.name]?.seconds ?? []));

/** Metrics that the paper's figures show. */
export const shown = ["accuracy", "precision", "recall", "f1", "prAuc"] as const;

/** Head and rows of the table of an experiment: one row per value and scenario. */
export function tableOf(experiment: Experiment, points: readonly Point[]): string[][] {
  const present = shown.filter((name) => points.some((p) => Object.values(p.scenarios).some((s) => s?.metrics[name] !== undefined)));
  const head = [experiment.axis.label, "scenario", ...present.map((n) => metricInfo(n).label), "seconds", "s per client", "s wall"];
  const rows = points.flatMap((point) =>
    experiment.scenarios.flatMap((name) => {
      const found = point.scenarios[name];
      if (found === undefined) return [];
      const figures = present.map((metric) => (found.metrics[metric] === undefined ? "-" : formatSpread(metric, found.metrics[metric])));
      // Only the federation's own run is timed by client and by the clock.
      const { perClient, wall } = point.runtime;
      const timed = name === "federated" ? [perClient.mean.toFixed(2), wall.mean.toFixed(1)] : ["-", "-"];
      return [[String(point.at), scenarioLabels[name], ...figures, found.seconds.mean.toFixed(1), ...timed]];
    }),
  );
  return [head, ...rows];
}
