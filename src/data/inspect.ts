/**
 * A look at a data set before anything is trained on it: schema, gaps, duplicates, balance of the answers, histograms,
 * and, when it is dealt to sites, drift between them. Plain data: the command prints it, a notebook may plot it.
 */
import { columnNamed } from "./columns.js";
import type { Dataset } from "./dataset.js";
import { type ColumnFacts, columnFacts, type LabelCount, labelCounts } from "./inspect-columns.js";
import { type ColumnDrift, type Sites, siteDrift } from "./inspect-drift.js";
import { categoryOf, valuesOf } from "./schema-table.js";
import type { Table } from "./table.js";

export interface DatasetFacts {
  readonly name: string;
  readonly description: string;
  readonly rows: number;
  readonly columns: readonly (ColumnFacts & { readonly role: Role })[];
  readonly machines?: { readonly count: number; readonly fewestRows: number; readonly medianRows: number; readonly mostRows: number };
  readonly clock?: Clock;
  /** Rows that repeat another: same machine and time where there is a clock, every value equal where there is none. */
  readonly duplicates: number;
  readonly labels?: { readonly column: string; readonly counts: readonly LabelCount[]; readonly missing: number };
  readonly events?: { readonly count: number; readonly kinds: readonly LabelCount[]; readonly machinesWithout: number };
  readonly split?: readonly LabelCount[];
  readonly drift?: { readonly sites: readonly string[]; readonly columns: readonly ColumnDrift[] };
  readonly notes: readonly string[];
}

export type Role = "machine" | "time" | "input" | "target" | "split" | "other";

export interface Clock {
  readonly column: string;
  /** "time": milliseconds since 1970; "count": cycles or another number. */
  readonly kind: "time" | "count";
  readonly first: number;
  readonly last: number;
  readonly step?: number;
  /** Places where readings of a machine are further apart than one step (one and a half steps of a time). */
  readonly gaps: number;
  readonly longestGap: number;
  /** The longest gaps, at most ten: from this reading to the next one. */
  readonly examples: readonly { readonly machine?: string; readonly from: number; readonly to: number }[];
}

/** Inspects a data set; with `sites`, also how the inputs and the target drift between them. Errors: DATA_MISSING (roles without a column). */
export function inspectDataset(dataset: Dataset, sites?: Sites): DatasetFacts {
  const { readings } = dataset;
  const machine = dataset.machine === undefined ? undefined : categoryOf(readings, dataset.machine);
  const watched = [...dataset.inputs, ...(dataset.target === undefined ? [] : [dataset.target])];
  return {
    name: dataset.name,
    description: dataset.description,
    rows: readings.rows,
    columns: readings.columns.map((column) => ({ ...columnFacts(column, readings.rows), role: roleOf(dataset, column.name) })),
    ...(machine !== undefined && { machines: rowsPerMachine(machine.codes, machine.labels.length) }),
    ...(dataset.time !== undefined && { clock: clockFacts(dataset, dataset.time) }),
    duplicates: dataset.time === undefined ? equalRows(readings) : equalMoments(dataset, dataset.time),
    ...(dataset.target !== undefined && { labels: answers(readings, dataset.target) }),
    ...(dataset.events !== undefined && { events: eventFacts(dataset.events) }),
    ...(dataset.split !== undefined && { split: labelCounts(categoryOf(readings, dataset.split)) }),
    ...(sites !== undefined && { drift: { sites: sites.names, columns: siteDrift(readings, watched, sites) } }),
    notes: dataset.notes ?? [],
  };
}

/** The site of each row from lists of rows per site, as a partition gives them. */
export function sitesOfRows(rows: number, parts: readonly { readonly site: string; readonly rows: Int32Array }[]): Sites {
  const of = new Int32Array(rows).fill(-1);
  parts.forEach((part, site) => {
    for (const row of part.rows) of[row] = site;
  });
  return { names: parts.map((part) => part.site), of };
}

function roleOf(dataset: Dataset, name: string): Role {
  if (name === dataset.machine) return "machine";
  if (name === dataset.time) return "time";
  if (name === dataset.target) return "target";
  if (name === dataset.split) return "split";
  return dataset.inputs.includes(name) ? "input" : "other";
}

function rowsPerMachine(codes: Int32Array, machines: number): DatasetFacts["machines"] {
  const counts = new Float64Array(machines);
  for (const code of codes) if (code >= 0) counts[code]++;
  const sorted = counts.filter((count) => count > 0).sort();
  const middle = Math.floor((sorted.length - 1) / 2);
  return { count: sorted.length, fewestRows: sorted[0] ?? 0, medianRows: sorted[middle] ?? 0, mostRows: sorted.at(-1) ?? 0 };
}

function clockFacts(dataset: Dataset, name: string): Clock {
  const times = valuesOf(dataset.readings, name);
  const machine = dataset.machine === undefined ? undefined : categoryOf(dataset.readings, dataset.machine);
  const kind = columnNamed(dataset.readings, name, "time").kind === "time" ? "time" : "count";
  const step = kind === "time" ? dataset.step : 1;
  const limit = step === undefined ? Number.POSITIVE_INFINITY : kind === "time" ? 1.5 * step : 1;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let gaps = 0;
  let longestGap = 0;
  const examples: { machine?: string; from: number; to: number }[] = [];
  for (let i = 0; i < times.length; i++) {
    if (times[i] < first) first = times[i];
    if (times[i] > last) last = times[i];
    if (i === 0 || (machine !== undefined && machine.codes[i] !== machine.codes[i - 1])) continue;
    const span = times[i] - times[i - 1];
    if (span > longestGap) longestGap = span;
    if (span <= limit) continue;
    gaps++;
    const label = machine === undefined ? undefined : machine.labels[machine.codes[i]];
    examples.push({ ...(label !== undefined && { machine: label }), from: times[i - 1], to: times[i] });
    if (examples.length > 1000) keepLongest(examples);
  }
  keepLongest(examples);
  return { column: name, kind, first, last, ...(dataset.step !== undefined && { step: dataset.step }), gaps, longestGap, examples };
}

/** Ten longest, in the order they came where they are equally long (the sort is stable). */
function keepLongest(examples: { from: number; to: number }[]): void {
  examples.sort((a, b) => b.to - b.from - (a.to - a.from));
  examples.length = Math.min(examples.length, 10);
}

/** Rows are sorted by machine and time, so that equal moments lie side by side. */
function equalMoments(dataset: Dataset, name: string): number {
  const times = valuesOf(dataset.readings, name);
  const codes = dataset.machine === undefined ? undefined : categoryOf(dataset.readings, dataset.machine).codes;
  let count = 0;
  for (let i = 1; i < times.length; i++) if (times[i] === times[i - 1] && (codes === undefined || codes[i] === codes[i - 1])) count++;
  return count;
}

/** Rows whose values all equal an earlier row's, told by a 53-bit hash; tensors are compared too. */
function equalRows(table: Table): number {
  const seen = new Set<number>();
  const bits = new Uint32Array(2);
  const number = new Float64Array(bits.buffer);
  let repeated = 0;
  for (let i = 0; i < table.rows; i++) {
    let high = 2166136261;
    let low = 1540483477;
    const mix = (value: number) => {
      number[0] = Number.isNaN(value) ? Number.NaN : value + 0;
      for (const word of bits) {
        high = Math.imul(high ^ word, 16777619);
        low = Math.imul(low ^ (word >>> 13) ^ high, 1540483477);
        high ^= low >>> 15;
      }
    };
    for (const column of table.columns) {
      if (column.kind === "category") mix(column.codes[i]);
      else if (column.kind === "tensor") {
        const size = column.values.length / table.rows;
        for (let k = i * size; k < (i + 1) * size; k++) mix(column.values[k]);
      } else mix(column.values[i]);
    }
    const key = (high >>> 0) * 2097152 + (low >>> 11);
    if (seen.has(key)) repeated++;
    else seen.add(key);
  }
  return repeated;
}

/** Counts of classes and flags; of a target with many values, what the histogram of its column says. */
function answers(table: Table, name: string): DatasetFacts["labels"] {
  const column = columnNamed(table, name, "target");
  if (column.kind === "category") {
    const counts = labelCounts(column);
    return { column: name, counts, missing: table.rows - counts.reduce((sum, count) => sum + count.rows, 0) };
  }
  if (column.kind === "tensor") return { column: name, counts: [], missing: 0 };
  const counts = new Map<number, number>();
  let missing = 0;
  for (const value of column.values) {
    if (Number.isNaN(value)) missing++;
    else if (counts.size <= 20) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const few = counts.size <= 20 ? [...counts].sort((a, b) => a[0] - b[0]) : [];
  return { column: name, counts: few.map(([value, rows]) => ({ label: String(value), rows })), missing };
}

function eventFacts(events: Table): DatasetFacts["events"] {
  const machines = categoryOf(events, "machine");
  const kind = events.columns.find((column) => column.name === "kind");
  const withEvent = new Set(machines.codes);
  return {
    count: events.rows,
    kinds: kind?.kind === "category" ? labelCounts(kind) : [],
    machinesWithout: machines.labels.length - withEvent.size,
  };
}
