/** Reading numbers and paths from flags. */
import { isAbsolute, join, relative } from "node:path";
import { fail } from "../../core/errors.js";
import type { Context } from "../context.js";

/** A parser of a whole number within limits, for commander's options. Errors: USAGE. */
export function wholeNumber(flag: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < low || value > high) {
      fail("USAGE", { where: flag, expected: `a whole number from ${low} to ${high}`, got: JSON.stringify(text) });
    }
    return value;
  };
}

export const resolvePath = (context: Context, path: string): string => (isAbsolute(path) ? path : join(context.cwd, path));

/** A path as the reader would type it: relative where that is shorter and stays below the folder. */
export function shownPath(context: Context, path: string): string {
  const short = relative(context.cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}
