/**
 * From readings as they came to readings that windows can be cut from: units converted, resampled to a regular clock,
 * gaps treated. Every step looks at one machine alone, so a site does it by itself. A gap is a place where readings
 * lie further apart than the step of the data, or a missing value in an input. Rules:
 * - hold: fill with the last reading; interpolate: on the line to the next one (a window never ends on such a row,
 *   because its value was not known then); both up to `limit`, and a longer gap breaks.
 * - drop: rows with missing values are taken out and the rows beside a gap count as neighbours, up to `limit` if given.
 * - break: history ends; no window, lag or average reaches across. This also holds for missing rows when no rule is given.
 */
import { z } from "zod";
import { parseDuration } from "../core/duration.js";
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import { numericColumn } from "./columns.js";
import type { Dataset } from "./dataset.js";
import { machineRuns } from "./frame.js";
import { fillGaps } from "./gaps.js";
import { resample } from "./resample.js";
import { countUp } from "./rows.js";
import type { Column } from "./table.js";
import { unitConversion } from "./units.js";

const duration = z.string().regex(/^\d+(\.\d+)?\s*(ms|s|min|h|d|w)$/, 'expected a duration with a unit, such as "15min"');
const how = z.enum(["mean", "last", "first", "min", "max", "sum"]);

export const resampleSchema = z.strictObject({
  every: duration,
  /** One way for all number columns, or by column (others: mean for inputs, last for the rest). */
  how: z.union([how, z.record(z.string(), how)]).optional(),
});
export const gapsSchema = z
  .strictObject({ rule: z.enum(["hold", "interpolate", "drop", "break"]), limit: duration.optional() })
  .refine((gaps) => gaps.limit !== undefined || gaps.rule === "drop" || gaps.rule === "break", {
    error: "expected a limit: how long a gap may be filled",
  })
  .refine((gaps) => gaps.limit === undefined || gaps.rule !== "break", { error: "expected no limit with break: every gap breaks" });
export const unitsSchema = z.record(z.string(), z.string());

export type ResampleSpec = z.infer<typeof resampleSchema>;
export type GapsSpec = z.infer<typeof gapsSchema>;

export interface PrepareSpec {
  readonly units?: Readonly<Record<string, string>>;
  readonly resample?: ResampleSpec;
  readonly gaps?: GapsSpec;
}

export interface PreparedDataset extends Dataset {
  /** 1 where history starts anew before the row. */
  readonly restarts?: Uint8Array;
  /** Bit 1: the row was made by a gap rule (no answer may come from it). Bit 2: a value on it looks ahead (no window may end on it). */
  readonly filled?: Uint8Array;
  /** Inputs as they were read, missing values still missing: answers come from these. */
  readonly asRead?: Readonly<Record<string, Float64Array>>;
  /** How far back in time a filled value may have come from, in clock units. */
  readonly fillSpan?: number;
  /** Step of the readings as they came, before resampling. */
  readonly sourceStep?: Millis;
  /** Units of the number columns as they came. */
  readonly sourceUnits?: Readonly<Record<string, string>>;
}

/** Rows a data set may have after preparation. */
const rowLimit = 50_000_000;

/**
 * Converts units, resamples and fills gaps as a plan says. Errors: FILE_INVALID, DATA_INVALID, DATA_MISSING, DATA_EMPTY, LIMIT_EXCEEDED.
 *
 * @example
 * ```ts
 * import { prepareDataset } from "millwright/data";
 *
 * const heat = prepareDataset(dataset, { units: { heat: "K" } }).readings.columns[2];
 * heat.kind === "number" && heat.values[0]; // => 333.15
 * ```
 */
export function prepareDataset(dataset: Dataset, spec: PrepareSpec): PreparedDataset {
  checkOrder(dataset);
  const sourceUnits = Object.fromEntries(
    dataset.readings.columns.flatMap((c) => (c.kind === "number" && c.unit !== undefined ? [[c.name, c.unit] as const] : [])),
  );
  const origin = { sourceUnits, ...(dataset.step === undefined ? {} : { sourceStep: dataset.step }) };
  let prepared: PreparedDataset = { ...convert(dataset, spec.units ?? {}), ...origin };
  if (spec.resample !== undefined) prepared = resample(prepared, spec.resample, parseDuration(spec.resample.every, "resample.every"));
  prepared = fillGaps(prepared, spec.gaps, rowLimit);
  if (prepared.readings.rows === 0) fail("DATA_EMPTY", { where: `data set ${dataset.name}`, expected: "at least one row", got: "none" });
  return prepared;
}

/** The time between rows after preparation. */
export function preparedStep(dataset: Dataset, spec: PrepareSpec): Millis | undefined {
  return spec.resample === undefined ? dataset.step : parseDuration(spec.resample.every, "resample.every");
}

function convert(dataset: Dataset, wanted: Readonly<Record<string, string>>): Dataset {
  if (Object.keys(wanted).length === 0) return dataset;
  const columns = new Map<string, Column>();
  for (const [name, unit] of Object.entries(wanted)) {
    const column = numericColumn(dataset.readings, name, `units.${name}`);
    if (column.kind !== "number" || column.unit === undefined) {
      fail("FILE_INVALID", {
        where: `units.${name}`,
        expected: "a number column whose unit is known",
        got: "no unit",
        remedy: 'name the unit in the header, as in "Torque [Nm]"',
      });
    }
    columns.set(name, { ...column, unit, values: column.values.map(unitConversion(column.unit, unit, `units.${name}`)) });
  }
  return { ...dataset, readings: { ...dataset.readings, columns: dataset.readings.columns.map((c) => columns.get(c.name) ?? c) } };
}

/** Readings must lie machine by machine, each in ascending time without repeats. */
function checkOrder(dataset: Dataset): void {
  const rows = countUp(dataset.readings.rows);
  const seen = new Set<number>();
  const time = dataset.time === undefined ? undefined : numericColumn(dataset.readings, dataset.time, "data.time").values;
  const strict = dataset.machine !== undefined || dataset.step !== undefined;
  for (const run of machineRuns(dataset, rows)) {
    if (seen.has(run.machine)) {
      fail("DATA_INVALID", {
        where: `machine ${JSON.stringify(run.name)}`,
        expected: "the rows of a machine together",
        got: "rows in several places",
      });
    }
    seen.add(run.machine);
    if (time === undefined) continue;
    for (let i = run.from; i < run.to; i++) {
      if (Number.isNaN(time[i]))
        fail("DATA_INVALID", { where: `row ${i}, column ${dataset.time}`, expected: "a time", got: "a missing value" });
      if (i > run.from && strict && !(time[i] > time[i - 1])) {
        const got = time[i] === time[i - 1] ? `a second reading at ${time[i]}` : `${time[i]} after ${time[i - 1]}`;
        fail("DATA_INVALID", {
          where: `row ${i}, machine ${JSON.stringify(run.name)}`,
          expected: "readings in ascending time, one per moment",
          got,
        });
      }
    }
  }
}
