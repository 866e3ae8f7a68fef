/** The network kit of the tests (test/support/network*.ts), for proofs that run it without vitest and without sources: its types are stripped, nothing else. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const support = join(root, "test/support");

export async function loadKit() {
  const { default: ts } = await import("typescript");
  mkdirSync(join(root, "out"), { recursive: true });
  const folder = mkdtempSync(join(root, "out", "network-kit-"));
  const files = ["network", "network-checks", "network-kills", "network-process", "network-program", "network-proxy"].map(
    (name) => `${name}.ts`,
  );
  for (const name of files) {
    const { outputText } = ts.transpileModule(readFileSync(join(support, name), "utf8"), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(join(folder, name.replace(/ts$/, "js")), outputText);
  }
  const parts = await Promise.all(files.map((name) => import(pathToFileURL(join(folder, name.replace(/ts$/, "js"))).href)));
  // What is loaded needs no file.
  rmSync(folder, { recursive: true });
  return Object.assign({}, ...parts);
}
