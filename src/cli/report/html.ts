/**
 * Text into HTML and SVG. Everything that comes from a file, a site or a user is escaped; only values of the class `Markup` are inserted
 * as they are, and only the functions of this file make them.
 */

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Safe as text and inside quoted attributes. Characters that cannot be shown, or that turn text around, become a middle dot. */
export function escapeText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}\uFFFE\uFFFF]/gu, (c) => (c === "\n" || c === "\t" ? c : "\u00b7"))
    .replace(/[&<>"']/g, (c) => entities[c]);
}

/** HTML or SVG whose text has been escaped. A class, so that a value read from JSON can never pass for it. */
export class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

export type Content = Markup | string | number | undefined | false | readonly Content[];

function render(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.toString();
  if (typeof value === "object") return value.map(render).join("");
  return escapeText(String(value));
}

/** Tagged template: its literal parts are trusted, every value is escaped unless it is markup. */
export function markup(literals: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let out = literals[0];
  for (let i = 0; i < values.length; i++) out += render(values[i]) + literals[i + 1];
  return new Markup(out);
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element. Names are ours, never from data; values are escaped. Numbers are rounded to two digits, so equal results give equal bytes. */
export function element(name: string, attributes: Attributes, ...content: readonly Content[]): Markup {
  const list = Object.entries(attributes)
    .flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${typeof value === "number" ? number(value) : escapeText(value)}"`]))
    .join("");
  const inner = content.map(render).join("");
  return new Markup(inner === "" && selfClosing.has(name) ? `<${name}${list}/>` : `<${name}${list}>${inner}</${name}>`);
}

const selfClosing = new Set(["path", "line", "rect", "circle", "polyline", "polygon"]);

/** A coordinate with at most two digits; what is not finite would break the drawing and becomes zero. */
export const number = (value: number): string => (Number.isFinite(value) ? String(Math.round(value * 100) / 100) : "0");
