/**
 * Documentation that cannot lie: every public name has a docstring, every public function an example; all examples are compiled as a user's
 * strict TypeScript against the built package, run, and held to the values they claim. Code in documents is compiled.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// @ts-expect-error a plain script without declarations
import { moduleOf as moduleOfScript } from "../../scripts/lib/examples.mjs";
// @ts-expect-error a plain script without declarations
import { fences as fencesOfScript, publicSurface } from "../../scripts/lib/public-surface.mjs";
import { root } from "../shape/sources.js";

interface Fence {
  readonly note: string;
  readonly code: string;
  readonly line: number;
}
interface Entry {
  readonly specifier: string;
  readonly name: string;
  readonly doc: string;
  readonly given: string;
  readonly symbols: readonly { name: string; kind: string; doc: string; examples: readonly Fence[]; signature: string }[];
}
const fences = fencesOfScript as (markdown: string, languages: readonly string[]) => Fence[];
const moduleOf = moduleOfScript as (given: string, code: string) => { text: string; claims: number };

const entries = publicSurface() as readonly Entry[];
const examples = entries.flatMap((entry) =>
  entry.symbols.flatMap(({ name, examples }) =>
    examples.map(({ code }, i) => ({ name: `${entry.name}-${name}-${i + 1}`, ...moduleOf(entry.given, code) })),
  ),
);
const documents = ["README.md", "CONTRIBUTING.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)]
  .filter((path) => path.endsWith(".md"))
  .flatMap((path) => fences(readFileSync(join(root, path), "utf8"), ["ts", "js"]).map((fence) => ({ path, ...fence })));

describe.each(entries)("$specifier", ({ doc, symbols }) => {
  it("says what it is, and so does every name", () => {
    expect(doc.length).toBeGreaterThan(40);
    expect(symbols.filter((symbol) => symbol.doc.length < 15).map(({ name }) => name)).toEqual([]);
  });

  it("shows every function at work", () => {
    const functions = symbols.filter(({ kind, signature }) => kind === "function" || /^const \w+: \([^)]*\) =>/.test(signature));
    expect(functions.length).toBeGreaterThan(5);
    expect(functions.filter((symbol) => symbol.examples.length === 0).map(({ name }) => name)).toEqual([]);
  });
});

describe("examples", () => {
  let folder: string;
  beforeAll(() => {
    // Inside the package, so that its own name resolves as it does for a user.
    mkdirSync(join(root, "out"), { recursive: true });
    folder = mkdtempSync(join(root, "out", "examples-"));
    for (const { name, text } of examples) writeFileSync(join(folder, `${name}.ts`), text);
    documents.forEach(({ code }, i) => {
      writeFileSync(join(folder, `document-${i}.ts`), `${code}\nexport {};\n`);
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("claim values", () => {
    expect(examples.length).toBeGreaterThan(30);
    expect(examples.reduce((sum, { claims }) => sum + claims, 0)).toBeGreaterThan(30);
  });

  it("stand on the pages that npm run docs writes", () => {
    const pages = join(folder, "pages");
    const done = spawnSync(process.execPath, [join(root, "scripts/docs.mjs"), pages], { encoding: "utf8", timeout: 55_000 });
    expect(done.status, done.stderr).toBe(0);
    for (const { name, symbols } of entries) {
      const page = readFileSync(join(pages, `${name}.md`), "utf8");
      expect(symbols.filter((symbol) => !page.includes(`### ${symbol.name}\n\n${symbol.doc}\n`)).map((symbol) => symbol.name)).toEqual([]);
      for (const { code } of symbols.flatMap((symbol) => symbol.examples)) expect(page).toContain(code.trimEnd());
    }
  });

  it("compile, as do the programs in documents", () => {
    expect(documents.length).toBeGreaterThan(0);
    const names = readdirSync(folder).filter((name) => name.endsWith(".ts"));
    const program = ts.createProgram(
      names.map((name) => join(folder, name)),
      {
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        target: ts.ScriptTarget.ES2023,
        types: ["node"],
        strict: true,
        skipLibCheck: true,
        noEmit: true,
      },
    );
    const faults = names.flatMap((name) => {
      const source = program.getSourceFile(join(folder, name));
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText }) =>
          `${name.startsWith("document") ? documents[Number(/\d+/.exec(name))].path : name}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
      );
    });
    expect(faults).toEqual([]);
  });

  it("run, and give what they claim", () => {
    for (const { name, text } of examples) {
      const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
      writeFileSync(join(folder, `${name}.mjs`), ts.transpileModule(text, { compilerOptions: options }).outputText);
    }
    const driver = [
      "const say = console.log; console.log = () => {};",
      "const failed = [];",
      ...examples.map(({ name }) => `await import("./${name}.mjs").catch((error) => failed.push("${name}: " + error.message));`),
      "say(JSON.stringify(failed));",
    ];
    writeFileSync(join(folder, "all.mjs"), driver.join("\n"));
    const done = spawnSync(process.execPath, [join(folder, "all.mjs")], { encoding: "utf8", cwd: root, timeout: 55_000 });
    expect(done.status, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toEqual([]);
  });
});
