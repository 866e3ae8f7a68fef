/**
 * SECOM (McCann and Johnston, UCI id 179): sensors of a semiconductor line, pass or fail per wafer lot.
 *
 * Of the 590 sensors this copy has 207 on all rows. They were chosen by somebody's lasso on the training rows, so the
 * given split must be kept for honest test figures.
 */
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, categoryOf } from "../../../data/schema-table.js";
import type { Column } from "../../../data/table.js";
import { openCsv } from "../csv.js";
import { setFile } from "../folder.js";
import { readLimits } from "../limits.js";
import { readTable } from "../read.js";

/** Loads the set. Missing sensor values stay NaN. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadSecom(root: string): Promise<Dataset> {
  const source = await openCsv(await setFile(root, "secom", "secom_1567x207.csv"), readLimits, { delimiter: ",", header: true });
  const inputs = source.columns.filter((name) => /^f\d+$/.test(name));
  const table = await readTable(source, [
    { name: "timestamp", kind: "time", format: "dmy" },
    { name: "split", kind: "category", labels: ["train", "test"] },
    ...inputs.map((name) => ({ name, kind: "number" as const })),
    { name: "label", kind: "category", labels: ["-1", "1"] },
  ]);
  const label = categoryOf(table, "label");
  const columns: Column[] = [
    ...table.columns.filter((column) => column.name !== "label"),
    categoryColumn("result", label.codes, ["pass", "fail"]),
  ];
  return {
    name: "secom",
    description: "SECOM semiconductor line (UCI 179): real, one row per lot, 207 of 590 sensors, pass or fail",
    readings: { rows: table.rows, columns },
    inputs,
    target: "result",
    split: "split",
    notes: [
      "104 of 1,567 lots fail (6.6 %): report balanced error rate or areas under curves, not accuracy.",
      "15,490 cells are empty: fill or flag them in features.",
      "The 207 columns were selected on the training rows by a lasso: keep the given split.",
    ],
  };
}
