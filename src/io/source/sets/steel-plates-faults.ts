/** Steel plates faults (Semeion, UCI id 198): 27 measures of a surface fault, seven kinds of fault, one row per fault. */
import { fail } from "../../../core/errors.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, valuesOf } from "../../../data/schema-table.js";
import { openCsv } from "../csv.js";
import { setFile } from "../folder.js";
import { readLimits } from "../limits.js";
import { readTable } from "../read.js";

const faults = ["Pastry", "Z_Scratch", "K_Scatch", "Stains", "Dirtiness", "Bumps", "Other"] as const;

/** Loads the set; the seven 0/1 columns become one category. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadSteelPlates(root: string): Promise<Dataset> {
  const file = await setFile(root, "steel-plates-faults", "steel_plates_faults.csv");
  const source = await openCsv(file, readLimits, { delimiter: ",", header: true });
  const table = await readTable(
    source,
    source.columns.map((name) => ({ name, kind: "number" as const })),
  );
  const flags = faults.map((fault) => valuesOf(table, fault === "Other" ? "Other_Faults" : `${fault}_Fault`));
  const codes = new Int32Array(table.rows);
  for (let i = 0; i < table.rows; i++) {
    const set = flags.reduce((sum, flag) => sum + flag[i], 0);
    if (set !== 1)
      fail("DATA_INVALID", { where: `steel_plates_faults.csv, row ${i + 1}`, expected: "exactly one fault flag", got: String(set) });
    codes[i] = flags.findIndex((flag) => flag[i] === 1);
  }
  const a300 = valuesOf(table, "TypeOfSteel_A300");
  const features = table.columns.filter((column) => !/_Faults?$/.test(column.name));
  return {
    name: "steel-plates-faults",
    description: "Steel plates faults (Semeion, UCI 198): real, one row per surface fault, 27 measures, 7 kinds",
    readings: {
      rows: table.rows,
      columns: [
        ...features,
        categoryColumn(
          "steel",
          Int32Array.from(a300, (flag) => (flag === 1 ? 0 : 1)),
          ["A300", "A400"],
        ),
        categoryColumn("fault", codes, faults),
      ],
    },
    inputs: features.map((column) => column.name),
    target: "fault",
    notes: [
      "Published accuracies over the seven classes lie between 77 and 80 % (gradient boosting, random forests).",
      "The column steel (A300 or A400) is a natural way to split the data over two sites.",
    ],
  };
}
