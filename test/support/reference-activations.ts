/** Pointwise functions of the oracle, from their definitions, with the platform's Math (this is not part of the product). */

export function activate(use: string, v: number): number {
  switch (use) {
    case "relu":
      return Math.max(0, v);
    case "sigmoid":
      return 1 / (1 + Math.exp(-v));
    case "tanh":
      return Math.tanh(v);
    case "gelu":
      return 0.5 * v * (1 + erf(v / Math.SQRT2));
    default:
      throw new Error(`no activation called ${use}`);
  }
}

export function softmaxRows(x: Float64Array, width: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    const values = x.subarray(row, row + width);
    const top = Math.max(...values);
    const total = values.reduce((sum, v) => sum + Math.exp(v - top), 0);
    for (let i = 0; i < width; i++) out[row + i] = Math.exp(values[i] - top) / total;
  }
  return out;
}

/** erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!: every term has the same sign, so nothing cancels. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
