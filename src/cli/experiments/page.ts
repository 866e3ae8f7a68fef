/** The picture of an experiment, as a page of its own. */
import { siteMarks } from "../report/chart/bars.js";
import { lines, type Series } from "../report/chart/lines.js";
import { type Markup, markup } from "../report/html.js";
import { card, section, table } from "../report/parts/common.js";
import { renderPage } from "../report/report.js";
import { metricInfo } from "../show/metrics.js";
import { scenarioLabels } from "../show/view.js";
import type { Experiment } from "./registry.js";
import { type ExperimentResult, shown } from "./result.js";

export function experimentPage(experiment: Experiment, result: ExperimentResult): string {
  const [head, ...rows] = result.table;
  const seeds = result.seeds.length === 1 ? `seed ${result.seeds[0]}` : `seeds ${result.seeds.join(", ")}`;
  const body = [
    markup`<header><p class="brand">Millwright experiment ${result.name}</p><h1>${result.title}</h1><p>${dataLabels[result.data] ?? result.data} \u00b7 ${seeds}</p></header>`,
    result.quick
      ? markup`<div class="verdict"><p class="say">A quick try: two rounds on little data say nothing about the paper.</p></div>`
      : undefined,
    section("What the paper reports", result.claim, findings(result)),
    section(
      "What was measured",
      "Bataineh et al.'s own data are not public: trends are compared, not figures.",
      markup`<div class="cards">${drawings(experiment, result)}</div>`,
    ),
    section(
      "In figures",
      "Seconds are processor time of training, of all clients together and of one; wall is the clock of this machine, which plays all clients at once. They depend on the machine; the other figures do not.",
      table(
        "Figures",
        head,
        rows.map((cells) => ({ cells })),
      ),
    ),
  ];
  return renderPage(`${result.name} - Millwright experiment`, body, result.environment.millwright);
}

const dataLabels: Readonly<Record<string, string>> = {
  fleet: "the built-in fleet, simulated",
  "azure-pdm": "Microsoft Azure predictive maintenance, 20 machines, simulated by Microsoft",
};

function findings(result: ExperimentResult): Markup {
  const items = result.findings.map(
    ({ claim, holds, because }) =>
      markup`<li><b>${holds ? "Reproduced" : "Not reproduced"}</b>: ${claim} <span class="note">${because}</span></li>`,
  );
  return markup`<div class="card"><ul>${items}</ul></div>`;
}

/** How the lines are told apart without colour. */
const strokes: Readonly<Record<Series["kind"], string>> = { federated: "solid", local: "dashed", centralised: "dotted", plain: "solid" };

const legend = (series: readonly Series[]): Markup =>
  markup`<p class="note">${series.map(({ label, kind }) => `${strokes[kind]}: ${label}`).join("; ")}</p>`;

function drawings(experiment: Experiment, result: ExperimentResult): Markup[] {
  const [only] = result.points;
  if (result.points.length === 1 && only !== undefined) return [card("F1 of every client", siteMarks("f1", only.perSite))];
  const series = (
    pick: (point: ExperimentResult["points"][number], name: Experiment["scenarios"][number]) => number | undefined,
  ): Series[] =>
    // The federation first: its end carries the mark.
    [...experiment.scenarios].reverse().flatMap((name): Series[] => {
      const points = result.points.flatMap((point): [number, number][] => {
        const value = pick(point, name);
        return value === undefined ? [] : [[point.at, value]];
      });
      return points.length < 2 ? [] : [{ label: scenarioLabels[name], kind: name, points }];
    });
  const quality = shown.flatMap((metric) => {
    const drawn = series((point, name) => point.scenarios[name]?.metrics[metric]?.mean);
    const { label } = metricInfo(metric);
    return drawn.length === 0 ? [] : [card(label, legend(drawn), lines(label, { x: experiment.axis.label, y: label }, drawn))];
  });
  const timed = (title: string, drawn: readonly Series[]): Markup[] =>
    drawn.length === 0 ? [] : [card(title, legend(drawn), lines(title, { x: experiment.axis.label, y: "seconds" }, drawn))];
  const federated = (pick: (point: ExperimentResult["points"][number]) => number) =>
    series((point, name) => (name === "federated" ? pick(point) : undefined));
  return [
    ...quality,
    ...timed(
      "Training time of all clients",
      series((point, name) => point.scenarios[name]?.seconds.mean),
    ),
    ...timed(
      "Training time of one client",
      federated((point) => point.runtime.perClient.mean),
    ),
  ];
}
