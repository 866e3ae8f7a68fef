/**
 * `join --check`: will this plant's rows do? Everything that would stop a run or spoil it is looked for before a byte leaves: columns, kinds,
 * units, plausible values, missing readings, time order, windows, labels. As many faults as can be found are told at once; the real code of a
 * run (statistics, windows, features) is then run over the real rows, so that a plant that passes can take part. Nothing is sent.
 */
import { type ErrorDetail, MillwrightError } from "../core/errors.js";
import { siteExamples } from "../data/examples.js";
import { inspectDataset } from "../data/inspect.js";
import { siteStatistic } from "../data/measure.js";
import type { SitePart } from "../data/partition/partition.js";
import { resolvePlan } from "../data/plan.js";
import { fitScaler, type Scaler } from "../data/scaler.js";
import { rowsOf } from "../data/schema-table.js";
import { windowed } from "../data/site-frames.js";
import { test, train, validation } from "../data/split.js";
import type { Table } from "../data/table.js";
import { outputsOf } from "../data/task.js";
import type { FederationFile } from "../round/file.js";
import { dataPlanOf } from "../round/node-plan.js";
import { doubts, rangeOf } from "./check-ranges.js";
import type { MappedColumn } from "./columns.js";
import { declaredBy } from "./columns-declared.js";
import { type SiteFile, usesFederationData } from "./site-file.js";
import { federationPart, partOfOwn, type SiteDataOptions, siteData } from "./site-file-data.js";

export interface CheckedColumn {
  readonly name: string;
  readonly role: string;
  readonly kind: string;
  readonly from: string;
  readonly fromUnit?: string;
  readonly unit?: string;
  readonly converted: boolean;
  readonly rows: number;
  readonly missing: number;
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
}

export interface WindowCounts {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

export interface SiteFacts {
  readonly rows: number;
  readonly machines?: number;
  /** Milliseconds since 1970, or the clock's own count. */
  readonly from?: number;
  readonly to?: number;
  readonly clock?: "time" | "count";
  readonly step?: number;
  readonly gaps?: number;
  readonly longestGap?: number;
  readonly events?: number;
  readonly columns: readonly CheckedColumn[];
  readonly windows?: WindowCounts;
  /** Windows by answer: "failure", a label; absent for numbers. */
  readonly answers?: Readonly<Record<string, WindowCounts>>;
}

export interface SiteCheck {
  readonly format: "millwright-site-check/1";
  readonly site: string;
  readonly federation: string;
  readonly ok: boolean;
  readonly faults: readonly ErrorDetail[];
  readonly warnings: readonly ErrorDetail[];
  readonly facts: SiteFacts;
}

export interface CheckOptions extends SiteDataOptions {
  /** What the federation measured, where this plant has been told: its own means are then held against it. */
  readonly scaler?: Scaler;
}

/** Checks a site file against a federation file and the real rows. Never throws for what is wrong with them: that is the result. */
export async function checkSite(site: SiteFile, file: FederationFile, options: CheckOptions): Promise<SiteCheck> {
  const faults: ErrorDetail[] = [];
  const warnings: ErrorDetail[] = [];
  let facts: SiteFacts = { rows: 0, columns: [] };
  await collect(faults, async () => {
    const { part, mapped } = await partOf(site, file, options, faults, warnings);
    if (part === undefined) return;
    facts = { ...facts, ...tableFacts(part, mapped, options.scaler, faults, warnings) };
    const counted = windowFacts(part, file);
    facts = { ...facts, ...counted };
    judgeWindows(counted.windows, counted.answers, file, faults, warnings);
    if (counted.windows.train === 0) return;
    // What a run would do: statistics, then examples under a scaler (the plant's own stands in for the federation's).
    siteExamples(part, options.scaler ?? fitScaler(siteStatistic(part, dataPlanOf(file))), dataPlanOf(file));
  });
  return {
    format: "millwright-site-check/1",
    site: site.site,
    federation: file.federation,
    ok: faults.length === 0,
    faults,
    warnings,
    facts,
  };
}

async function collect(faults: ErrorDetail[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    faults.push(...error.faults);
  }
}

async function partOf(
  site: SiteFile,
  file: FederationFile,
  options: SiteDataOptions,
  faults: ErrorDetail[],
  warnings: ErrorDetail[],
): Promise<{ readonly part?: SitePart; readonly mapped: readonly MappedColumn[] }> {
  if (usesFederationData(site)) {
    const part = await federationPart(site.site, file, options);
    for (const name of Object.keys(site.columns))
      warnings.push({ where: `columns.${name}`, expected: "no mapping beside data: federation", got: "one, which is not used" });
    const declared = declaredBy(part.dataset, file).columns;
    return { part, mapped: declared.map(({ name, role }) => ({ name, role, from: name, converted: false })) };
  }
  const { dataset, columns, faults: wrong, warnings: doubtful } = await siteData(site, file, options);
  faults.push(...wrong);
  warnings.push(...doubtful);
  if (dataset === undefined) return { mapped: columns };
  return { part: partOfOwn(site.site, dataset, file, options.seed ?? file.seed), mapped: columns };
}

/** Rows, clock and columns of the part's own rows, with doubts about them. */
function tableFacts(
  part: SitePart,
  mapped: readonly MappedColumn[],
  scaler: Scaler | undefined,
  faults: ErrorDetail[],
  warnings: ErrorDetail[],
): SiteFacts {
  const { dataset } = part;
  const own = ownRows(part);
  const { machines, clock, events, duplicates } = inspectDataset(own);
  const columns = mapped.flatMap((one): CheckedColumn[] => {
    const column = own.readings.columns.find(({ name }) => name === one.name);
    if (column === undefined) return [];
    const range = rangeOf(column);
    const found = doubts(column, one, range, scaler);
    faults.push(...found.faults);
    warnings.push(...found.warnings);
    const { constant: _, ...numbers } = range;
    const { outside: __, ...told } = one;
    const unit = column.kind === "number" ? column.unit : undefined;
    return [{ ...told, kind: column.kind, ...(unit === undefined ? {} : { unit }), ...numbers }];
  });
  if (duplicates > 0 && dataset.time !== undefined)
    warnings.push({ where: "data", expected: "one reading of a machine at a moment", got: `${duplicates} repeated` });
  if (clock !== undefined && clock.gaps > 0) {
    const got = `${clock.gaps} gap(s), the longest ${clock.longestGap} ${clock.kind === "time" ? "ms" : "counts"}`;
    warnings.push({ where: "data.time", expected: "readings without gaps", got: `${got}; no window reaches across one` });
  }
  return {
    rows: part.rows.length,
    ...(machines === undefined ? {} : { machines: machines.count }),
    ...(clock === undefined
      ? {}
      : { from: clock.first, to: clock.last, clock: clock.kind, gaps: clock.gaps, longestGap: clock.longestGap }),
    ...(dataset.step === undefined ? {} : { step: dataset.step }),
    ...(events === undefined ? {} : { events: events.count }),
    columns,
  };
}

/** The data set without the rows of other sites, which a part of the federation's own data carries along. */
function ownRows({ dataset, rows }: SitePart): SitePart["dataset"] {
  if (rows.length === dataset.readings.rows) return dataset;
  const { columns } = rowsOf(dataset.readings, rows);
  const mine = new Set(
    columns.flatMap((column) => (column.name === dataset.machine && column.kind === "category" ? [...column.codes] : [])),
  );
  return {
    ...dataset,
    readings: { rows: rows.length, columns },
    ...(dataset.events === undefined ? {} : { events: eventsOf(dataset, mine) }),
  };
}

/** Events of some machines; those of a table have the machines of the readings as labels. */
function eventsOf({ events }: SitePart["dataset"], machines: ReadonlySet<number>): Table | undefined {
  const column = events?.columns.find(({ name }) => name === "machine");
  if (events === undefined || column?.kind !== "category" || machines.size === 0) return events;
  return rowsOf(
    events,
    Int32Array.from({ length: events.rows }, (_, i) => i).filter((i) => machines.has(column.codes[i])),
  );
}

function windowFacts(part: SitePart, file: FederationFile): { windows: WindowCounts; answers?: Record<string, WindowCounts> } {
  const plan = dataPlanOf(file);
  const outputs = outputsOf(resolvePlan(plan, part.dataset).task.spec, part.dataset);
  const none = { train: 0, validation: 0, test: 0 };
  const windows = { ...none };
  const answers: Record<string, typeof none> = {};
  if (outputs.kind !== "number") for (const label of outputs.labels ?? []) answers[label] = { ...none };
  const places: Readonly<Record<number, keyof WindowCounts>> = { [train]: "train", [validation]: "validation", [test]: "test" };
  for (const { labelled } of windowed(part, plan)) {
    labelled.split.forEach((label, i) => {
      const place = places[label];
      if (place === undefined) return;
      windows[place]++;
      const answer = outputs.kind === "number" ? undefined : outputs.labels?.[labelled.targets[i]];
      if (answer !== undefined) answers[answer][place]++;
    });
  }
  return { windows, ...(outputs.kind === "number" ? {} : { answers }) };
}

function judgeWindows(
  windows: WindowCounts,
  answers: Readonly<Record<string, WindowCounts>> | undefined,
  file: FederationFile,
  faults: ErrorDetail[],
  warnings: ErrorDetail[],
): void {
  const { batch } = file.training;
  if (windows.train === 0) {
    const remedy = "more rows, a shorter window, or another moment of the split";
    faults.push({ where: "data", expected: "at least one window to train on", got: "none", remedy });
  } else if (windows.train < batch)
    warnings.push({ where: "data", expected: `at least a batch of ${batch} windows to train on`, got: String(windows.train) });
  if (windows.test === 0)
    warnings.push({ where: "split", expected: "windows to test on", got: "none: this plant gets no figures of its own" });
  const split = file.split;
  if (split !== undefined && "validation" in split && split.validation !== undefined && windows.validation === 0)
    warnings.push({ where: "split", expected: "windows to validate on", got: "none" });
  for (const [label, counts] of Object.entries(answers ?? {})) {
    if (counts.train > 0 || windows.train === 0) continue;
    // Anomalies are not trained on; every other answer has to be seen to be learnt.
    if (file.task.kind === "anomaly" && label === "anomaly") continue;
    warnings.push({
      where: "task",
      expected: `windows to train on whose answer is ${JSON.stringify(label)}`,
      got: `none of ${windows.train}`,
    });
  }
}
