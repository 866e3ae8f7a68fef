/**
 * A data set with its roles told: which column names the machine, which the time, what can be predicted.
 * Loaders of named data sets, the fleet and `init` on a user's own table all produce this.
 */
import type { Millis } from "../core/quantities.js";
import type { Table } from "./table.js";

/** A table of readings with its roles told: which column names the machine, which the time, what may be seen and what is asked. */
export interface Dataset {
  readonly name: string;
  /** One line for people: what it is, where from, and whether it is simulated. */
  readonly description: string;
  /** One row per reading of a machine, or per item where there is no time. Sorted by machine, then time. */
  readonly readings: Table;
  /** Category column that names the machine. Without it every row stands alone (a tabular task). */
  readonly machine?: string;
  /** Time or number column that orders the readings of a machine (a clock or a cycle count). */
  readonly time?: string;
  /** Time between two readings where the clock is regular; undefined for cycles and tables without time. */
  readonly step?: Millis;
  /** The columns a model may see, in order. */
  readonly inputs: readonly string[];
  /**
   * Events such as component failures: columns `machine` (category), `time` (same clock as the readings), `kind` (category).
   * The remaining useful life of a reading is the time to its machine's next event.
   */
  readonly events?: Table;
  /** Column with the answer for tasks that do not derive it from events: class, anomaly flag, or value. */
  readonly target?: string;
  /** Category column with labels "train" / "validation" / "test" where the data set comes with a fixed split. */
  readonly split?: string;
  /** Rules that need more than a column to say them, in words, for `data inspect` and the report. */
  readonly notes?: readonly string[];
}

/** Examples ready for the engine, with what is needed to judge and to protect them. One site and one split. */
export interface Examples {
  readonly count: number;
  /** By input name: "sequence" ([length, width] windows or images) and/or "statistics" ([width] vectors, length 1). */
  readonly inputs: Readonly<Record<string, ExampleInput>>;
  /** count x targetWidth. 0/1 for failure and anomaly, RUL divided by the cap, class number, scaled value. */
  readonly targets: Float32Array;
  readonly targetWidth: number;
  /** Category code of the machine of each example, and its clock at the last row (for metrics and the record). */
  readonly machines: Int32Array;
  readonly times: Float64Array;
  /** Privacy units read by example i (machine-days): unitIds[unitOffsets[i] .. unitOffsets[i+1]). */
  readonly unitOffsets: Int32Array;
  readonly unitIds: Int32Array;
  /** Regression only: how outputs become answers, and the true answers (RUL uncapped, in rows; values in their unit). */
  readonly answers?: Answers;
  /** Anomaly only: the flag of every row of the "sequence" rows (1 anomalous, 0 normal, 255 unknown). */
  readonly flags?: Uint8Array;
}

/** Answer of example i = output * scale + offset (+ bases[i] where the model predicts a difference). */
export interface Answers {
  readonly values: Float64Array;
  readonly scale: number;
  readonly offset: number;
  readonly bases?: Float64Array;
}

/** One input of all examples: example i reads `length` rows of `width` values from row starts[i]; overlapping windows share rows. */
export interface ExampleInput {
  readonly rows: Float32Array;
  readonly width: number;
  readonly starts: Int32Array;
  readonly length: number;
  /** Shape per example as the model sees it, channels last: [length, width], [width] or [H, W, C]. */
  readonly shape: readonly number[];
  /** Name of each value of a row. */
  readonly names: readonly string[];
}
