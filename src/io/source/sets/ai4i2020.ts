/**
 * AI4I 2020 predictive maintenance (S. Matzka, UCI id 601, CC BY 4.0): synthetic data modelled on a milling machine.
 * Every row stands alone. The failure modes TWF, HDF, PWF, OSF, RNF are kept as columns, not as inputs: they are the answer.
 */
import type { Dataset } from "../../../data/dataset.js";
import { openCsv } from "../csv.js";
import { setFile } from "../folder.js";
import { readLimits } from "../limits.js";
import { readTable } from "../read.js";

const numbers = [
  { name: "Air temperature [K]", unit: "K" },
  { name: "Process temperature [K]", unit: "K" },
  { name: "Rotational speed [rpm]", unit: "r/min" },
  { name: "Torque [Nm]", unit: "N.m" },
  { name: "Tool wear [min]", unit: "min" },
] as const;
const flags = ["Machine failure", "TWF", "HDF", "PWF", "OSF", "RNF"] as const;

/** Loads the set. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadAi4i(root: string): Promise<Dataset> {
  const source = await openCsv(await setFile(root, "ai4i2020", "ai4i2020.csv"), readLimits, { delimiter: ",", header: true });
  // One copy in circulation writes the target with an underscore.
  const spelling = (name: string) => (source.columns.includes(name) ? name : name.replace(" ", "_"));
  const table = await readTable(source, [
    { name: "Type", kind: "category", labels: ["L", "M", "H"] },
    ...numbers.map((column) => ({ ...column, kind: "number" as const })),
    ...flags.map((name) => ({ name: spelling(name), kind: "number" as const })),
  ]);
  const names = ["Type", ...numbers.map((column) => column.name), ...flags];
  const readings = { rows: table.rows, columns: table.columns.map((column, i) => ({ ...column, name: names[i] })) };
  return {
    name: "ai4i2020",
    description: "AI4I 2020 milling machine (Matzka, UCI 601): synthetic, one row per product, failure yes or no",
    readings,
    inputs: [...numbers.map((column) => column.name), "Type"],
    target: "Machine failure",
    notes: [
      "Synthetic data; CC BY 4.0.",
      "339 of 10,000 rows fail (3.4 %): predicting never is 96.6 % accurate, so accuracy alone means nothing.",
      "The label follows fixed rules of power, temperature difference, strain and tool wear; 9 failures carry no mode flag, 18 random-failure flags are no failure.",
      "Many files called ai4i2020.csv in circulation hold made-up rows: this one is checked by its SHA-256.",
    ],
  };
}
