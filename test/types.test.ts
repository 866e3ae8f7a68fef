/**
 * What the types refuse. Each line of test/types marked with ts-expect-error must be refused by the compiler, each other line
 * must be accepted: the compiler reports both a wrong line that passes and a right line that fails.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "test/types");
const names = readdirSync(folder).filter((name) => name.endsWith(".ts"));

function compile(files: readonly string[]): readonly ts.Diagnostic[] {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const program = ts.createProgram([...files], { ...options, rootDir: root, noEmit: true });
  return files.flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
}

const faults = compile(names.map((name) => join(folder, name))).map((fault) => {
  const line = fault.file?.getLineAndCharacterOfPosition(fault.start ?? 0).line ?? 0;
  return { file: fault.file?.fileName ?? "", text: `line ${line + 1}: ${ts.flattenDiagnosticMessageText(fault.messageText, " ")}` };
});

it("there are refusals to check", () => {
  expect(names.length).toBeGreaterThan(2);
});

it.each(names)("%s", (name) => {
  const text = readFileSync(join(folder, name), "utf8");
  expect(text.match(/@ts-expect-error \S+/g)?.length ?? 0, "each refusal says why").toBeGreaterThan(2);
  expect(text.match(/@ts-expect-error\s*$/gm)).toBeNull();
  expect(faults.filter((fault) => fault.file.endsWith(`/test/types/${name}`)).map((fault) => fault.text)).toEqual([]);
});
