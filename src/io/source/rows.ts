/**
 * The port every table reader implements: named columns and a stream of batches of rows. CSV, Parquet and DuckDB stand
 * behind it, and a folder of files is one source too, so that inference and reading are written once.
 */
import type { Cell } from "../../data/schema-text.js";

export interface RowSource {
  /** For messages: the path as the user wrote it. */
  readonly label: string;
  readonly columns: readonly string[];
  /** Decimal mark of numbers that arrive as text. */
  readonly decimal: "." | ",";
  /**
   * Rows from the start, in batches, with the cells of `columns` in the order asked. Starting twice reads twice.
   * Errors: FILE_UNREADABLE, DATA_INVALID (ragged rows, bad quotes), LIMIT_EXCEEDED, DATA_MISSING (unknown column).
   */
  read(columns: readonly string[]): AsyncIterable<RowBatch>;
}

export interface RowBatch {
  readonly rows: readonly (readonly Cell[])[];
  /** Place of row i of the batch, for faults: "my.csv, row 12". */
  where(i: number): string;
}
