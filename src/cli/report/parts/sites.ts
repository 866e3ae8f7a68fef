/** What each site gains, and what it holds. */
import type { PartitionSummary, ScenarioName } from "../../../lab/result.js";
import { formatMetric, formatSize, metricInfo } from "../../show/metrics.js";
import { count } from "../../show/text.js";
import { sitesBetterOff } from "../../show/verdict.js";
import { type ResultView, scenarioLabels, scenarioOrder } from "../../show/view.js";
import { type SiteRow, siteMarks, sitesDrawn } from "../chart/bars.js";
import { stacks } from "../chart/blocks.js";
import { type Markup, markup } from "../html.js";
import { card, figures, section, table } from "./common.js";

export function siteGains(view: ResultView): Markup | undefined {
  const metric = view.headline.metric;
  const rows = siteRows(view, metric);
  if (rows.length === 0) return undefined;
  const better = sitesBetterOff(view);
  const names = scenarioOrder.filter((name) => rows.some((r) => r.values[name] !== undefined));
  const tested = new Map((view.first.scenarios.federated?.perSite ?? []).map((s) => [s.site, s]));
  const body = rows.map((r) => ({
    cells: [
      r.site,
      ...names.map((n) => (r.values[n] === undefined ? "-" : formatMetric(metric, r.values[n]))),
      count(tested.get(r.site)?.examples ?? 0),
      count(tested.get(r.site)?.tested ?? 0),
    ],
  }));
  const head = ["site", ...names.map((n) => scenarioLabels[n]), "trained on", "tested on"];
  const lead =
    better === undefined
      ? "Each site judged on its own test data."
      : `Each site judged on its own test data: ${better.better} of ${better.all} do better with the common model than alone, ${better.worse} worse.`;
  const seedNote = view.seeds.length > 1 ? ` Shown for seed ${view.first.seed}.` : "";
  const cut = rows.length > sitesDrawn ? markup`<p class="note">The first ${sitesDrawn} of ${rows.length} sites are drawn.</p>` : undefined;
  return section(
    "Site by site",
    lead + seedNote,
    markup`<div class="cards">${card(`${metricInfo(metric).label} per site`, siteMarks(metric, rows), cut)}${card("In figures", table("Figures per site", head, body))}</div>`,
  );
}

function siteRows(view: ResultView, metric: string): SiteRow[] {
  const bySite = new Map<string, Partial<Record<ScenarioName, number>>>();
  for (const name of scenarioOrder) {
    for (const site of view.first.scenarios[name]?.perSite ?? []) {
      const value = site.metrics[metric];
      if (value === undefined) continue;
      const row = bySite.get(site.site) ?? {};
      row[name] = value;
      bySite.set(site.site, row);
    }
  }
  return [...bySite].map(([site, values]) => ({ site, values }));
}

const skewWords: Readonly<Record<string, string>> = {
  quantity: "quantity: how unequal the sites are in size (coefficient of variation, 0 = equal)",
  label: "label: how far a site's answers are from the whole (Jensen-Shannon distance, 0 = alike, 1 = disjoint)",
  feature: "feature: how far a site's readings are shifted (in standard deviations)",
};

export const partition = (view: ResultView): Markup | undefined => partitionPicture(view.first.partition);

/** The picture of a partition by itself, also for `data partition`. */
export function partitionPicture({ sites, classLabels, skew }: PartitionSummary): Markup | undefined {
  if (sites.length === 0) return undefined;
  const validated = sites.some((s) => s.validation > 0);
  const cards = [
    card(
      "Examples per site",
      stacks(
        "Examples per site",
        validated ? ["training", "test", "validation"] : ["training", "test"],
        sites.map((s) => ({ name: s.site, parts: [s.train, s.test, ...(validated ? [s.validation] : [])] })),
      ),
    ),
  ];
  const kinds = classLabels ?? [];
  if (sites.some((s) => s.classes !== undefined) && kinds.length > 0) {
    cards.push(
      card(
        "Classes per site",
        stacks(
          "Classes per site",
          kinds,
          sites.map((s) => ({ name: s.site, parts: s.classes ?? [] })),
        ),
      ),
    );
  } else if (sites.some((s) => s.positives !== undefined)) {
    cards.push(
      card(
        "Positive examples per site",
        stacks(
          "Positive examples per site",
          ["positive"],
          sites.map((s) => ({ name: s.site, parts: [s.positives ?? 0] })),
        ),
      ),
    );
  }
  const target = sites.some((s) => s.targetMean !== undefined);
  const machines = sites.some((s) => s.machines > 0);
  const head = [
    "site",
    ...(machines ? ["machines"] : []),
    "training",
    "validation",
    "test",
    "positive",
    ...(target ? ["target mean", "target sd"] : []),
  ];
  const rows = sites.map((s) => ({
    cells: [
      s.site,
      ...(machines ? [count(s.machines)] : []),
      count(s.train),
      count(s.validation),
      count(s.test),
      s.positives === undefined ? "-" : count(s.positives),
      ...(target
        ? [s.targetMean === undefined ? "-" : formatSize(s.targetMean), s.targetSd === undefined ? "-" : formatSize(s.targetSd)]
        : []),
    ],
  }));
  const numbers = Object.entries(skew).map(([name, value]) => markup`<li>${skewWords[name] ?? name}: <b>${value.toFixed(3)}</b></li>`);
  return section(
    "Who holds what",
    "How the data falls over the sites. The more the sites differ, the harder it is for one model to serve all.",
    markup`<div class="cards">${cards}</div>`,
    numbers.length === 0 ? undefined : card("Skew in numbers", markup`<ul>${numbers}</ul>`),
    figures(table("Partition", head, rows)),
  );
}
