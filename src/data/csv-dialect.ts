/**
 * How a text table is written: its delimiter, its decimal mark, whether it has a header. Decided from its first lines,
 * and shown to the user, who can fix each of them in the file.
 */
import { fail } from "../core/errors.js";
import { isMissing, parseNumber } from "./schema-text.js";

/** " " stands for runs of blanks and tabs, without quotes (the format of many research data sets). */
export type Delimiter = "," | ";" | "\t" | "|" | " ";

export interface Dialect {
  readonly delimiter: Delimiter;
  readonly decimal: "." | ",";
  readonly header: boolean;
}

/** Order matters: on a tie the earlier one is taken. */
const candidates: readonly Exclude<Delimiter, " ">[] = [";", "\t", "|", ","];

/**
 * The dialect of a text that begins so. `lines` are the first lines without a byte order mark.
 * What is given in `fixed` is taken as it is. Errors: DATA_EMPTY where there is no line.
 */
export function sniffDialect(lines: readonly string[], fixed: Partial<Dialect> = {}): Dialect {
  const sample = lines.filter((line) => line.trim() !== "").slice(0, 200);
  if (sample.length === 0) fail("DATA_EMPTY", { expected: "a table with at least one line", got: "an empty file" });
  const delimiter = fixed.delimiter ?? sniffDelimiter(sample);
  const decimal = fixed.decimal ?? (delimiter !== "," && usesDecimalComma(sample, delimiter) ? "," : ".");
  const header = fixed.header ?? hasHeader(sample, delimiter, decimal);
  return { delimiter, decimal, header };
}

function sniffDelimiter(sample: readonly string[]): Delimiter {
  let best: { delimiter: Delimiter; count: number } | undefined;
  for (const delimiter of candidates) {
    const counts = sample.map((line) => splitLine(line, delimiter).length);
    if (counts[0] > 1 && counts.every((n) => n === counts[0]) && counts[0] > (best?.count ?? 1)) {
      best = { delimiter, count: counts[0] };
    }
  }
  if (best !== undefined && best.delimiter !== "\t") return best.delimiter;
  const blanks = sample.map((line) => splitLine(line, " ").length);
  // "2015-01-01 06:00" in a table of one column is no second column: blanks separate only where all else are numbers.
  const numeric = sample.slice(1).every((line) => splitLine(line, " ").every((cell) => parseNumber(cell) !== undefined || isMissing(cell)));
  if (best !== undefined) return best.delimiter;
  return blanks[0] > 1 && numeric && blanks.every((n) => n === blanks[0]) ? " " : ",";
}

function usesDecimalComma(sample: readonly string[], delimiter: Delimiter): boolean {
  let comma = 0;
  let point = 0;
  for (const line of sample.slice(1)) {
    for (const cell of splitLine(line, delimiter)) {
      if (/^\s*[+-]?\d+,\d+\s*$/.test(cell)) comma++;
      if (/^\s*[+-]?\d+\.\d+\s*$/.test(cell)) point++;
    }
  }
  return comma > 0 && point === 0;
}

/** A header: no cell of the first line is a number, or one that is no number stands over numbers. */
function hasHeader(sample: readonly string[], delimiter: Delimiter, decimal: "." | ","): boolean {
  const isNumber = (cell: string) => parseNumber(cell, decimal) !== undefined;
  const [first, ...rest] = sample.map((line) => splitLine(line, delimiter));
  if (!first.some(isNumber)) return true;
  return first.some((cell, c) => !isMissing(cell) && !isNumber(cell) && rest.some((row) => row[c] !== undefined && isNumber(row[c])));
}

/** Splits one line without a line break inside quotes. Used for looking only; whole files go through csv-parse. */
export function splitLine(line: string, delimiter: Delimiter): string[] {
  if (delimiter === " ") return line.trim().split(/[ \t]+/);
  const cells: string[] = [];
  let cell = "";
  let quoted = false;
  for (const char of line) {
    if (char === '"') quoted = !quoted;
    else if (char === delimiter && !quoted) {
      cells.push(cell);
      cell = "";
    } else cell += char;
  }
  cells.push(cell);
  return cells;
}
