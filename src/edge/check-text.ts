/** A check as text: what was found, column by column, then every fault and warning. The same as its JSON, for reading. */
import type { ErrorDetail } from "../core/errors.js";
import type { CheckedColumn, SiteCheck, SiteFacts } from "./check.js";
import { instantText } from "./policy-time.js";

/** Cells of the table of columns, its header first. */
export function columnRows({ columns }: SiteFacts): readonly (readonly string[])[] {
  const header = ["federation", "role", "mine", "unit", "rows", "missing", "least", "mean", "most"];
  return [header, ...columns.map(cells)];
}

function cells(column: CheckedColumn): string[] {
  const unit = column.converted ? `${column.fromUnit} -> ${column.unit}` : (column.unit ?? (column.kind === "number" ? "" : column.kind));
  const moment = column.kind === "time";
  const figure = (value: number | undefined): string =>
    value === undefined ? "" : moment ? instantText(value) : String(Number(value.toPrecision(5)));
  return [
    column.name,
    column.role,
    column.from === column.name ? "=" : column.from,
    unit,
    String(column.rows),
    column.missing === 0 ? "" : String(column.missing),
    figure(column.min),
    moment ? "" : figure(column.mean),
    figure(column.max),
  ];
}

/** Lines for a terminal. */
export function checkText(check: SiteCheck): string {
  const { facts } = check;
  const lines = [`${check.site} in ${check.federation}: ${check.ok ? "these rows will do" : `${check.faults.length} fault(s)`}`, ""];
  if (facts.rows > 0) lines.push(...summary(facts), "");
  if (facts.columns.length > 0) lines.push(...aligned(columnRows(facts)), "");
  for (const [name, counts] of Object.entries({ ...(facts.windows === undefined ? {} : { windows: facts.windows }), ...facts.answers }))
    lines.push(`${name}: ${counts.train} train, ${counts.validation} validation, ${counts.test} test`);
  for (const fault of check.faults) lines.push(`FAULT    ${sentence(fault)}`);
  for (const warning of check.warnings) lines.push(`warning  ${sentence(warning)}`);
  return `${lines.join("\n")}\n`;
}

function summary(facts: SiteFacts): string[] {
  const when = (value: number): string => (facts.clock === "time" ? instantText(value) : String(value));
  return [
    [
      `${facts.rows} rows`,
      ...(facts.machines === undefined ? [] : [`${facts.machines} machines`]),
      ...(facts.from === undefined || facts.to === undefined ? [] : [`${when(facts.from)} to ${when(facts.to)}`]),
      ...(facts.events === undefined ? [] : [`${facts.events} events`]),
    ].join(", "),
  ];
}

function sentence({ where, expected, got, remedy }: ErrorDetail): string {
  return `${where === undefined ? "" : `${where}: `}expected ${expected}, got ${got}${remedy === undefined ? "" : ` (${remedy})`}`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, c) => rows.reduce((most, row) => Math.max(most, row[c].length), 0));
  return rows.map((row) =>
    row
      .map((cell, c) => cell.padEnd(widths[c]))
      .join("  ")
      .trimEnd(),
  );
}
