/** The scenarios side by side: a drawing per metric and all figures in one table. */
import { formatMetric, formatSpread, metricInfo, shownMetrics } from "../../show/metrics.js";
import { bytes } from "../../show/text.js";
import { means, type ResultView, type ScenarioView, scenarioLabels } from "../../show/view.js";
import { scenarioBars } from "../chart/bars.js";
import { type Markup, markup } from "../html.js";
import { card, section, table } from "./common.js";

/** Metrics that get a drawing; the table has all. */
const drawn = 6;

export function comparison(view: ResultView): Markup {
  const { references } = view.first;
  const names = shownMetrics(view.scenarios.map(means), view.headline.metric);
  const cards = names.slice(0, drawn).map((name) => {
    const beside = references.flatMap((r) => (r.metrics[name] === undefined ? [] : [{ name: r.name, value: r.metrics[name] }]));
    const info = metricInfo(name);
    const direction = info.better === "higher" ? "more is better" : "less is better";
    return card(info.label, markup`<p class="note">${info.explanation}; ${direction}</p>`, scenarioBars(name, view.scenarios, beside));
  });
  const head = ["", ...names.map((n) => metricInfo(n).label), "seconds", "bytes moved"];
  const rows = [
    ...view.scenarios.map((s) => ({
      kind: s.name,
      cells: [
        scenarioLabels[s.name],
        ...names.map((n) => figure(s, n)),
        s.seconds.mean.toFixed(1),
        bytes(s.first.bytesUp + s.first.bytesDown),
      ],
    })),
    ...references.map((r) => ({
      kind: "quiet",
      cells: [r.name, ...names.map((n) => (r.metrics[n] === undefined ? "-" : formatMetric(n, r.metrics[n]))), "-", "-"],
    })),
  ];
  const explained = references.map((r) => markup`<p class="note"><b>${r.name}</b>: ${r.explanation}</p>`);
  return section(
    "Three ways to learn, side by side",
    "The same data, model and test; only who sees which rows differs.",
    markup`<div class="cards">${cards}</div><div class="card">${table("All figures", head, rows)}${explained}</div>`,
  );
}

function figure(scenario: ScenarioView, metric: string): string {
  const s = scenario.metrics[metric];
  return s === undefined ? "-" : formatSpread(metric, s);
}
