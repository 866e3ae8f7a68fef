/** The picture of an experiment, as a page of its own. */
import { siteMarks } from "../report/chart/bars.js";
import { lines, type Series } from "../report/chart/lines.js";
import { type Markup, markup } from "../report/html.js";
import { card, section, table } from "../report/parts/common.js";
import { renderPage } from "../report/report.js";
import { metricInfo } from "../show/metrics.js";
import { scenarioLabels } from "../show/view.js";
import type { Experiment } from "./registry.js";
import { type ExperimentResult, shown, tableOf } from "./result.js";

export function experimentPage(experiment: Experiment, result: ExperimentResult): string {
  const [head, ...rows] = tableOf(experiment, result.points);
  const seeds = result.seeds.length === 1 ? `seed ${result.seeds[0]}` : `seeds ${result.seeds.join(", ")}`;
  const body = [
    markup`<header><p class="brand">Millwright experiment ${result.name}</p><h1>${result.title}</h1><p>the built-in fleet, simulated \u00b7 ${seeds}</p></header>`,
    section("What the paper reports", result.claim, markup`<div class="cards">${drawings(experiment, result)}</div>`),
    section(
      "In figures",
      "Time is processor time of training; it depends on the machine, the other figures do not.",
      table(
        "Figures",
        head,
        rows.map((cells) => ({ cells })),
      ),
    ),
  ];
  return renderPage(`${result.name} - Millwright experiment`, body, result.environment.millwright);
}

function drawings(experiment: Experiment, result: ExperimentResult): Markup[] {
  const [only] = result.points;
  if (result.points.length === 1 && only !== undefined) return [card("F1 of every client", siteMarks("f1", only.perSite))];
  const series = (
    pick: (point: ExperimentResult["points"][number], name: Experiment["scenarios"][number]) => number | undefined,
  ): Series[] =>
    experiment.scenarios.flatMap((name): Series[] => {
      const points = result.points.flatMap((point): [number, number][] => {
        const value = pick(point, name);
        return value === undefined ? [] : [[point.at, value]];
      });
      return points.length < 2 ? [] : [{ label: scenarioLabels[name], kind: name, points }];
    });
  const quality = shown.flatMap((metric) => {
    const drawn = series((point, name) => point.scenarios[name]?.metrics[metric]?.mean);
    const { label } = metricInfo(metric);
    return drawn.length === 0
      ? []
      : [card(`${label} (${drawn.map((s) => s.label).join(", ")})`, lines(label, { x: experiment.axis.label, y: label }, drawn))];
  });
  const time = series((point, name) => point.scenarios[name]?.seconds.mean);
  return [
    ...quality,
    ...(time.length === 0 ? [] : [card("Training time", lines("Training time", { x: experiment.axis.label, y: "seconds" }, time))]),
  ];
}
