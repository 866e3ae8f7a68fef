/** The record's code as JavaScript in a temporary folder, for processes of their own that are killed: they must not need a build. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Writes it below `folder` and returns the module that opens a record. */
export function compileRecord(folder: string): string {
  for (const room of ["core", "io/record"]) {
    mkdirSync(join(folder, room), { recursive: true });
    for (const file of readdirSync(join(root, "src", room)).filter((name) => name.endsWith(".ts"))) {
      const { outputText } = ts.transpileModule(readFileSync(join(root, "src", room, file), "utf8"), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
      });
      writeFileSync(join(folder, room, file.replace(/ts$/, "js")), outputText);
    }
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return join(folder, "io/record/open.js");
}
