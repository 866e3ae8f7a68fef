/** The planted bugs of test/lab/faults/bugs.ts for scripts: types stripped, imports pointed to the build. They are no part of the package. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

export async function plantedBugs() {
  const source = readFileSync(join(root, "test/lab/faults/bugs.ts"), "utf8");
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(source, { compilerOptions: options });
  const dist = pathToFileURL(join(root, "dist")).href;
  const folder = mkdtempSync(join(tmpdir(), "millwright-bugs-"));
  try {
    const file = join(folder, "bugs.mjs");
    writeFileSync(file, outputText.replaceAll("../../../src", dist));
    return (await import(pathToFileURL(file).href)).bugs;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
