/**
 * A user's table as a Dataset: look at the first rows, fix the schema (what the file says goes before what was inferred),
 * read everything with it, give the columns their roles.
 */
import { basename, isAbsolute, resolve } from "node:path";
import { parseDuration } from "../../core/duration.js";
import { type ErrorDetail, fail, MillwrightError } from "../../core/errors.js";
import { type Millis, millis } from "../../core/quantities.js";
import type { Dataset } from "../../data/dataset.js";
import { type FlagGroup, joinFlags } from "../../data/flag-groups.js";
import { fixedSchema, type InferredColumn, type InferredSchema, inferSchema, type Sample } from "../../data/infer.js";
import type { ColumnSchema } from "../../data/schema-columns.js";
import { categoryOf, columnOf, rowsOf, sortByMachine, valuesOf } from "../../data/schema-table.js";
import type { Cell } from "../../data/schema-text.js";
import type { ZoneOffset } from "../../data/schema-time.js";
import type { TableSource } from "../../data/source-spec.js";
import { type Survey, surveyor } from "../../data/survey.js";
import type { Table } from "../../data/table.js";
import { type ReadLimits, readLimits } from "./limits.js";
import { type OpenOptions, openSource } from "./open.js";
import { readTable } from "./read.js";
import type { RowSource } from "./rows.js";
import { zoneOffset } from "./zone.js";

/** Rows that a schema is inferred from. */
const sampleRows = 20_000;

/** A first look at a file or folder for `init` and `data inspect`: its columns and what they hold. Errors: as openSource. */
export async function lookAtTable(path: string, options: OpenOptions = {}, limits: ReadLimits = readLimits): Promise<InferredSchema> {
  return look(await openSource(path, limits, options));
}

/** The first rows of a file or folder as they are written, for a look at how columns go together. Errors: as openSource. */
export async function sampleOfTable(path: string, options: OpenOptions = {}, limits: ReadLimits = readLimits): Promise<Sample> {
  return sampleOf(await openSource(path, limits, options));
}

/** What a survey reads at most: a minute's work, and whoever has more is told that the rest was not looked at. */
const surveyRows = 1_000_000;
const surveyCells = 20_000_000;

/** Holds what was inferred from the first rows against the others. `all`: the table has no more rows. Errors: as RowSource.read. */
export async function surveyTable(
  path: string,
  sampled: InferredSchema,
  roles: { readonly machine?: string; readonly time?: string; readonly groups?: readonly FlagGroup[] },
  limits: ReadLimits = readLimits,
): Promise<Survey & { readonly all: boolean }> {
  const source = await openSource(path, limits);
  const survey = surveyor(sampled, { ...roles, decimal: source.decimal });
  const most = Math.min(limits.rows, surveyRows, Math.floor(surveyCells / Math.max(1, source.columns.length)));
  let rows = 0;
  for await (const batch of source.read(sampled.columns.map((column) => column.name))) {
    for (const row of batch.rows) {
      if (rows === most) return { ...survey.finish(), all: false };
      survey.add(row);
      rows++;
    }
  }
  return { ...survey.finish(), all: true };
}

const look = async (source: RowSource): Promise<InferredSchema> => inferSchema(await sampleOf(source));

async function sampleOf(source: RowSource): Promise<Sample> {
  const rows: (readonly Cell[])[] = [];
  for await (const batch of source.read(source.columns)) {
    rows.push(...batch.rows);
    if (rows.length >= sampleRows) break;
  }
  return { columns: source.columns, rows: rows.slice(0, sampleRows), decimal: source.decimal };
}

/** Loads `data: { use: table }`. Errors: DATA_MISSING, DATA_INVALID, DATA_EMPTY, FILE_UNREADABLE, LIMIT_EXCEEDED, PACKAGE_MISSING. */
export async function loadTable(spec: TableSource, folder: string, limits: ReadLimits = readLimits): Promise<Dataset> {
  const zone = spec.timezone === undefined ? undefined : zoneOffset(spec.timezone);
  const source = await openSource(within(folder, spec.path), limits, spec);
  const inferred = await look(source);
  checkRoles(spec, source.columns);
  const flags = spec.flags ?? [];
  const named = [spec.machine, spec.time, spec.split, ...(spec.inputs ?? []), ...(flags.length > 0 ? flags : [spec.target])];
  const roles = new Set(named.filter((name) => name !== undefined));
  const kept = inferred.columns.filter((column) => roles.has(column.name) || (!spec.drop?.includes(column.name) && isUseful(column)));
  const said = sayings(spec, inferred);
  refuseStrays(spec, kept, said);
  const schema = fixedSchema(
    inferred,
    kept.map((column) => column.name),
    said,
  );
  const read = await readTable(source, schema, limits, zone);
  const joined = flags.length === 0 || spec.target === undefined ? read : joinFlags(read, spec.target, flags, spec.path);
  const readings = sortByMachine(joined, spec.machine, spec.time);
  if (readings.rows === 0) fail("DATA_EMPTY", { where: spec.path, expected: "at least one row", got: "none" });
  const inputs = spec.inputs ?? defaultInputs(kept, schema, spec);
  if (inputs.length === 0)
    fail("DATA_EMPTY", { where: "data.inputs", expected: "at least one number column that can be an input", got: "none" });
  checkSplit(readings, spec.split);
  const step = spec.step === undefined ? regularStep(readings, spec) : parseDuration(spec.step, "data.step");
  const left = inferred.columns.filter((column) => !kept.includes(column)).map((column) => column.name);
  return {
    name: basename(spec.path),
    description: `Your table ${spec.path}: ${readings.rows} rows${spec.machine === undefined ? "" : `, ${categoryOf(readings, spec.machine).labels.length} machines`}`,
    readings,
    ...(spec.machine !== undefined && { machine: spec.machine }),
    ...(spec.time !== undefined && { time: spec.time }),
    ...(step !== undefined && { step }),
    inputs,
    ...(spec.events !== undefined && { events: await loadEvents(spec.events, spec, readings, folder, limits, zone) }),
    ...(spec.target !== undefined && { target: spec.target }),
    ...(spec.split !== undefined && { split: spec.split }),
    notes: [
      ...(left.length > 0 ? [`Columns left out: ${left.join(", ")} (dropped, constant, or naming rows).`] : []),
      ...(spec.time !== undefined && step === undefined ? ["The time between readings is not regular: windows count rows."] : []),
    ],
  };
}

const within = (folder: string, path: string): string => (isAbsolute(path) ? path : resolve(folder, path));

/** Every role that names no column is reported, not only the first. */
function checkRoles(spec: TableSource, columns: readonly string[]): void {
  const faults: ErrorDetail[] = [];
  const check = (where: string, name: string | undefined): void => {
    if (name === undefined || columns.includes(name)) return;
    faults.push({ where, expected: `one of the columns ${columns.slice(0, 40).join(", ")}`, got: `"${name}"` });
  };
  check("data.machine", spec.machine);
  check("data.time", spec.time);
  if (spec.flags === undefined) check("data.target", spec.target);
  else if (columns.includes(spec.target ?? ""))
    faults.push({ where: "data.target", expected: "a name that no column has, for what the flags tell", got: `"${spec.target}"` });
  check("data.split", spec.split);
  spec.inputs?.forEach((name, i) => {
    check(`data.inputs[${i}]`, name);
  });
  spec.flags?.forEach((name, i) => {
    check(`data.flags[${i}]`, name);
  });
  spec.categories?.forEach((name, i) => {
    check(`data.categories[${i}]`, name);
  });
  spec.drop?.forEach((name, i) => {
    check(`data.drop[${i}]`, name);
  });
  for (const name of [...Object.keys(spec.units ?? {}), ...Object.keys(spec.columns ?? {})]) check("data.columns", name);
  if (faults.length > 0) throw new MillwrightError("DATA_MISSING", faults[0], faults);
}

/** What the file says about columns, as far as it says it: kinds of roles, categories, units, columns. */
function sayings(spec: TableSource, inferred: InferredSchema): Record<string, Partial<ColumnSchema>> {
  const said: Record<string, Partial<ColumnSchema>> = {};
  const add = (name: string, more: Partial<ColumnSchema>): void => {
    said[name] = { ...said[name], ...more };
  };
  for (const name of [spec.machine, spec.split, ...(spec.categories ?? [])]) if (name !== undefined) add(name, { kind: "category" });
  for (const name of spec.flags ?? []) add(name, { kind: "number" });
  for (const [name, unit] of Object.entries(spec.units ?? {})) add(name, { unit });
  for (const [name, column] of Object.entries(spec.columns ?? {})) add(name, column);
  const time = inferred.columns.find((column) => column.name === spec.time);
  if (time?.kind === "category" && said[time.name]?.kind === undefined) {
    fail("DATA_INVALID", {
      where: `column "${time.name}"`,
      expected: "times or a count",
      got: `texts such as ${JSON.stringify(time.examples[0])}`,
    });
  }
  return said;
}

/**
 * A slip in one cell must not turn a column of numbers into hundreds of labels, nor let it drop out of the inputs unseen. What the
 * file says about a column goes before this. Errors: DATA_INVALID with every such column.
 */
function refuseStrays(spec: TableSource, kept: readonly InferredColumn[], said: Readonly<Record<string, Partial<ColumnSchema>>>): void {
  const faults = kept
    .filter((column) => column.stray !== undefined && said[column.name]?.kind === undefined)
    .map((column) => ({
      where: `${spec.path}, column "${column.name}", row ${(column.stray?.row ?? 0) + 1}`,
      expected: "a number, as nearly all of this column are",
      got: JSON.stringify(column.stray?.text),
      remedy: "mend or empty the cell, name the column under data.drop, or under data.categories if its values are names",
    }));
  if (faults.length > 0) throw new MillwrightError("DATA_INVALID", faults[0], faults);
}

/** Columns of texts that differ in every row and columns that hold nothing serve no purpose and cost memory. */
function isUseful(column: InferredColumn): boolean {
  if (column.ambiguous !== undefined) return false;
  return !(column.kind === "category" && column.identifier) && column.distinct > 0;
}

function defaultInputs(kept: readonly InferredColumn[], schema: readonly ColumnSchema[], spec: TableSource): string[] {
  const taken = new Set([spec.machine, spec.time, spec.target, spec.split, ...(spec.flags ?? [])]);
  return kept
    .filter((column, i) => schema[i].kind === "number" && !column.constant && !column.identifier && !taken.has(column.name))
    .map((column) => column.name);
}

function checkSplit(readings: Table, split: string | undefined): void {
  if (split === undefined) return;
  const wrong = categoryOf(readings, split).labels.filter((label) => !["train", "validation", "test"].includes(label));
  if (wrong.length > 0) {
    fail("DATA_INVALID", {
      where: `column "${split}"`,
      expected: 'labels "train", "validation" and "test"',
      got: wrong.slice(0, 5).join(", "),
    });
  }
}

/** The commonest time between two readings of a machine, if at least 95 of 100 are so and the clock is a time. */
function regularStep(readings: Table, spec: TableSource): Millis | undefined {
  if (spec.time === undefined || columnOf(readings, spec.time).kind !== "time") return undefined;
  const times = valuesOf(readings, spec.time);
  const codes = spec.machine === undefined ? undefined : categoryOf(readings, spec.machine).codes;
  const counts = new Map<number, number>();
  let total = 0;
  for (let i = 1; i < times.length; i++) {
    if (codes !== undefined && codes[i] !== codes[i - 1]) continue;
    total++;
    counts.set(times[i] - times[i - 1], (counts.get(times[i] - times[i - 1]) ?? 0) + 1);
  }
  const [step, count] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0]);
  return step > 0 && count >= 0.95 * total ? millis(step) : undefined;
}

/** The event table, with the machines of the readings as labels; events of other machines are left out. */
async function loadEvents(
  events: NonNullable<TableSource["events"]>,
  spec: TableSource,
  readings: Table,
  folder: string,
  limits: ReadLimits,
  zone: ZoneOffset | undefined,
): Promise<Table> {
  if (spec.machine === undefined || spec.time === undefined) {
    fail("DATA_INVALID", {
      where: "data.events",
      expected: "machine: and time: for the readings too",
      got: "no such role",
      remedy: "name both columns",
    });
  }
  const source = await openSource(within(folder, events.path), limits, events);
  const inferred = await look(source);
  const names = [events.machine, events.time, ...(events.kind === undefined ? [] : [events.kind])];
  const clock = columnOf(readings, spec.time).kind;
  const schema = fixedSchema(
    inferred,
    names,
    {
      [events.machine]: { kind: "category" },
      [events.time]: clock === "number" ? { kind: "number" } : events.dates === undefined ? {} : { kind: "time", format: events.dates },
      ...(events.kind !== undefined && { [events.kind]: { kind: "category" } }),
    },
    () => "say which with dates: dmy or dates: mdy under data.events",
  );
  if (schema[1].kind !== clock) {
    fail("DATA_INVALID", {
      where: `${events.path}, column "${events.time}"`,
      expected: `the clock of the readings (${clock})`,
      got: schema[1].kind,
    });
  }
  const table = await readTable(source, schema, limits, zone);
  const machines = categoryOf(table, events.machine);
  const labels = categoryOf(readings, spec.machine).labels;
  const place = new Map(labels.map((label, i) => [label, i]));
  const kind = events.kind === undefined ? undefined : categoryOf(table, events.kind);
  const unknown = events.values?.filter((value) => !kind?.labels.includes(value)) ?? [];
  if (unknown.length > 0) {
    fail("DATA_MISSING", {
      where: "data.events.values",
      expected: `kinds ${kind?.labels.join(", ") ?? "(no kind column named)"}`,
      got: unknown.join(", "),
    });
  }
  const codes = Int32Array.from(machines.codes, (code) => (code < 0 ? -1 : (place.get(machines.labels[code]) ?? -1)));
  const counted = Int32Array.from({ length: table.rows }, (_, i) => i).filter(
    (i) =>
      codes[i] >= 0 &&
      (events.values === undefined || (kind !== undefined && kind.codes[i] >= 0 && events.values.includes(kind.labels[kind.codes[i]]))),
  );
  if (counted.length === 0)
    fail("DATA_EMPTY", { where: events.path, expected: "at least one event of a machine in the readings", got: "none" });
  const joined: Table = {
    rows: table.rows,
    columns: [
      { name: "machine", kind: "category", codes, labels },
      { ...columnOf(table, events.time), name: "time" },
      kind === undefined
        ? { name: "kind", kind: "category", codes: new Int32Array(table.rows), labels: ["event"] }
        : { ...kind, name: "kind" },
    ],
  };
  return sortByMachine(rowsOf(joined, counted), "machine", "time");
}
