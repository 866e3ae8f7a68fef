/** The named data sets in one line each, for `data list` and the documentation. */
import type { SetName } from "../../data/source-spec.js";
import { manifest } from "./manifest.js";

export interface CatalogEntry {
  readonly name: SetName;
  readonly task: "rul" | "failure" | "anomaly" | "class" | "value";
  /** Rows of the readings, all subsets together. */
  readonly rows: number;
  readonly licence: string;
  readonly description: string;
  /** Files that `data fetch` can get, of all. */
  readonly files: { readonly fetched: number; readonly all: number };
}

const lines: readonly Omit<CatalogEntry, "files">[] = [
  {
    name: "cmapss",
    task: "rul",
    rows: 265_256,
    licence: "none stated (NASA)",
    description: "C-MAPSS turbofan engines FD001 to FD004, simulated run-to-failure: remaining useful life",
  },
  {
    name: "azure-pdm",
    task: "failure",
    rows: 43_200,
    licence: "none stated (Microsoft)",
    description: "Azure predictive maintenance, simulated: hourly telemetry of 20 of 100 machines, errors, component failures",
  },
  {
    name: "ai4i2020",
    task: "failure",
    rows: 10_000,
    licence: "CC BY 4.0",
    description: "AI4I 2020 milling machine, synthetic: failure of a product",
  },
  {
    name: "skab",
    task: "anomaly",
    rows: 37_401,
    licence: "GPL-3.0",
    description: "SKAB water circulation testbed, real: anomalies in 34 experiments",
  },
  {
    name: "secom",
    task: "class",
    rows: 1567,
    licence: "not readable (UCI)",
    description: "SECOM semiconductor line, real: pass or fail, 207 of 590 sensors",
  },
  {
    name: "steel-plates-faults",
    task: "class",
    rows: 1941,
    licence: "not readable (UCI)",
    description: "Surface faults of steel plates, real: seven kinds",
  },
  {
    name: "neu-surface-defects",
    task: "class",
    rows: 1800,
    licence: "none stated (research)",
    description: "NEU hot-rolled steel, real images 64 x 64: six kinds of defect",
  },
  {
    name: "hydraulic-systems",
    task: "class",
    rows: 2205,
    licence: "not readable (UCI)",
    description: "Hydraulic test rig, real: condition of cooler, valve, pump, accumulator per 60 s cycle",
  },
  {
    name: "ccpp",
    task: "value",
    rows: 9568,
    licence: "not readable (UCI)",
    description: "Combined cycle power plant, real: electrical output",
  },
  {
    name: "steel-industry-energy",
    task: "value",
    rows: 35_040,
    licence: "not readable (UCI)",
    description: "Energy use of a steel plant, real: one row per 15 minutes of 2018",
  },
];

/** Every named data set, in the order of the documentation. */
export const catalog: readonly CatalogEntry[] = lines.map((line) => ({
  ...line,
  files: { fetched: manifest[line.name].filter((file) => file.origin !== undefined).length, all: manifest[line.name].length },
}));
