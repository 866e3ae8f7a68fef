/** Bars: scenarios side by side with the spread over seeds, and one row of marks per site. */
import type { ScenarioName } from "../../../lab/result.js";
import { formatMetric, formatSpread, metricInfo } from "../../show/metrics.js";
import { type ScenarioView, scenarioLabels } from "../../show/view.js";
import { element, type Markup } from "../html.js";
import { chartWidth, drawing, shorten, text } from "./frame.js";
import { extent, linear, tickLabel, ticks } from "./scale.js";

export interface BarReference {
  readonly name: string;
  readonly value: number;
}

/** One metric: a horizontal bar per scenario, its figure beside it, whiskers of one standard deviation, references as dashed lines. */
export function scenarioBars(metric: string, scenarios: readonly ScenarioView[], references: readonly BarReference[]): Markup {
  const info = metricInfo(metric);
  const shown = scenarios.flatMap((s) => (s.metrics[metric] === undefined ? [] : [{ name: s.name, spread: s.metrics[metric] }]));
  const several = shown.some((s) => s.spread.values.length > 1);
  const [left, right, row, top] = [88, several ? 104 : 66, 34, 14];
  const height = top + shown.length * row + (references.length > 0 ? 12 + references.length * 15 : 8);
  const most = extent([...shown.map((s) => s.spread.mean + s.spread.sd), ...references.map((r) => r.value)])[1];
  const x = linear([0, info.form === "share" ? Math.max(1, most) : most * 1.02 || 1], [left, chartWidth - right]);
  const rects = shown.map((s, i) =>
    element("rect", { x: left, y: top + i * row, width: Math.max(1, x(s.spread.mean) - left), height: 22, rx: 3, class: `fill-${s.name}` }),
  );
  const bars = shown.map((s, i) => {
    const y = top + i * row;
    const figure = formatSpread(metric, s.spread);
    const whisker = several
      ? [
          element("line", {
            x1: Math.max(left, x(s.spread.mean - s.spread.sd)),
            x2: x(s.spread.mean + s.spread.sd),
            y1: y + 11,
            y2: y + 11,
            class: "whisker",
          }),
          element("line", {
            x1: x(s.spread.mean + s.spread.sd),
            x2: x(s.spread.mean + s.spread.sd),
            y1: y + 6,
            y2: y + 16,
            class: "whisker",
          }),
        ]
      : [];
    return [
      text(left - 8, y + 15, scenarioLabels[s.name], { class: s.name === "federated" ? "label strong" : "label", "text-anchor": "end" }),
      ...whisker,
      text(chartWidth - right + 8, y + 15, figure, { class: "figure" }),
    ];
  });
  const bottom = top + shown.length * row;
  const marks = references.map((r, i) => [
    element("line", { x1: x(r.value), x2: x(r.value), y1: top - 6, y2: bottom + 4 + i * 15, class: "reference" }),
    text(
      x(r.value) + (x(r.value) > chartWidth / 2 ? -5 : 5),
      bottom + 12 + i * 15,
      `${shorten(r.name, 30)} ${formatMetric(metric, r.value)}`,
      {
        class: "tick",
        "text-anchor": x(r.value) > chartWidth / 2 ? "end" : "start",
      },
    ),
  ]);
  const said = shown.map((s) => `${scenarioLabels[s.name]} ${formatMetric(metric, s.spread.mean)}`).join(", ");
  return drawing(
    height,
    `${info.label} by scenario`,
    `${said}. ${info.better === "higher" ? "More" : "Less"} is better.`,
    ...rects,
    ...marks.flat(),
    ...bars.flat(),
  );
}

export interface SiteRow {
  readonly site: string;
  readonly values: Partial<Readonly<Record<ScenarioName, number>>>;
}

/** Sites drawn; a federation of more is shown by its first ones, and the table has all. */
export const sitesDrawn = 40;

/** One row per site: a hollow ring for the site alone, a full disc for the common model, joined so that the gain is a length. */
export function siteMarks(metric: string, rows: readonly SiteRow[]): Markup {
  const info = metricInfo(metric);
  const shown = rows.slice(0, sitesDrawn);
  const [left, right, row, top] = [96, 16, 22, 30];
  const height = top + shown.length * row + 34;
  const all = shown.flatMap((r) => Object.values(r.values));
  const [low, high] = extent(all);
  const steps = info.form === "share" ? ticks(Math.max(0, Math.min(low, 0.9)), Math.max(high, low + 0.1)) : ticks(Math.min(low, 0), high);
  const x = linear([steps[0], steps[steps.length - 1]], [left, chartWidth - right]);
  const bottom = top + shown.length * row;
  const grid = steps.flatMap((t) => [
    element("line", { x1: x(t), x2: x(t), y1: top - 8, y2: bottom, class: "grid" }),
    text(x(t), bottom + 14, tickLabel(t), { class: "tick", "text-anchor": "middle" }),
  ]);
  const marks = shown.flatMap((r, i) => {
    const y = top + i * row + 4;
    const { local, federated, centralised } = r.values;
    const gained = local !== undefined && federated !== undefined && (info.better === "higher" ? federated >= local : federated <= local);
    return [
      text(left - 8, y + 4, shorten(r.site, 13), { class: "label", "text-anchor": "end" }),
      local !== undefined && federated !== undefined
        ? element("line", { x1: x(local), x2: x(federated), y1: y, y2: y, class: gained ? "gain" : "loss" })
        : undefined,
      centralised === undefined
        ? undefined
        : element("line", { x1: x(centralised), x2: x(centralised), y1: y - 7, y2: y + 7, class: "mark-centralised" }),
      local === undefined ? undefined : element("circle", { cx: x(local), cy: y, r: 4.5, class: "mark-local" }),
      federated === undefined ? undefined : element("circle", { cx: x(federated), cy: y, r: 5, class: "mark-federated" }),
    ];
  });
  const legend = [
    element("circle", { cx: left + 4, cy: 8, r: 4.5, class: "mark-local" }),
    text(left + 13, 12, "alone", { class: "tick" }),
    element("circle", { cx: left + 66, cy: 8, r: 5, class: "mark-federated" }),
    text(left + 75, 12, "federated", { class: "tick" }),
    element("line", { x1: left + 150, x2: left + 150, y1: 1, y2: 15, class: "mark-centralised" }),
    text(left + 157, 12, "centralised", { class: "tick" }),
  ];
  const axis = text((left + chartWidth - right) / 2, height - 4, `${info.label} on the site's own test data`, {
    class: "axis",
    "text-anchor": "middle",
  });
  return drawing(
    height,
    `${info.label} of every site`,
    `One row per site, alone and federated. ${info.better === "higher" ? "Right" : "Left"} is better. The table below has the figures.`,
    ...grid,
    ...marks,
    ...legend,
    axis,
  );
}
