/** Small pieces of text for a terminal: aligned tables, bars, sparklines, durations and sizes. No colours, no streams. */

const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
/** Everything that could move the cursor, colour the terminal or turn text around: names from files must not be able to. */
const control = /[\p{Cc}\p{Bidi_Control}]/gu;

/** Visible width, colours not counted. */
export const width = (text: string): number => [...text.replace(ansi, "")].length;

/** Text from a file or a site, safe to print: control characters become a middle dot. */
export const plain = (text: string): string => text.replace(control, "\u00b7");

export function pad(text: string, to: number, side: "left" | "right" = "left"): string {
  const gap = " ".repeat(Math.max(0, to - width(text)));
  return side === "left" ? text + gap : gap + text;
}

/** Columns two spaces apart, the first one left-aligned, the others right-aligned unless told otherwise. */
export function table(rows: readonly (readonly string[])[], align?: readonly ("left" | "right")[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) => Math.max(0, ...rows.map((row) => width(row[c] ?? ""))));
  return rows.map((row) =>
    row
      .map((cell, c) => pad(cell, widths[c], align?.[c] ?? (c === 0 ? "left" : "right")))
      .join("  ")
      .trimEnd(),
  );
}

/** Breaks text at spaces so that no line is wider than `columns`, each after the first indented. */
export function wrap(text: string, columns: number, indent = ""): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(/\s+/).filter((w) => w !== "")) {
    if (current !== "" && width(current) + 1 + width(word) > columns) {
      lines.push(current);
      current = indent + word;
    } else {
      current = current === "" ? word : `${current} ${word}`;
    }
  }
  if (current !== "") lines.push(current);
  return lines;
}

export function bar(share: number, cells: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * cells);
  return "\u2588".repeat(full) + "\u2591".repeat(cells - full);
}

const levels = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";

/** The last `cells` values as little bars; values that are not finite become a space. */
export function sparkline(values: readonly number[], cells = 24): string {
  const shown = values.slice(-cells);
  const finite = shown.filter(Number.isFinite);
  if (finite.length === 0) return "";
  const low = Math.min(...finite);
  const span = Math.max(...finite) - low;
  return shown
    .map((v) => {
      if (!Number.isFinite(v)) return " ";
      const share = span === 0 ? 0 : (v - low) / span;
      return levels[Math.min(levels.length - 1, Math.floor(share * levels.length))];
    })
    .join("");
}

/** Seconds for people: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min". */
export function seconds(value: number): string {
  if (value < 9.95) return `${value.toFixed(1)} s`;
  if (value < 119.5) return `${Math.round(value)} s`;
  const minutes = Math.floor(Math.round(value) / 60);
  if (minutes < 120) return `${minutes} min ${String(Math.round(value) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Bytes for people, in powers of ten: "812 B", "4.1 kB", "1.20 MB". */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  for (const [size, unit] of [
    [1e9, "GB"],
    [1e6, "MB"],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(2)} ${unit}`;
  }
  return `${(value / 1000).toFixed(1)} kB`;
}

/** Whole numbers with thin grouping: 1234567 -> "1,234,567". */
export const count = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** Levenshtein distance, for suggesting the word that was probably meant. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/** The candidate nearest to a word, if it is near enough to have been meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = distance(word.toLowerCase(), candidate.toLowerCase());
    if (d < least) {
      best = candidate;
      least = d;
    }
  }
  return best;
}
