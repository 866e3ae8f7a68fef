/** Where the real data sets lie, or undefined on a machine without them. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export function dataFolder(name?: string): string | undefined {
  const root = process.env.MILLWRIGHT_DATA;
  if (root === undefined || root === "") return undefined;
  const folder = name === undefined ? root : join(root, name);
  return existsSync(folder) ? folder : undefined;
}
