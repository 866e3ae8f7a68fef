/**
 * A plant's own rows as the federation's data: loaded, mapped, prepared and split as the plan says. Only the columns that the federation
 * works with are read. `data: federation` takes the plant's part of the federation's own data set instead, exactly as a simulation deals it.
 */
import { isAbsolute, resolve } from "node:path";
import { type ErrorDetail, fail, MillwrightError } from "../core/errors.js";
import type { Dataset } from "../data/dataset.js";
import { generateFleet } from "../data/fleet/generate.js";
import { partitionSites, type SitePart } from "../data/partition/partition.js";
import { rowStrata } from "../data/partition/strata.js";
import { resolvePlan } from "../data/plan.js";
import { prepareDataset } from "../data/prepare.js";
import { countUp } from "../data/rows.js";
import type { DataSpec, TableSource } from "../data/source-spec.js";
import { defaultSplit, planSplit } from "../data/split.js";
import { loadDataset } from "../io/source/load.js";
import { lookAtTable } from "../io/source/table.js";
import type { FederationFile } from "../round/file.js";
import { dataPlanOf } from "../round/node-plan.js";
import { type Mapped, mapColumns, missingColumn, sourceOf } from "./columns.js";
import { type Declared, declaredBy, declaredColumns } from "./columns-declared.js";
import { type SiteFile, usesFederationData } from "./site-file.js";

export interface SiteDataOptions {
  /** Folder of the site file; paths in it are relative to this. */
  readonly folder: string;
  /** Folder that paths of the federation file are relative to, for `data: federation`. Default: the site's own. */
  readonly federationFolder?: string;
  readonly dataRoot?: string;
  /** Default: the seed of the federation file. */
  readonly seed?: number;
}

/** The plant's part, ready for statistics and training. Errors: those of the data and the mapping, every fault of it at once. */
export async function sitePart(site: SiteFile, file: FederationFile, options: SiteDataOptions): Promise<SitePart> {
  if (usesFederationData(site)) return federationPart(site.site, file, options);
  const { dataset, faults } = await siteData(site, file, options);
  if (dataset === undefined) throw new MillwrightError("DATA_INVALID", faults[0], faults);
  return partOfOwn(site.site, dataset, file, options.seed ?? file.seed);
}

/** A plant's own data set is one part with all its rows. Errors: FILE_INVALID, DATA_INVALID, DATA_MISSING, DATA_EMPTY, LIMIT_EXCEEDED. */
export function partOfOwn(site: string, dataset: Dataset, file: FederationFile, seed: number): SitePart {
  const plan = dataPlanOf(file);
  const { task } = resolvePlan(plan, dataset);
  const prepared = prepareDataset(dataset, plan);
  const split = planSplit(prepared, plan.split ?? defaultSplit(dataset), task, seed, () => rowStrata(prepared, task));
  return { site, dataset: prepared, rows: countUp(prepared.readings.rows), split };
}

/** What a simulation would deal to this site. Errors: DATA_MISSING where the plan deals to no site of this name. */
export async function federationPart(site: string, file: FederationFile, options: SiteDataOptions): Promise<SitePart> {
  const dataset = await load(file.data, options.federationFolder ?? options.folder, options.dataRoot);
  const parts = partitionSites(dataset, dataPlanOf(file), options.seed ?? file.seed);
  const found = parts.find((part) => part.site === site);
  if (found !== undefined) return found;
  return fail("DATA_MISSING", {
    where: "site",
    expected: `a site that the federation's data is dealt to (${parts
      .map((part) => part.site)
      .slice(0, 40)
      .join(", ")})`,
    got: JSON.stringify(site),
    remedy: "use one of these names, or name rows of your own under data:",
  });
}

/** Loads and maps the plant's own rows. Faults of the mapping are told, not thrown; those of reading are thrown. */
export async function siteData(site: SiteFile, file: FederationFile, options: SiteDataOptions): Promise<Mapped> {
  const spec = site.data as DataSpec;
  const declared = declaredColumns(file);
  if (spec.use !== "table") {
    const dataset = await load(spec, options.folder, options.dataRoot);
    return mapColumns(dataset, site, declared ?? declaredBy(dataset, file));
  }
  const table = spec as TableSource;
  if (declared === undefined) {
    const dataset = await load(table, options.folder, options.dataRoot);
    const { faults, warnings, ...mapped } = mapColumns(dataset, site, declaredBy(dataset, file));
    const remedy = "ask for data: { use: table, inputs: [...], units: {...} } in the federation file";
    const undeclared = {
      where: "data",
      expected: "a federation file that declares its columns",
      got: `use: ${file.data.use}; names are taken as they are`,
      remedy,
    };
    return { ...mapped, faults, warnings: [undeclared, ...warnings] };
  }
  const { spec: narrowed, there, missing } = await narrow(table, site, declared, options.folder);
  try {
    const { dataset, without } = await loadOwn(narrowed, options);
    const { warnings, ...mapped } = mapColumns(dataset, site, declared, there);
    return { ...mapped, warnings: [...without, ...warnings] };
  } catch (error) {
    // A table that cannot be read for want of a column is told with all the columns that are wanting.
    if (!(error instanceof MillwrightError) || missing.length === 0) throw error;
    return { columns: [], faults: [...missing, ...error.faults], warnings: [] };
  }
}

const load = (spec: DataSpec, folder: string, dataRoot: string | undefined): Promise<Dataset> =>
  loadDataset(spec, { folder, ...(dataRoot === undefined ? {} : { dataRoot }), loadFleet: (fleet) => generateFleet(fleet) });

interface Narrowed {
  readonly spec: TableSource;
  /** Every column of the file. */
  readonly there: readonly string[];
  readonly missing: readonly ErrorDetail[];
}

/** Reads nothing but the columns the federation works with, in its roles and as the kinds it declares. */
async function narrow(spec: TableSource, site: SiteFile, declared: Declared, folder: string): Promise<Narrowed> {
  const path = isAbsolute(spec.path) ? spec.path : resolve(folder, spec.path);
  const looked = await lookAtTable(path, spec);
  const there = [...looked.columns.map(({ name }) => name), ...(spec.fileColumn === undefined ? [] : [spec.fileColumn])];
  const said: Record<string, string | undefined> = { machine: spec.machine, time: spec.time, target: spec.target, split: spec.split };
  const missing: ErrorDetail[] = [];
  const inputs = new Set<string>();
  const kept = new Set<string>();
  const columns = { ...spec.columns };
  for (const column of declared.columns) {
    const from = sourceOf(column, site, said);
    if (!there.includes(from)) {
      missing.push(missingColumn(column, from, there, site));
      continue;
    }
    kept.add(from);
    if (column.role === "input" || column.role === "other") inputs.add(from);
    else said[column.role] = from;
    const open = columns[from]?.kind === undefined && spec.categories?.includes(from) !== true;
    if (open && column.kind !== undefined && column.kind !== "tensor") columns[from] = { ...columns[from], kind: column.kind };
  }
  for (const name of Object.values(said)) if (name !== undefined) kept.add(name);
  const chosen = [...inputs].filter((name) => !Object.values(said).includes(name));
  return {
    spec: {
      ...spec,
      ...Object.fromEntries(Object.entries(said).filter(([, name]) => name !== undefined)),
      ...(chosen.length === 0 ? {} : { inputs: chosen }),
      drop: there.filter((name) => !kept.has(name)),
      columns,
    },
    there,
    missing,
  };
}

/** A plant where nothing has failed yet has an empty table of events; that is no fault. */
async function loadOwn(
  spec: TableSource,
  options: SiteDataOptions,
): Promise<{ readonly dataset: Dataset; readonly without: readonly ErrorDetail[] }> {
  try {
    return { dataset: await load(spec, options.folder, options.dataRoot), without: [] };
  } catch (error) {
    const { events, ...rest } = spec;
    const empty =
      error instanceof MillwrightError && error.code === "DATA_EMPTY" && events !== undefined && error.detail.where === events.path;
    if (!empty) throw error;
    const dataset = await load(rest, options.folder, options.dataRoot);
    const machine = dataset.readings.columns.find(({ name }) => name === spec.machine);
    const labels = machine?.kind === "category" ? machine.labels : [];
    const none = { rows: 0, columns: noEvents(labels) };
    const warning = { where: "data.events", expected: "events of my machines", got: "none: this plant has no failure to learn from" };
    return { dataset: { ...dataset, events: none }, without: [warning] };
  }
}

const noEvents = (machines: readonly string[]): NonNullable<Dataset["events"]>["columns"] => [
  { name: "machine", kind: "category", codes: new Int32Array(0), labels: machines },
  { name: "time", kind: "time", values: new Float64Array(0) },
  { name: "kind", kind: "category", codes: new Int32Array(0), labels: [] },
];
