/**
 * The standard normal distribution: its cumulative probability, and the quantile by Wichura's algorithm AS 241 (PPND16,
 * Applied Statistics 37, 1988), whose relative error is about 1e-16.
 */
import { erfc } from "./math-erf.js";
import { log } from "./math-log.js";

const inverseSqrt2 = Math.SQRT1_2;

/** P(X <= x). For x below -38 the probability is not representable and 0 is returned. */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x * inverseSqrt2);
}

/** (c0 + c1 z + ...) */
function polynomial(z: number, c: readonly number[]): number {
  let sum = c[c.length - 1];
  for (let i = c.length - 2; i >= 0; i--) sum = c[i] + z * sum;
  return sum;
}

const centreTop = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087, 33430.57558358813,
  2509.0809287301227,
];
const centreBottom = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943, 5226.495278852854,
];
const middleTop = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
  0.022723844989269184, 0.0007745450142783414,
];
const middleBottom = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457, 0.0005475938084995345,
  1.0507500716444169e-9,
];
const tailTop = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124, 0.0012426609473880784,
  0.000027115555687434876, 2.0103343992922881e-7,
];
const tailBottom = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 0.000018463183175100548, 1.421511758316446e-7,
  2.0442631033899397e-15,
];

/** x with P(X <= x) = p. -Infinity at 0, Infinity at 1, NaN outside [0, 1]. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return NaN;
  if (p === 0) return -Infinity;
  if (p === 1) return Infinity;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const z = 0.180625 - q * q;
    return (q * polynomial(z, centreTop)) / polynomial(z, centreBottom);
  }
  const depth = Math.sqrt(-log(q < 0 ? p : 1 - p));
  const size =
    depth <= 5
      ? polynomial(depth - 1.6, middleTop) / polynomial(depth - 1.6, middleBottom)
      : polynomial(depth - 5, tailTop) / polynomial(depth - 5, tailBottom);
  return q < 0 ? -size : size;
}
