/** Units of measurement: conversion between those of one kind. Codes follow UCUM ("bar", "kPa", "Cel", "r/min"). */
import { fail } from "../core/errors.js";

/** value in base unit = value * factor + offset. */
interface Unit {
  readonly kind: string;
  readonly factor: number;
  readonly offset?: number;
}

const units: Readonly<Record<string, Unit>> = {
  Pa: { kind: "pressure", factor: 1 },
  hPa: { kind: "pressure", factor: 100 },
  kPa: { kind: "pressure", factor: 1000 },
  MPa: { kind: "pressure", factor: 1_000_000 },
  mbar: { kind: "pressure", factor: 100 },
  bar: { kind: "pressure", factor: 100_000 },
  "[psi]": { kind: "pressure", factor: 6894.757293168361 },
  K: { kind: "temperature", factor: 1 },
  Cel: { kind: "temperature", factor: 1, offset: 273.15 },
  "[degF]": { kind: "temperature", factor: 5 / 9, offset: 459.67 * (5 / 9) },
  "r/min": { kind: "frequency", factor: 1 / 60 },
  Hz: { kind: "frequency", factor: 1 },
  kHz: { kind: "frequency", factor: 1000 },
  mm: { kind: "length", factor: 0.001 },
  cm: { kind: "length", factor: 0.01 },
  m: { kind: "length", factor: 1 },
  km: { kind: "length", factor: 1000 },
  "mm/s": { kind: "velocity", factor: 0.001 },
  "m/s": { kind: "velocity", factor: 1 },
  "km/h": { kind: "velocity", factor: 1 / 3.6 },
  g: { kind: "mass", factor: 0.001 },
  kg: { kind: "mass", factor: 1 },
  t: { kind: "mass", factor: 1000 },
  W: { kind: "power", factor: 1 },
  kW: { kind: "power", factor: 1000 },
  MW: { kind: "power", factor: 1_000_000 },
  Wh: { kind: "energy", factor: 3600 },
  kWh: { kind: "energy", factor: 3_600_000 },
  J: { kind: "energy", factor: 1 },
  kJ: { kind: "energy", factor: 1000 },
  mA: { kind: "current", factor: 0.001 },
  A: { kind: "current", factor: 1 },
  mV: { kind: "voltage", factor: 0.001 },
  V: { kind: "voltage", factor: 1 },
  kV: { kind: "voltage", factor: 1000 },
  "N.m": { kind: "torque", factor: 1 },
  "kN.m": { kind: "torque", factor: 1000 },
  "L/min": { kind: "flow", factor: 1 / 60_000 },
  "L/s": { kind: "flow", factor: 0.001 },
  "m3/h": { kind: "flow", factor: 1 / 3600 },
  ms: { kind: "time", factor: 0.001 },
  s: { kind: "time", factor: 1 },
  min: { kind: "time", factor: 60 },
  h: { kind: "time", factor: 3600 },
  "%": { kind: "ratio", factor: 0.01 },
  "1": { kind: "ratio", factor: 1 },
};

/** Spellings met in the headers of tables. */
const spellings: Readonly<Record<string, string>> = {
  C: "Cel",
  "°C": "Cel",
  degC: "Cel",
  F: "[degF]",
  "°F": "[degF]",
  psi: "[psi]",
  rpm: "r/min",
  Nm: "N.m",
  l: "L",
  "l/min": "L/min",
  "l/s": "L/s",
  "m³/h": "m3/h",
};

const resolve = (code: string): Unit | undefined => units[spellings[code] ?? code];

/** Whether a unit can be converted at all. */
export const knownUnit = (code: string): boolean => resolve(code) !== undefined;

/**
 * A function from values in one unit (UCUM, or a spelling met in tables) to values in another. `where` names the place in messages.
 * Errors: FILE_INVALID for unknown units or another kind.
 *
 * @example
 * ```ts
 * import { unitConversion } from "millwright/data";
 *
 * unitConversion("bar", "kPa", "units.pressure")(2); // => 200
 * ```
 */
export function unitConversion(from: string, to: string, where: string): (value: number) => number {
  if ((spellings[from] ?? from) === (spellings[to] ?? to)) return (value) => value;
  const a = resolve(from);
  const b = resolve(to);
  if (a === undefined || b === undefined) {
    fail("FILE_INVALID", {
      where,
      expected: `a known unit (${Object.keys(units).join(", ")})`,
      got: JSON.stringify(a === undefined ? from : to),
    });
  }
  if (a.kind !== b.kind) fail("FILE_INVALID", { where, expected: `a unit of ${a.kind}, as ${from}`, got: `${to} (${b.kind})` });
  return (value) => (value * a.factor + (a.offset ?? 0) - (b.offset ?? 0)) / b.factor;
}
