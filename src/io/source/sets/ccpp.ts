/** Combined cycle power plant (Tuefekci and Kaya, UCI id 294): hourly averages in random order, four measures and the output. */
import type { Dataset } from "../../../data/dataset.js";
import { setFile } from "../folder.js";
import { readCsvTable } from "../read.js";

const columns = [
  { name: "temperature", unit: "Cel" },
  { name: "vacuum", unit: "cm[Hg]" },
  { name: "pressure", unit: "mbar" },
  { name: "humidity", unit: "%" },
  { name: "energy", unit: "MW" },
] as const;

/** Loads the set. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadCcpp(root: string): Promise<Dataset> {
  const readings = await readCsvTable(
    await setFile(root, "ccpp", "Folds5x2_pp.csv"),
    columns.map((column) => ({ ...column, kind: "number" })),
    { delimiter: ",", header: true },
  );
  return {
    name: "ccpp",
    description: "Combined cycle power plant (UCI 294): real, one row per hour in random order, electrical output in MW",
    readings,
    inputs: ["temperature", "vacuum", "pressure", "humidity"],
    target: "energy",
    notes: ["Rows have no time: every row stands alone. The header was renamed by the repository the file comes from."],
  };
}
