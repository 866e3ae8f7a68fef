/** What the models get right and wrong: confusion matrix, precision-recall curves, predictions against truth. */
import { count } from "../../show/text.js";
import { type ResultView, scenarioLabels } from "../../show/view.js";
import { confusionMatrix } from "../chart/blocks.js";
import { precisionRecall, residuals, type Series } from "../chart/lines.js";
import { type Markup, markup } from "../html.js";
import { card, figures, section, table } from "./common.js";

export function quality(view: ResultView): Markup | undefined {
  const cards: Markup[] = [];
  const federated = view.first.scenarios.federated ?? view.scenarios[0]?.first;
  const confusion = federated?.curves.confusion;
  if (confusion !== undefined) {
    const rows = confusion.counts.map((row, i) => ({ cells: [confusion.labels[i] ?? String(i), ...row.map(count)] }));
    cards.push(
      card(
        "Confusion matrix, federated model",
        confusionMatrix(confusion.labels, confusion.counts),
        figures(table("Confusion matrix", ["truth \\ predicted", ...confusion.labels], rows)),
      ),
    );
  }
  const curves = view.scenarios.flatMap((s): Series[] => {
    const points = s.first.curves.precisionRecall;
    return points === undefined || points.length === 0
      ? []
      : [{ label: scenarioLabels[s.name], kind: s.name, points: points.map((p) => [p.recall, p.precision] as const) }];
  });
  if (curves.length > 0)
    cards.push(card("Precision against recall", precisionRecall(curves, positiveShare(view)), figures(curveTable(view))));
  const points = federated?.curves.residuals;
  if (points !== undefined && points.length > 0) {
    const errors = points.map((p) => p.predicted - p.truth);
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
    const early = errors.filter((e) => e < 0).length;
    cards.push(
      card(
        "Prediction against truth, federated model",
        residuals(points, ""),
        markup`<p class="note">Mean error ${mean.toFixed(2)}; ${Math.round((early / errors.length) * 100)} % of the predictions are below the truth.</p>`,
      ),
    );
  }
  if (cards.length === 0) return undefined;
  return section(
    "Right and wrong",
    `What the models do on the test data${view.seeds.length > 1 ? ` (seed ${view.first.seed})` : ""}.`,
    markup`<div class="cards">${cards}</div>`,
  );
}

function positiveShare(view: ResultView): number | undefined {
  const confusion = view.first.scenarios.federated?.curves.confusion;
  if (confusion === undefined || confusion.counts.length !== 2) return undefined;
  const sums = confusion.counts.map((row) => row.reduce((a, b) => a + b, 0));
  return sums[0] + sums[1] === 0 ? undefined : sums[1] / (sums[0] + sums[1]);
}

/** Precision at round recalls, read from the thinned curve. */
function curveTable(view: ResultView): Markup {
  const levels = [0.1, 0.25, 0.5, 0.75, 0.9];
  const rows = view.scenarios.flatMap((s) => {
    const points = s.first.curves.precisionRecall;
    if (points === undefined) return [];
    return [{ cells: [scenarioLabels[s.name], ...levels.map((level) => bestPrecision(points, level))] }];
  });
  return table("Precision at recall", ["precision at recall", ...levels.map(String)], rows);
}

function bestPrecision(points: readonly { readonly recall: number; readonly precision: number }[], level: number): string {
  let best = Number.NEGATIVE_INFINITY;
  for (const p of points) if (p.recall >= level) best = Math.max(best, p.precision);
  return Number.isFinite(best) ? best.toFixed(3) : "-";
}
