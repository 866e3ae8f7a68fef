/**
 * Steel industry energy consumption (Sathishkumar et al., UCI id 851): one plant in Gwangyang, every 15 minutes of 2018.
 *
 * A row dated "01/01/2018 00:00" comes after "01/01/2018 23:45" in the file: midnight is written as the end of its day,
 * not as the beginning. It is read so here, and the clock is checked to be regular afterwards.
 */
import { fail } from "../../../core/errors.js";
import { millis } from "../../../core/quantities.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, timeColumn, valuesOf } from "../../../data/schema-table.js";
import { setFile } from "../folder.js";
import { readCsvTable } from "../read.js";

const step = 900_000;
const day = 86_400_000;

const numbers = [
  { name: "Usage_kWh", unit: "kW.h" },
  { name: "Lagging_Current_Reactive_Power_kVarh", unit: "kvar.h" },
  { name: "Leading_Current_Reactive_Power_kVarh", unit: "kvar.h" },
  { name: "CO2(tCO2)", unit: "t" },
  { name: "Lagging_Current_Power_Factor", unit: "%" },
  { name: "Leading_Current_Power_Factor", unit: "%" },
  { name: "NSM", unit: "s" },
] as const;
const categories = [
  { name: "WeekStatus", labels: ["Weekday", "Weekend"] },
  { name: "Day_of_week", labels: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] },
  { name: "Load_Type", labels: ["Light_Load", "Medium_Load", "Maximum_Load"] },
] as const;

/** Loads the set. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadSteelEnergy(root: string): Promise<Dataset> {
  const table = await readCsvTable(
    await setFile(root, "steel-industry-energy", "Steel_industry_data.csv"),
    [
      { name: "date", kind: "time", format: "dmy" },
      ...numbers.map((column) => ({ ...column, kind: "number" as const })),
      ...categories.map((column) => ({ ...column, kind: "category" as const })),
    ],
    { delimiter: ",", header: true },
  );
  const times = valuesOf(table, "date").map((time) => (time % day === 0 ? time + day : time));
  for (let i = 1; i < times.length; i++) {
    if (times[i] - times[i - 1] !== step) {
      fail("DATA_INVALID", {
        where: `Steel_industry_data.csv, row ${i + 1}`,
        expected: "15 minutes after the row before",
        got: `${times[i] - times[i - 1]} ms`,
      });
    }
  }
  return {
    name: "steel-industry-energy",
    description: "Steel industry energy (UCI 851): real, one plant, one row per 15 minutes of 2018, usage in kWh",
    readings: {
      rows: table.rows,
      columns: [
        categoryColumn("plant", new Int32Array(table.rows), ["Gwangyang"]),
        timeColumn("time", times),
        ...table.columns.filter((column) => column.name !== "date"),
      ],
    },
    machine: "plant",
    time: "time",
    step: millis(step),
    inputs: [
      "Usage_kWh",
      "Lagging_Current_Reactive_Power_kVarh",
      "Leading_Current_Reactive_Power_kVarh",
      "Lagging_Current_Power_Factor",
      "Leading_Current_Power_Factor",
    ],
    target: "Usage_kWh",
    notes: [
      "Reactive power, power factors and CO2 of the same 15 minutes nearly give the usage away: a forecast may only use earlier rows.",
      "Rows dated 00:00 are the end of their day, not its beginning.",
      "There is one plant: splitting it over sites is a split by time, not over companies. Persistence has RMSE 12.32 on the last 20 %.",
    ],
  };
}
