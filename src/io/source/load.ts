/** One entry for every kind of `data:`: the fleet, named data sets, tables and modules all become a Dataset. */
import { stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../../core/errors.js";
import type { Dataset } from "../../data/dataset.js";
import {
  type DataSpec,
  type FleetSource,
  isModuleSource,
  type ModuleSource,
  type SetSource,
  type TableSource,
} from "../../data/source-spec.js";
import { defaultDataRoot } from "./folder.js";
import { loadAi4i } from "./sets/ai4i2020.js";
import { loadAzurePdm } from "./sets/azure-pdm.js";
import { loadCcpp } from "./sets/ccpp.js";
import { loadCmapss } from "./sets/cmapss.js";
import { loadHydraulic } from "./sets/hydraulic-systems.js";
import { loadNeu } from "./sets/neu-surface-defects.js";
import { loadSecom } from "./sets/secom.js";
import { loadSkab } from "./sets/skab.js";
import { loadSteelEnergy } from "./sets/steel-industry-energy.js";
import { loadSteelPlates } from "./sets/steel-plates-faults.js";
import { loadTable } from "./table.js";

export interface LoadContext {
  /** Folder of the federation file; paths in it are relative to this. */
  readonly folder: string;
  /** Folder that holds a folder per named data set. Default: MILLWRIGHT_DATA, else ~/.cache/millwright. */
  readonly dataRoot?: string;
  /** Makes the built-in fleet; injected, because the generator is a domain and needs no I/O. */
  readonly loadFleet: (spec: FleetSource) => Dataset | Promise<Dataset>;
}

/** Loads what `data:` names. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE, LIMIT_EXCEEDED, PACKAGE_MISSING, PLUGIN_INVALID. */
export async function loadDataset(spec: DataSpec, context: LoadContext): Promise<Dataset> {
  if (isModuleSource(spec)) return loadModule(spec, context.folder);
  if (spec.use === "fleet") return context.loadFleet(spec as FleetSource);
  if (spec.use === "table") return loadTable(spec as TableSource, context.folder);
  return loadSet(spec as SetSource, context.dataRoot ?? defaultDataRoot());
}

function loadSet(spec: SetSource, root: string): Promise<Dataset> {
  switch (spec.use) {
    case "cmapss":
      return loadCmapss(root, spec.set, spec.lifeCap);
    case "azure-pdm":
      return loadAzurePdm(root);
    case "ai4i2020":
      return loadAi4i(root);
    case "skab":
      return loadSkab(root, spec.groups);
    case "secom":
      return loadSecom(root);
    case "steel-plates-faults":
      return loadSteelPlates(root);
    case "neu-surface-defects":
      return loadNeu(root);
    case "hydraulic-systems":
      return loadHydraulic(root, spec.target, spec.mode);
    case "ccpp":
      return loadCcpp(root);
    case "steel-industry-energy":
      return loadSteelEnergy(root);
  }
}

/** Runs a user's module. Its default export gets the other fields of `data:` and the folder of the file. */
async function loadModule(spec: ModuleSource, folder: string): Promise<Dataset> {
  const { use, ...options } = spec;
  const path = isAbsolute(use) ? use : resolve(folder, use);
  await stat(path).catch((cause) =>
    fail("DATA_MISSING", { where: "data.use", expected: `the module ${path}`, got: "no such file", cause }),
  );
  const module: { default?: unknown } = await import(pathToFileURL(path).href).catch((cause) =>
    fail("PLUGIN_INVALID", { where: path, expected: "a module that loads", got: String(cause), cause }),
  );
  if (typeof module.default !== "function") {
    fail("PLUGIN_INVALID", {
      where: path,
      expected: "a default export: async ({ options, folder }) => Dataset",
      got: typeof module.default,
    });
  }
  const dataset: unknown = await module.default({ options, folder });
  return checkDataset(dataset, path);
}

/** A module's answer is checked as far as the rest of the house relies on it: roles name columns, columns have one length. */
function checkDataset(value: unknown, where: string): Dataset {
  const invalid = (expected: string, got: string): never => fail("PLUGIN_INVALID", { where, expected, got });
  const dataset = value as Dataset;
  if (typeof dataset !== "object" || dataset === null) return invalid("a Dataset", String(value));
  if (typeof dataset.name !== "string") return invalid("a Dataset with a name", typeof dataset.name);
  if (!Array.isArray(dataset.inputs)) return invalid("inputs: a list of column names", typeof dataset.inputs);
  const table = dataset.readings;
  if (!Array.isArray(table?.columns) || !Number.isInteger(table.rows)) return invalid("readings: { rows, columns }", typeof table);
  const kinds = new Map(table.columns.map((column) => [column.name, column.kind]));
  for (const column of table.columns) {
    const size = column.kind === "tensor" ? column.shape.reduce((a: number, b: number) => a * b, 1) : 1;
    const length = column.kind === "category" ? column.codes.length : column.values.length;
    if (length !== table.rows * size) invalid(`${table.rows * size} values in column "${column.name}"`, String(length));
  }
  for (const name of [...dataset.inputs, dataset.machine, dataset.time, dataset.target, dataset.split]) {
    if (name !== undefined && !kinds.has(name)) invalid(`a column "${name}" in readings`, `columns ${[...kinds.keys()].join(", ")}`);
  }
  if (dataset.machine !== undefined && kinds.get(dataset.machine) !== "category") {
    invalid(`a category column "${dataset.machine}" for the machines`, String(kinds.get(dataset.machine)));
  }
  return dataset;
}
