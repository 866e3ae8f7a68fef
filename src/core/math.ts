/**
 * The functions of analysis, bit for bit the same on every machine. JavaScript leaves the results of Math.exp and its
 * relatives to each engine; these use only + - * /, square roots and operations on whole numbers, whose results
 * IEEE 754 fixes. Special values are those of JavaScript's Math.
 *
 * Not correctly rounded: see each file for its error. Not constant-time: nothing secret may pass through here.
 */
export { erf, erfc } from "./math-erf.js";
export { exp, expm1, sigmoid, tanh } from "./math-exp.js";
export { lgamma } from "./math-gamma.js";
export { log, log1p, log2, log10 } from "./math-log.js";
export { normalCdf, normalQuantile } from "./math-normal.js";
export { pow } from "./math-pow.js";
export { cos, sin, tan } from "./math-trig.js";
