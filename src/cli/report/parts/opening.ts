/** The top of the report: what was run, what came out in one sentence, and the three figures. */
import { formatMetric, metricInfo } from "../../show/metrics.js";
import { verdict } from "../../show/verdict.js";
import { type ResultView, scenarioLabels, scenarioMeaning } from "../../show/view.js";
import { type Markup, markup } from "../html.js";

const signs = { helped: "\u2713", hurt: "\u2717", "no-difference": "\u2248", "not-compared": "i" } as const;

export function opening(view: ResultView): Markup {
  const { first, headline } = view;
  const info = metricInfo(headline.metric);
  const said = verdict(view);
  const facts = [
    `task: ${first.task}`,
    `${first.partition.sites.length} sites`,
    `${first.rounds.length} rounds`,
    view.seeds.length > 1 ? `seeds ${view.seeds.join(", ")}` : `seed ${first.seed}`,
    first.environment.date.replace(/T(\d\d:\d\d).*$/, " $1 UTC"),
  ];
  const tiles = view.scenarios.flatMap((s) => {
    const value = s.metrics[headline.metric];
    if (value === undefined) return [];
    const sd = value.values.length > 1 ? markup`<small> \u00b1 ${formatMetric(headline.metric, value.sd)}</small>` : undefined;
    return [
      markup`<div class="tile ${s.name}">${capital(scenarioLabels[s.name])}<b>${formatMetric(headline.metric, value.mean)}${sd}</b><small>${scenarioMeaning[s.name]}</small></div>`,
    ];
  });
  return markup`<header><p class="brand">Millwright report</p><h1>${first.federation}</h1><p>${facts.join(" \u00b7 ")}</p></header>
<div class="verdict ${said.outcome}"><p class="say"><span aria-hidden="true">${signs[said.outcome]} </span>${said.title}</p>${said.detail.map((d) => markup`<p>${d}</p>`)}</div>
<div class="tiles">${tiles}</div>
<p class="note">The figures are ${info.label} (${info.explanation}) on test data that no training, threshold or choice has seen; ${info.better === "higher" ? "more" : "less"} is better.</p>`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
