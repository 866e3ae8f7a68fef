/** What all charts share: the drawing with its title for screen readers, axes, and a legend that does not rely on colour alone. */
import { type Content, element, type Markup } from "../html.js";
import { linear, type Scale, tickLabel, ticks } from "./scale.js";

/** All charts are this wide in their own units; the page scales them to its columns. */
export const chartWidth = 420;

export interface Margins {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

let serial = 0;
/** Ids must be unique in a page and the same every time it is drawn. */
export function restartIds(): void {
  serial = 0;
}

/** The drawing. `title` names it, `description` says what can be seen in it. */
export function drawing(height: number, title: string, description: string, ...content: readonly Content[]): Markup {
  serial++;
  const [titleId, textId] = [`c${serial}t`, `c${serial}d`];
  return element(
    "svg",
    { viewBox: `0 0 ${chartWidth} ${height}`, role: "img", "aria-labelledby": `${titleId} ${textId}`, class: "chart" },
    element("title", { id: titleId }, title),
    element("desc", { id: textId }, description),
    ...content,
  );
}

export const text = (x: number, y: number, content: string, attributes: Record<string, string | number | undefined> = {}): Markup =>
  element("text", { x, y, ...attributes }, content);

export interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly back: Markup[];
}

/** Two numeric axes with grid lines; the ranges are widened to round numbers. */
export function axes(
  height: number,
  margin: Margins,
  xRange: readonly [number, number],
  yRange: readonly [number, number],
  labels: { readonly x: string; readonly y: string; readonly wholeX?: boolean },
): Axes {
  const [left, right, top, bottom] = [margin.left, chartWidth - margin.right, margin.top, height - margin.bottom];
  const yTicks = ticks(yRange[0], yRange[1]);
  const y = linear([yTicks[0], yTicks[yTicks.length - 1]], [bottom, top]);
  const xTicks = ticks(xRange[0], xRange[1], 6).filter((t) => !labels.wholeX || Number.isInteger(t));
  const x = linear(labels.wholeX ? xRange : [xTicks[0], xTicks[xTicks.length - 1]], [left, right]);
  const inside = xTicks.filter((t) => x(t) >= left - 0.5 && x(t) <= right + 0.5);
  const back = [
    ...yTicks.map((t) => element("line", { x1: left, x2: right, y1: y(t), y2: y(t), class: "grid" })),
    ...yTicks.map((t) => text(left - 6, y(t) + 4, tickLabel(t), { class: "tick", "text-anchor": "end" })),
    ...inside.map((t) => text(x(t), bottom + 16, tickLabel(t), { class: "tick", "text-anchor": "middle" })),
    text((left + right) / 2, height - 4, labels.x, { class: "axis", "text-anchor": "middle" }),
    text(left, top - 10, labels.y, { class: "axis" }),
  ];
  return { x, y, back };
}

/** Shortens a label that would run into the drawing. */
export function shorten(label: string, most: number): string {
  const letters = [...label];
  return letters.length <= most ? label : `${letters.slice(0, most - 1).join("")}\u2026`;
}
