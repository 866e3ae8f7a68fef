/** Values that a plant writes in its files: rates of a link, sizes, names. */
import { z } from "zod";
import { fail } from "../core/errors.js";

/** Name of a site, a node or a federation. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "a name of lower-case letters, digits, dots, dashes and underscores");

export const durationText = z.string().regex(/^\d+(\.\d+)?\s*(ms|s|min|h|d|w)$/, 'a duration with a unit, such as "90d" or "15min"');
export const sizeSchema = z.string().regex(/^\d+(\.\d+)?\s*(kB|MB|GB|B)$/, 'a size with a unit, such as "20MB"');
export const rateSchema = z.string().regex(/^\d+(\.\d+)?\s*[kMG]?bit\/s$/, 'a rate with a unit, such as "2Mbit/s"');

const sizes: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
const rates: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** Bytes of a size such as "20MB" (decimal units). Errors: FILE_INVALID. */
export function parseSize(text: string, where: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(kB|MB|GB|B)$/.exec(text.trim());
  if (match === null) fail("FILE_INVALID", { where, expected: 'a size with a unit, such as "20MB"', got: JSON.stringify(text) });
  return Math.floor(Number(match[1]) * sizes[match[2]]);
}

/** Bytes per second of a rate such as "2Mbit/s". Errors: FILE_INVALID. */
export function parseRate(text: string, where: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kMG]?)bit\/s$/.exec(text.trim());
  if (match === null || Number(match[1]) === 0)
    fail("FILE_INVALID", { where, expected: 'a rate above 0 with a unit, such as "2Mbit/s"', got: JSON.stringify(text) });
  return (Number(match[1]) * rates[match[2]]) / 8;
}
