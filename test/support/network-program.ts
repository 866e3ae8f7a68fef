/**
 * The program that a kit runs: a copy of dist/ with a package.json of its own, so that a build in the meantime changes nothing under a
 * running federation, and one federation can run two versions. It lies inside the project, where Node finds the dependencies.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Program {
  readonly main: string;
  readonly version: string;
  readonly remove: () => void;
}

/** Needs dist/. `version`: what the copy says it is, default as it is. */
export function copyProgram(root: string, version?: string): Program {
  mkdirSync(join(root, "out"), { recursive: true });
  const folder = mkdtempSync(join(root, "out", "network-program-"));
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true, filter: (path) => !/\.(d\.ts|map)$|edge\.mjs$/.test(path) });
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...own, version: version ?? own.version }));
  return {
    main: join(folder, "dist/cli/main.js"),
    version: version ?? own.version,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A verb that ends by itself. */
export function runProgram(main: string, args: readonly string[], cwd: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}
