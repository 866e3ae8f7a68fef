/** Columns of values, the form in which data enters Millwright whatever file or feed it came from. */

/** One column: its name, its kind, and one value per row. */
export type Column =
  /** NaN marks a missing value. `unit` as in UCUM where known: "bar", "kPa", "Cel", "r/min". */
  | { readonly name: string; readonly kind: "number"; readonly unit?: string; readonly values: Float64Array }
  /** Milliseconds since 1970-01-01T00:00Z; NaN marks a missing value. */
  | { readonly name: string; readonly kind: "time"; readonly values: Float64Array }
  /** codes[i] is an index into labels, or -1 where the value is missing. */
  | { readonly name: string; readonly kind: "category"; readonly codes: Int32Array; readonly labels: readonly string[] }
  /** One array of fixed shape per row (an image), row-major, channels last. */
  | { readonly name: string; readonly kind: "tensor"; readonly shape: readonly number[]; readonly values: Float32Array };

/** A column of numbers; NaN marks a missing value. */
export type NumberColumn = Extract<Column, { kind: "number" }>;
/** A column of moments in milliseconds since 1970-01-01T00:00Z; NaN marks a missing value. */
export type TimeColumn = Extract<Column, { kind: "time" }>;
/** A column of labels; code -1 marks a missing value. */
export type CategoryColumn = Extract<Column, { kind: "category" }>;
/** A column of arrays of one shape, such as images. */
export type TensorColumn = Extract<Column, { kind: "tensor" }>;

/** Columns of equal length. */
export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
}
