/** Numbers of rows as plain loops: iterating typed arrays through `from` costs twenty times as much on large tables. */

/** 0 .. count-1. */
export function countUp(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let i = 0; i < count; i++) rows[i] = i;
  return rows;
}

/** values[rows[i]] for every i. */
export function gathered(values: Float64Array, rows: ArrayLike<number>): Float64Array {
  const out = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]];
  return out;
}

/** codes[rows[i]] for every i. */
export function gatheredCodes(codes: Int32Array, rows: ArrayLike<number>): Int32Array {
  const out = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = codes[rows[i]];
  return out;
}

/** Labels of rows or windows: of(i) for every i below count. */
export function bytes(count: number, of: (i: number) => number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = of(i);
  return out;
}
