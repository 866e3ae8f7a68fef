/**
 * Whether the claims of the paper's figures hold on what was measured, in words and with the figures. Accuracy is judged because the paper
 * reports it; where failures are rare it is close to 1 for a model that never warns, so PR-AUC and F1 stand beside it.
 */
import type { ScenarioName } from "../../lab/result.js";
import { formatMetric, formatSpread, metricInfo } from "../show/metrics.js";
import { scenarioLabels } from "../show/view.js";
import type { Point } from "./result.js";

export interface Finding {
  /** One claim of the paper. */
  readonly claim: string;
  readonly holds: boolean;
  /** The figures it rests on. */
  readonly because: string;
}

/** A difference smaller than this, or than the spread over seeds, is none. */
const noticeable = 0.01;
/** Share of the error rate that must go for accuracy to have risen: accuracy itself hardly moves where failures are rare. */
const errorShare = 0.9;
/** What "little accuracy" and "hardly changes" may be at most. */
const little = 0.02;
const shallow = 0.01;

export function historyFindings(points: readonly Point[]): Finding[] {
  const [first, last] = ends(points);
  const over = (metric: string) => between(points, "centralised", metric, "h");
  const recalls = points.map((point) => mean(point, "centralised", "recall") ?? 0);
  const precision = difference(first, last, "centralised", "precision");
  const errors = [first, last].map((point) => 1 - (mean(point, "centralised", "accuracy") ?? Number.NaN));
  const time = [first, last].map((point) => point.scenarios.centralised?.seconds.mean ?? Number.NaN);
  const prAuc = difference(first, last, "centralised", "prAuc");
  return [
    { claim: "A longer history raises precision.", holds: precision !== undefined && precision > 0, because: over("precision") },
    { claim: "A longer history raises accuracy.", holds: errors[1] < errorShare * errors[0], because: over("accuracy") },
    {
      claim: "Recall is high at every history.",
      holds: recalls.every((recall) => recall >= 0.8),
      because: `${over("recall")} (high: at least 0.8)`,
    },
    {
      claim: "A longer history takes longer to train.",
      holds: time[1] > 1.2 * time[0],
      because: `${time[0].toFixed(1)} s of processor time at ${first.at} h, ${time[1].toFixed(1)} s at ${last.at} h`,
    },
    {
      claim: "(Ours, not the paper's: a longer history raises PR-AUC, which rare failures do not hide.)",
      holds: prAuc !== undefined && prAuc > 0,
      because: over("prAuc"),
    },
  ];
}

export function clientFindings(points: readonly Point[]): Finding[] {
  const [first, last] = ends(points);
  const drop = -(raw(first, last, "federated", "accuracy") ?? Number.NaN);
  const many = points.filter((point) => point.at >= 7);
  const accuracies = many.flatMap((point) => mean(point, "federated", "accuracy") ?? []);
  const range = accuracies.length === 0 ? Number.NaN : Math.max(...accuracies) - Math.min(...accuracies);
  const [one, most] = [first, last].map((point) => point.runtime.perClient.mean);
  const f1 = raw(first, last, "federated", "f1");
  return [
    {
      claim: "More clients shorten training at each client.",
      holds: most < 0.5 * one,
      because: `${one.toFixed(1)} s per client with ${first.at}, ${most.toFixed(2)} s with ${last.at}; ${first.runtime.wall.mean.toFixed(1)} s and ${last.runtime.wall.mean.toFixed(1)} s on this machine, which trains all clients itself`,
    },
    {
      claim: "They cost little accuracy.",
      holds: drop <= little,
      because: `${between(points, "federated", "accuracy", "clients")} (little: at most ${little})`,
    },
    {
      claim: "From 7 to 19 clients accuracy hardly changes.",
      holds: many.length > 1 && range <= shallow,
      because: many.length > 1 ? `it moves by ${range.toFixed(3)} (hardly: at most ${shallow})` : "fewer than two such runs",
    },
    {
      claim: "(Ours, not the paper's: they cost little F1 either, which rare failures do not hide.)",
      holds: f1 !== undefined && f1 >= -little,
      because: between(points, "federated", "f1", "clients"),
    },
  ];
}

export function localFindings(points: readonly Point[]): Finding[] {
  const [point] = points;
  const both = (metric: string) =>
    (["local", "federated"] as const)
      .map((name) => `${metricInfo(metric).label} ${figure(point, name, metric)} ${scenarioLabels[name]}`)
      .join(", ");
  const alone = point.perSite.flatMap(({ values }) => values.local ?? []);
  const below = point.perSite.filter(({ values }) => (values.local ?? 0) < (values.federated ?? 0)).length;
  const [least, most] = [Math.min(...alone), Math.max(...alone)];
  const errors = (["local", "federated"] as const).map((name) => 1 - (mean(point, name, "accuracy") ?? Number.NaN));
  const gain = scenarioGain(point, "f1");
  return [
    { claim: "Local models are less accurate than the global one.", holds: errors[1] < errorShare * errors[0], because: both("accuracy") },
    {
      claim: "Local models differ from client to client.",
      holds: alone.length > 1 && most - least > 0.05,
      because:
        alone.length > 1
          ? `F1 on its own test data from ${formatMetric("f1", least)} to ${formatMetric("f1", most)}; ${below} of ${point.perSite.length} clients are below the global model there`
          : "fewer than two local models give a figure",
    },
    {
      claim: "(Ours, not the paper's: the same in F1, which rare failures do not hide.)",
      holds: gain !== undefined && gain > noticeable,
      because: both("f1"),
    },
  ];
}

const ends = (points: readonly Point[]): readonly [Point, Point] => [points[0], points[points.length - 1]];

function mean(point: Point, scenario: ScenarioName, metric: string): number | undefined {
  return point.scenarios[scenario]?.metrics[metric]?.mean;
}

function raw(from: Point, to: Point, scenario: ScenarioName, metric: string): number | undefined {
  const [a, b] = [mean(from, scenario, metric), mean(to, scenario, metric)];
  return a === undefined || b === undefined ? undefined : b - a;
}

/** The difference between the ends, or 0 where it is within the spread over seeds or too small to speak of. */
function difference(from: Point, to: Point, scenario: ScenarioName, metric: string): number | undefined {
  const found = raw(from, to, scenario, metric);
  if (found === undefined) return undefined;
  const sd = Math.max(...[from, to].map((point) => point.scenarios[scenario]?.metrics[metric]?.sd ?? 0));
  return Math.abs(found) > Math.max(noticeable, sd) ? found : 0;
}

function scenarioGain(point: Point, metric: string): number | undefined {
  const [local, federated] = [mean(point, "local", metric), mean(point, "federated", metric)];
  return local === undefined || federated === undefined ? undefined : federated - local;
}

function figure(point: Point, scenario: ScenarioName, metric: string): string {
  const found = point.scenarios[scenario]?.metrics[metric];
  return found === undefined ? "not defined" : formatSpread(metric, found);
}

function between(points: readonly Point[], scenario: ScenarioName, metric: string, unit: string): string {
  const [first, last] = ends(points);
  const at = (point: Point): string => `at ${point.at} ${point.at === 1 ? unit.replace(/s$/, "") : unit}`;
  return `${metricInfo(metric).label} ${figure(first, scenario, metric)} ${at(first)}, ${figure(last, scenario, metric)} ${at(last)}`;
}
