/** Charts made of blocks: the confusion matrix, and how a partition falls. */
import { count } from "../../show/text.js";
import { element, type Markup } from "../html.js";
import { chartWidth, drawing, shorten, text } from "./frame.js";
import { linear } from "./scale.js";

/** Rows are truth, columns prediction; each cell shows its count and its share of the row, shaded by that share. */
export function confusionMatrix(labels: readonly string[], counts: readonly (readonly number[])[]): Markup {
  const n = Math.max(1, labels.length);
  const [left, top] = [92, 44];
  const cell = Math.min(110, (chartWidth - left - 8) / n);
  const tall = Math.min(cell, 64);
  const height = top + n * tall + 12;
  const heads = labels.map((l, j) =>
    text(left + (j + 0.5) * cell, top - 8, shorten(l, Math.max(3, Math.floor(cell / 7))), { class: "label", "text-anchor": "middle" }),
  );
  const body = counts.flatMap((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return [
      text(left - 8, top + (i + 0.5) * tall + 4, shorten(labels[i] ?? String(i), 12), { class: "label", "text-anchor": "end" }),
      ...row.flatMap((value, j) => {
        const share = sum === 0 ? 0 : value / sum;
        const [x, y] = [left + j * cell, top + i * tall];
        const dark = share > 0.85 ? " on-dark" : "";
        return [
          element("rect", {
            x: x + 1,
            y: y + 1,
            width: cell - 2,
            height: tall - 2,
            rx: 3,
            class: i === j ? "cell-right" : "cell-wrong",
            "fill-opacity": 0.06 + 0.84 * share,
          }),
          text(x + cell / 2, y + tall / 2 + (tall > 36 ? -1 : 4), count(value), { class: `figure cell${dark}`, "text-anchor": "middle" }),
          tall > 36
            ? text(x + cell / 2, y + tall / 2 + 14, `${(share * 100).toFixed(1)} %`, { class: `tick${dark}`, "text-anchor": "middle" })
            : undefined,
        ];
      }),
    ];
  });
  return drawing(
    height,
    "Confusion matrix",
    "Rows are the truth, columns the prediction; the diagonal is right.",
    text(left, 14, "predicted", { class: "axis" }),
    text(left - 8, top - 8, "truth", { class: "axis", "text-anchor": "end" }),
    ...heads,
    ...body,
  );
}

export interface StackRow {
  readonly name: string;
  readonly parts: readonly number[];
}

/** Horizontal stacked bars: how many examples of each kind a site holds. Kinds differ by shade and pattern order, and are named above. */
export function stacks(title: string, kinds: readonly string[], rows: readonly StackRow[], most = 40): Markup {
  const shown = rows.slice(0, most);
  const [left, right, row] = [96, 56, 22];
  const legend: Markup[] = [];
  let [at, line] = [left, 0];
  for (const [k, kind] of kinds.entries()) {
    const label = shorten(kind, 18);
    const room = 22 + label.length * 6.6;
    if (at + room > chartWidth && at > left) [at, line] = [left, line + 1];
    legend.push(
      element("rect", { x: at, y: line * 18 + 2, width: 12, height: 12, rx: 2, class: `kind-${k % 8}` }),
      text(at + 17, line * 18 + 12, label, { class: "tick" }),
    );
    at += room + 8;
  }
  const top = (line + 1) * 18 + 10;
  const height = top + shown.length * row + 4;
  const sums = shown.map((r) => r.parts.reduce((a, b) => a + b, 0));
  const x = linear([0, Math.max(1, ...sums)], [0, chartWidth - left - right]);
  const body = shown.flatMap((r, i) => {
    const y = top + i * row;
    let from = left;
    const blocks = r.parts.map((part, k) => {
      const wide = x(part);
      const block = element("rect", { x: from, y, width: Math.max(0, wide - (wide > 2 ? 1 : 0)), height: 16, class: `kind-${k % 8}` });
      from += wide;
      return part > 0 ? block : undefined;
    });
    return [
      text(left - 8, y + 12, shorten(r.name, 13), { class: "label", "text-anchor": "end" }),
      ...blocks,
      text(from + 5, y + 12, count(sums[i]), { class: "tick" }),
    ];
  });
  return drawing(height, title, `${shown.length} sites; the table below has the figures.`, ...legend, ...body);
}
