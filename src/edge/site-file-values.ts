/** Values that a plant writes in its files: names, durations, sizes, bandwidths. */
import { z } from "zod";
import { parseBandwidth } from "../core/bucket.js";
import { fail } from "../core/errors.js";

/** Name of a site, a node or a federation. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "a name of lower-case letters, digits, dots, dashes and underscores");

export const durationText = z.string().regex(/^\d+(\.\d+)?\s*(ms|s|min|h|d|w)$/, 'a duration with a unit, such as "90d" or "15min"');
export const sizeSchema = z.string().regex(/^\d+(\.\d+)?\s*(kB|MB|GB|B)$/, 'a size with a unit, such as "20MB"');
export const bandwidthSchema = z
  .string()
  .refine((text) => parseBandwidth(text) !== undefined, 'a bandwidth with a unit, such as "2Mbit/s" or "500 kB/s"');

const sizes: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** Bytes of a size such as "20MB" (decimal units). Errors: FILE_INVALID. */
export function parseSize(text: string, where: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(kB|MB|GB|B)$/.exec(text.trim());
  if (match === null) fail("FILE_INVALID", { where, expected: 'a size with a unit, such as "20MB"', got: JSON.stringify(text) });
  return Math.floor(Number(match[1]) * sizes[match[2]]);
}
