/** Lines over rounds and the precision-recall curves. */
import type { ScenarioName } from "../../../lab/result.js";
import { scenarioLabels } from "../../show/view.js";
import { element, type Markup } from "../html.js";
import { axes, chartWidth, drawing, text } from "./frame.js";
import { extent } from "./scale.js";

export interface Series {
  readonly label: string;
  /** Colour and dash: the class of the line. */
  readonly kind: ScenarioName | "plain";
  readonly points: readonly (readonly [number, number])[];
}

const margin = { top: 30, right: 16, bottom: 38, left: 48 };

/** One or more lines over rounds. With several seeds, the runs are thin and their mean is thick. */
export function roundLines(title: string, unit: string, series: readonly Series[], faint: readonly Series[] = []): Markup {
  return lines(title, { x: "round", y: unit }, series, faint);
}

/** Lines over a whole number: rounds, hours of history, clients. */
export function lines(
  title: string,
  labels: { readonly x: string; readonly y: string },
  series: readonly Series[],
  faint: readonly Series[] = [],
): Markup {
  const height = 240;
  const all = [...series, ...faint].flatMap((s) => s.points);
  const [firstRound, lastRound] = extent(all.map((p) => p[0]));
  const [low, high] = extent(all.map((p) => p[1]));
  const base = low > 0 && low < high * 0.5 ? 0 : low;
  const frame = axes(height, margin, [firstRound, Math.max(lastRound, firstRound + 1)], [base, high === base ? base + 1 : high], {
    ...labels,
    wholeX: true,
  });
  const end = series[0]?.points.at(-1);
  return drawing(
    height,
    title,
    end === undefined ? "Nothing to draw." : `${series.map(ends).join("; ")}; ${labels.x} ${firstRound} to ${lastRound}.`,
    ...frame.back,
    ...faint.map((s) => path(s, frame, "faint")),
    ...series.map((s) => path(s, frame, "")),
    end === undefined ? undefined : element("circle", { cx: frame.x(end[0]), cy: frame.y(end[1]), r: 3.5, class: "mark-federated" }),
  );
}

const ends = ({ label, points }: Series): string => `${label}: from ${format(points[0][1])} to ${format(points[points.length - 1][1])}`;

const format = (value: number): string => String(Number(value.toPrecision(3)));

function path(series: Series, frame: { x(v: number): number; y(v: number): number }, extra: string): Markup {
  const d = series.points
    .filter((p) => Number.isFinite(p[1]))
    .map((p, i) => `${i === 0 ? "M" : "L"}${frame.x(p[0]).toFixed(1)} ${frame.y(p[1]).toFixed(1)}`)
    .join("");
  return element("path", { d, class: `line line-${series.kind} ${extra}`.trimEnd() });
}

/** Precision over recall, one line per scenario, with the share of positives as the floor that guessing reaches. */
export function precisionRecall(series: readonly Series[], positives: number | undefined): Markup {
  const height = 262;
  const frame = axes(height, margin, [0, 1], [0, 1], { x: "recall", y: "precision" });
  const floor =
    positives === undefined
      ? []
      : [
          element("line", { x1: frame.x(0), x2: frame.x(1), y1: frame.y(positives), y2: frame.y(positives), class: "reference" }),
          text(frame.x(1), frame.y(positives) - 5, "guessing", { class: "tick", "text-anchor": "end" }),
        ];
  const legend = series.map((s, i) => {
    const y = frame.y(0) - 12 - (series.length - 1 - i) * 16 - (positives !== undefined && positives < 0.25 ? 26 : 0);
    const x = margin.left + 12;
    return [
      element("line", { x1: x, x2: x + 26, y1: y - 4, y2: y - 4, class: `line line-${s.kind}` }),
      text(x + 32, y, s.kind === "plain" ? s.label : scenarioLabels[s.kind], { class: "tick" }),
    ];
  });
  return drawing(
    height,
    "Precision-recall curve",
    `Precision against recall over all thresholds for ${series.map((s) => s.label).join(", ")}; up and to the right is better.`,
    ...frame.back,
    ...floor,
    ...series.map((s) => path(s, frame, "")),
    ...legend.flat(),
  );
}

/** Truth against prediction; on the diagonal the prediction is right. */
export function residuals(points: readonly { readonly truth: number; readonly predicted: number }[], unit: string): Markup {
  const height = 320;
  const [low, high] = extent(points.flatMap((p) => [p.truth, p.predicted]));
  const range: [number, number] = [Math.min(low, 0), high > low ? high : low + 1];
  const frame = axes(height, { ...margin, left: 52 }, range, range, { x: `truth${unit}`, y: `predicted${unit}` });
  const diagonal = element("line", {
    x1: frame.x(range[0]),
    y1: frame.y(range[0]),
    x2: frame.x(range[1]),
    y2: frame.y(range[1]),
    class: "reference",
  });
  return drawing(
    height,
    "Prediction against truth",
    `${points.length} test examples; on the dashed diagonal the prediction is right.`,
    ...frame.back,
    ...points.map((p) => element("circle", { cx: frame.x(p.truth), cy: frame.y(p.predicted), r: 2.2, class: "dot" })),
    diagonal,
    text(chartWidth - margin.right, margin.top - 10, "dashed: right", { class: "tick", "text-anchor": "end" }),
  );
}
