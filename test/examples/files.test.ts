/** Every federation file that a reader can copy, in examples/ and in the documents, goes through `plan` and is accepted. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { filesBelow, read, root } from "../shape/sources.js";
import { dataFolder } from "../support/data.js";

interface Printed {
  readonly name: string;
  readonly text: string;
  /** Where the file lies, for paths inside it; documents print files that would lie in examples. */
  readonly path?: string;
}

const examples: Printed[] = filesBelow("examples", /\.(ya?ml|json)$/)
  .filter((path) => /(^|\n)\s*"?federation"?\s*:/.test(read(path)))
  .map((path) => ({ name: path, text: read(path), path: join(root, path) }));

const documents = [...filesBelow(".", /\.md$/).filter((path) => !path.includes("/")), ...filesBelow("docs", /\.md$/)];
const printed: Printed[] = documents.flatMap((path) =>
  [...read(path).matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)]
    .filter((match) => (match[1] as string).startsWith("federation:"))
    .map((match, i) => ({ name: `${path}, block ${i + 1}`, text: match[1] as string })),
);

const scratch = mkdtempSync(join(tmpdir(), "millwright-plan-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Name of the data set a file needs on disk, or undefined for the simulated fleet. */
function needs(text: string): string | undefined {
  const name = /data:\s*(?:\{\s*)?\n?\s*use:\s*["']?([a-z0-9-]+)/.exec(text)?.[1] ?? /^data:\s*([a-z0-9-]+)\s*$/m.exec(text)?.[1];
  return name === "fleet" ? undefined : name;
}

function plan(file: Printed): void {
  const path = file.path ?? join(scratch, `${file.name.replace(/[^a-z0-9]+/gi, "-")}.yaml`);
  if (file.path === undefined) writeFileSync(path, file.text);
  const done = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), "plan", path, "--json"], { cwd: root, encoding: "utf8" });
  expect(done.status, `${done.stdout}\n${done.stderr}`).toBe(0);
  const described = JSON.parse(done.stdout) as unknown;
  expect(described).toBeTypeOf("object");
}

const all = [...examples, ...printed];
const simulated = all.filter((file) => needs(file.text) === undefined);
const real = all.filter((file) => needs(file.text) !== undefined);

it("finds the built-in example", () => {
  expect(examples.map((file) => file.name)).toContain("examples/fleet.yaml");
});

describe("files on simulated data", () => {
  it.each(simulated)("$name", { timeout: 60_000 }, plan);
});

describe.skipIf(dataFolder() === undefined)("files on real data (needs MILLWRIGHT_DATA: millwright data fetch NAME)", () => {
  it.each(real)("$name", { timeout: 60_000 }, plan);
});
