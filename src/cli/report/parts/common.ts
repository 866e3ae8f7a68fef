/** Pieces that every part of the report uses. */
import { type Content, type Markup, markup } from "../html.js";

export function section(title: string, lead: Content, ...content: readonly Content[]): Markup {
  return markup`<section><h2>${title}</h2><p class="lead">${lead}</p>${content}</section>`;
}

export const card = (title: string, ...content: readonly Content[]): Markup => markup`<div class="card"><h3>${title}</h3>${content}</div>`;

export interface Row {
  readonly cells: readonly Content[];
  readonly kind?: string;
}

/** A table that scrolls by itself where the page is narrow, and can be reached by keyboard for that. */
export function table(label: string, head: readonly Content[], rows: readonly Row[], kind = ""): Markup {
  const heads = head.map((h) => markup`<th scope="col">${h}</th>`);
  const body = rows.map((r) => markup`<tr class="${r.kind ?? ""}">${r.cells.map((c) => markup`<td>${c}</td>`)}</tr>`);
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="full ${kind}"><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** The figures behind a drawing, for those who cannot or do not want to see it. */
export const figures = (content: Content): Markup => markup`<details><summary>The figures as a table</summary>${content}</details>`;
