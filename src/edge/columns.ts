/**
 * My columns as the federation's: found by role, by the site file's mapping or by name; converted to the declared unit; labels renamed.
 * What comes out has exactly the declared columns in the declared order, because sites whose schemas differ cannot add their statistics.
 * Pure: tables in, tables out. Every fault is collected; nothing is guessed silently.
 */
import { type ErrorDetail, MillwrightError } from "../core/errors.js";
import type { Dataset } from "../data/dataset.js";
import type { CategoryColumn, Column, Table } from "../data/table.js";
import { knownUnit, unitConversion } from "../data/units.js";
import type { Declared, DeclaredColumn } from "./columns-declared.js";
import type { ColumnMapping, SiteFile } from "./site-file.js";

/** What became of one declared column. */
export interface MappedColumn {
  readonly name: string;
  readonly role: DeclaredColumn["role"];
  /** My column. */
  readonly from: string;
  readonly unit?: string;
  /** What my column is measured in, where known. */
  readonly fromUnit?: string;
  readonly converted: boolean;
  /** Values outside the range the site file gives, in my unit. */
  readonly outside?: { readonly range: readonly [number, number]; readonly rows: number };
}

export interface Mapped {
  /** Absent where a fault leaves nothing that could be used. */
  readonly dataset?: Dataset;
  readonly columns: readonly MappedColumn[];
  readonly faults: readonly ErrorDetail[];
  readonly warnings: readonly ErrorDetail[];
}

/** Where a declared column comes from at this plant: the mapping's word, else my column of the same role, else the same name. */
export function sourceOf(column: DeclaredColumn, site: Pick<SiteFile, "columns">, roles: Partial<Record<string, string>>): string {
  return site.columns[column.name]?.from ?? roles[column.role] ?? column.name;
}

/** Applies the mapping to a loaded table. `there`: every column of the file, where only some were read. */
export function mapColumns(
  loaded: Dataset,
  site: Pick<SiteFile, "site" | "columns" | "events">,
  declared: Declared,
  there: readonly string[] = loaded.readings.columns.map(({ name }) => name),
): Mapped {
  const faults: ErrorDetail[] = [];
  const warnings: ErrorDetail[] = [];
  const mapped: MappedColumn[] = [];
  const columns: Column[] = [];
  const { machine, time, target, split } = loaded;
  for (const column of declared.columns) {
    const from = sourceOf(column, site, { machine, time, target, split });
    const where = `columns.${column.name}`;
    const found = loaded.readings.columns.find(({ name }) => name === from);
    if (found === undefined) {
      faults.push(missingColumn(column, from, there, site));
      continue;
    }
    const other = mapped.find((one) => one.from === from);
    if (other !== undefined)
      warnings.push({ where, expected: "a column of its own", got: `${JSON.stringify(from)}, which is ${other.name} too` });
    const result = convert(found, column, site.columns[column.name], where, faults, warnings);
    if (result === undefined) continue;
    columns.push(result.column);
    mapped.push({ name: column.name, role: column.role, from, ...result.facts });
  }
  for (const name of Object.keys(site.columns)) {
    if (declared.columns.some((column) => column.name === name)) continue;
    const expected = `a column of the federation (${declared.columns.map((column) => column.name).join(", ")})`;
    faults.push({
      where: `columns.${name}`,
      expected,
      got: JSON.stringify(name),
      remedy: "the federation's name stands left of the colon, mine right",
    });
  }
  checkStep(loaded, declared, faults);
  const events = loaded.events === undefined ? undefined : mapEvents(loaded.events, site, declared, warnings);
  if (declared.events && events === undefined) {
    const remedy = "name the table of events under data.events, with its columns machine, time and kind";
    faults.push({ where: "data.events", expected: "events, which this task predicts", got: "none", remedy });
  }
  if (faults.length > 0) return { columns: mapped, faults, warnings };
  const rows = loaded.readings.rows;
  const dataset: Dataset = {
    name: site.site,
    description: loaded.description,
    readings: { rows, columns },
    inputs: declared.inputs,
    ...(declared.machine === undefined ? {} : { machine: declared.machine }),
    ...(declared.time === undefined ? {} : { time: declared.time }),
    ...(loaded.step === undefined ? {} : { step: loaded.step }),
    ...(declared.target === undefined ? {} : { target: declared.target }),
    ...(declared.split === undefined ? {} : { split: declared.split }),
    ...(events === undefined ? {} : { events }),
    ...(loaded.notes === undefined ? {} : { notes: loaded.notes }),
  };
  return { dataset, columns: mapped, faults, warnings };
}

/** The fault of a declared column that my table does not have, with the names that come near. */
export function missingColumn(
  column: DeclaredColumn,
  from: string,
  names: readonly string[],
  site: Pick<SiteFile, "columns">,
): ErrorDetail {
  const roles: Record<string, string> = { machine: "data.machine", time: "data.time", target: "data.target", split: "data.split" };
  const key = roles[column.role];
  const mapping = site.columns[column.name] !== undefined;
  const where = `columns.${column.name}`;
  const expected = `a column of my table for the federation's ${column.name}${column.unit === undefined ? "" : ` [${column.unit}]`}`;
  const listed = names.slice(0, 40).join(", ");
  const got = names.includes(from)
    ? `${JSON.stringify(from)}, which holds nothing`
    : `${mapping ? `${JSON.stringify(from)}, which is not there` : "none"} (there: ${listed})`;
  const near = names.filter((name) => alike(name, column.name)).slice(0, 3);
  const hint = near.length === 0 ? "my column" : near.join(" or ");
  const remedy = `say it under columns: { ${column.name}: ${hint} }${key === undefined ? "" : `, or name it under ${key}`}`;
  return { where, expected, got, remedy };
}

/** Equal but for case, punctuation and a unit. */
function alike(a: string, b: string): boolean {
  const plain = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[[(].*[\])]\s*$/, "")
      .replace(/[^a-z0-9]/g, "");
  const [x, y] = [plain(a), plain(b)];
  return x.length > 1 && y.length > 1 && (x === y || x.includes(y) || y.includes(x));
}

interface Converted {
  readonly column: Column;
  readonly facts: Pick<MappedColumn, "unit" | "fromUnit" | "converted" | "outside">;
}

function convert(
  found: Column,
  declared: DeclaredColumn,
  mapping: ColumnMapping | undefined,
  where: string,
  faults: ErrorDetail[],
  warnings: ErrorDetail[],
): Converted | undefined {
  if (declared.kind !== undefined && found.kind !== declared.kind) {
    faults.push({ where, expected: `a ${declared.kind} column`, got: `${JSON.stringify(found.name)}, a ${found.kind} column` });
    return undefined;
  }
  if (mapping?.labels !== undefined && found.kind !== "category")
    faults.push({ where: `${where}.labels`, expected: "a category column", got: `${found.kind} column ${JSON.stringify(found.name)}` });
  if ((mapping?.unit ?? mapping?.range) !== undefined && found.kind !== "number")
    faults.push({ where, expected: "a number column for a unit or a range", got: `${found.kind} column ${JSON.stringify(found.name)}` });
  if (found.kind === "category") {
    const column = relabel(found, declared, mapping?.labels, where, faults, warnings);
    return { column, facts: { converted: false } };
  }
  if (found.kind !== "number") return { column: { ...found, name: declared.name }, facts: { converted: false } };
  const fromUnit = mapping?.unit ?? found.unit;
  const convertValue = conversion(fromUnit, declared, mapping?.unit !== undefined, where, faults, warnings);
  const values = convertValue === undefined ? found.values : found.values.map(convertValue);
  const range = mapping?.range;
  const rows = range === undefined ? 0 : found.values.reduce((n, value) => n + (value < range[0] || value > range[1] ? 1 : 0), 0);
  return {
    column: { name: declared.name, kind: "number", values, ...(declared.unit === undefined ? {} : { unit: declared.unit }) },
    facts: {
      converted: convertValue !== undefined,
      ...(declared.unit === undefined ? {} : { unit: declared.unit }),
      ...(fromUnit === undefined ? {} : { fromUnit }),
      ...(range === undefined ? {} : { outside: { range, rows } }),
    },
  };
}

/** What turns my values into the federation's; undefined where they are the same. */
function conversion(
  from: string | undefined,
  { name, unit }: DeclaredColumn,
  said: boolean,
  where: string,
  faults: ErrorDetail[],
  warnings: ErrorDetail[],
): ((value: number) => number) | undefined {
  if (unit === undefined) {
    if (from === undefined) return undefined;
    const note = { where: `${where}.unit`, expected: `a unit of ${name} in the federation file`, got: "none: nothing can be converted" };
    const remedy = `ask for units: { ${name}: UNIT } under data: in the federation file, or leave the unit away`;
    if (said) faults.push({ ...note, remedy });
    else warnings.push({ ...note, got: `none, and mine is ${from}: taken as it is`, remedy });
    return undefined;
  }
  if (from === undefined) {
    const remedy = `say columns: { ${name}: { from: my column, unit: UNIT } }`;
    warnings.push({ where: `${where}.unit`, expected: "the unit of my column", got: `none: taken as ${unit}`, remedy });
    return undefined;
  }
  if (from === unit) return undefined;
  try {
    const convertValue = unitConversion(from, unit, `${where}.unit`);
    // Two spellings of one unit ("degC", "Cel") change nothing.
    return convertValue(1) === 1 && convertValue(2) === 2 ? undefined : convertValue;
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    const unknown = [from, unit].filter((one) => !knownUnit(one));
    const remedy =
      unknown.length > 0
        ? `the unit ${unknown.join(" and ")} is not known; convert the column before`
        : "map another column, or correct its unit";
    faults.push({ ...error.detail, where: `${where}.unit`, got: `${from} to ${unit}`, remedy });
    return undefined;
  }
}

/** My labels as the federation's, in the declared order where one is declared. */
function relabel(
  found: CategoryColumn,
  { name, labels, role }: DeclaredColumn,
  renamed: Readonly<Record<string, string>> | undefined,
  where: string,
  faults: ErrorDetail[],
  warnings: ErrorDetail[],
): CategoryColumn {
  const called = found.labels.map((label) => (renamed !== undefined && Object.hasOwn(renamed, label) ? renamed[label] : label));
  for (const label of Object.keys(renamed ?? {})) {
    if (found.labels.includes(label)) continue;
    warnings.push({
      where: `${where}.labels`,
      expected: `a label of my column (${found.labels.slice(0, 20).join(", ")})`,
      got: JSON.stringify(label),
    });
  }
  if (role === "machine") return { ...found, name };
  if (labels === undefined) {
    if (role !== "split") {
      const remedy = `ask for columns: { ${name}: { kind: category, labels: [...] } } under data: in the federation file`;
      warnings.push({
        where,
        expected: "labels that the federation file declares",
        got: "none: every plant must happen to have the same ones",
        remedy,
      });
    }
    const own = [...new Set(called)].sort();
    return { name, kind: "category", labels: own, codes: found.codes.map((code) => (code < 0 ? -1 : own.indexOf(called[code]))) };
  }
  const used = new Set(found.codes);
  const strangers = called.filter((label, code) => used.has(code) && !labels.includes(label));
  if (strangers.length > 0) {
    const got = [...new Set(strangers)]
      .slice(0, 10)
      .map((label) => JSON.stringify(label))
      .join(", ");
    faults.push({ where, expected: `one of ${labels.slice(0, 20).join(", ")}`, got, remedy: "rename my labels: labels: { mine: theirs }" });
  }
  return { name, kind: "category", labels, codes: found.codes.map((code) => (code < 0 ? -1 : labels.indexOf(called[code]))) };
}

function checkStep(loaded: Dataset, declared: Declared, faults: ErrorDetail[]): void {
  if (declared.step === undefined || loaded.step === declared.step) return;
  const got = loaded.step === undefined ? "readings at irregular times" : `${loaded.step} ms`;
  const remedy = "bring the table to the federation's clock before, or say data.step where the readings are regular after all";
  faults.push({ where: "data.step", expected: `${declared.step} ms between two readings, as the federation has`, got, remedy });
}

/** Kinds of events under the federation's names; kinds that never happened here are labels all the same. */
function mapEvents(events: Table, site: Pick<SiteFile, "events">, declared: Declared, warnings: ErrorDetail[]): Table {
  const renamed = site.events?.kinds ?? {};
  const columns = events.columns.map((column) => {
    if (column.name !== "kind" || column.kind !== "category") return column;
    const called = column.labels.map((label) => (Object.hasOwn(renamed, label) ? renamed[label] : label));
    for (const label of Object.keys(renamed)) {
      if (column.labels.includes(label)) continue;
      warnings.push({ where: "events.kinds", expected: `a kind of my events (${column.labels.join(", ")})`, got: JSON.stringify(label) });
    }
    const labels = [...new Set([...called, ...declared.kinds])];
    for (const label of called) {
      if (declared.kinds.length === 0 || declared.kinds.includes(label)) continue;
      warnings.push({
        where: "events.kinds",
        expected: `kinds that the federation counts (${declared.kinds.join(", ")})`,
        got: `${JSON.stringify(label)}: not counted`,
      });
    }
    return { ...column, labels, codes: column.codes.map((code) => (code < 0 ? -1 : labels.indexOf(called[code]))) };
  });
  return { ...events, columns };
}
