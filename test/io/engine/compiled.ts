/** The sources as JavaScript in a temporary folder, for worker processes that are killed: they must not need a build. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { filesBelow, root } from "../../shape/sources.js";

const rooms = ["core", "kernels", "model", "data", "training", "evaluation", "aggregation", "wire", "round", "io", "coordinator", "edge"];

/** Writes them below `folder`. */
export function compileSources(folder: string): void {
  const files = [...rooms.flatMap((room) => filesBelow(`src/${room}`, /\.ts$/)), "src/kernels/binary.ts"];
  for (const file of new Set(files)) {
    const { outputText } = ts.transpileModule(readFileSync(join(root, file), "utf8"), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
    });
    const path = join(folder, file.slice("src/".length).replace(/ts$/, "js"));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, outputText);
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}
