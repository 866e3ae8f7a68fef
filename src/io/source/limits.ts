/** Limits of reading a table. Every one can be set; none can be switched off. */

export interface ReadLimits {
  /** Bytes of a file after decompression. */
  readonly bytes: number;
  readonly rows: number;
  readonly columns: number;
  /** Rows times columns that are kept. */
  readonly cells: number;
  /** Characters of one cell. */
  readonly cell: number;
  /** Different labels of one category. */
  readonly labels: number;
  /** Files of a folder. */
  readonly files: number;
}

export const readLimits: ReadLimits = {
  bytes: 8_589_934_592,
  rows: 50_000_000,
  columns: 4096,
  cells: 200_000_000,
  cell: 65_536,
  labels: 100_000,
  files: 10_000,
};
