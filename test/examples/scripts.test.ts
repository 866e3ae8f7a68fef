/** Every script in examples/ that uses the library runs to its end; modules that a federation file names run through that file. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { filesBelow, read, root } from "../shape/sources.js";

const modules = filesBelow("examples", /\.mjs$/);
/** A script uses the library itself; a module exports something for a federation file. */
const isScript = (path: string): boolean => /from "millwright/.test(read(path));
const scripts = modules.filter(isScript);
const federations = filesBelow("examples", /\.ya?ml$/).filter((path) => /use:\s*\.\/[\w-]+\.m?js/.test(read(path)));

const scratch = mkdtempSync(join(tmpdir(), "millwright-examples-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function run(args: readonly string[]): string {
  const done = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 170_000 });
  expect(done.status, `${done.stdout}\n${done.stderr}`).toBe(0);
  return done.stdout;
}

it("every module is a script or named by a federation file", () => {
  const named = federations.flatMap((path) =>
    [...read(path).matchAll(/use:\s*\.\/([\w-]+\.m?js)/g)].map((match) => `${dirname(path)}/${match[1]}`),
  );
  expect(modules.filter((path) => !isScript(path) && !named.includes(path))).toEqual([]);
});

it.each(scripts)("%s", { timeout: 180_000 }, (path) => {
  expect(run([path]).trim()).not.toBe("");
});

it.each(federations)("%s", { timeout: 180_000 }, (path) => {
  const name = path.replace(/\W+/g, "-");
  run(["dist/cli/main.js", "simulate", path, "--quiet", "--out", join(scratch, name), "--json", join(scratch, `${name}.json`)]);
});
