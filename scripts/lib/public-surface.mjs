/**
 * What the package makes public, read from the built declarations: every exported name of every entry with its signature and its docstring,
 * and the examples in docstrings. The documentation is written from it, and a test compiles and runs the examples.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

const printer = ts.createPrinter({ removeComments: false });
/** Types derived from a schema can be longer than anybody reads; then the name of the schema stands in their place. */
const longestType = 2000;

/** Entries of package.json "exports" that have declarations. Built ones only. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === "object" && existsSync(join(root, target.types)))
    .map(([path, target]) => ({
      name: path === "." ? "index" : path.slice(2),
      specifier: path === "." ? "millwright" : `millwright/${path.slice(2)}`,
      types: join(root, target.types),
      source: join(root, target.types.replace("/dist/", "/src/").replace(/\.d\.ts$/, ".ts")),
    }));
}

/** The text of a docstring without its stars. */
function plain(comment) {
  return comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim();
}

/** Fenced code in Markdown, with the word behind the language. */
export function fences(markdown, languages = ["ts"]) {
  const pattern = /^([ \t]*)```(\w+)[ \t]*(\S*)[ \t]*\n([\s\S]*?)^[ \t]*```[ \t]*$/gm;
  return [...markdown.matchAll(pattern)]
    .filter((match) => languages.includes(match[2]))
    .map((match) => ({ language: match[2], note: match[3], code: match[4], line: markdown.slice(0, match.index).split("\n").length }));
}

/** The signature as it stands in the declarations, with the comments of members and without the docstring of the whole. */
function signature(checker, target) {
  const parts = (target.declarations ?? []).map((declaration) => {
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    const file = node.getSourceFile();
    const text = node
      .getText(file)
      .replace(/^export /, "")
      .replace(/^declare /, "");
    if (ts.isTypeAliasDeclaration(declaration) && /\bz\.(infer|output)</.test(text)) {
      const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.MultilineObjectLiterals;
      const whole = printed(`type ${target.name} = ${checker.typeToString(checker.getTypeAtLocation(declaration), declaration, flags)}`);
      return whole.length > longestType ? text : whole;
    }
    if (ts.isVariableDeclaration(declaration) && /: z\.Zod|: import\("zod"\)/.test(text)) return `const ${target.name}: ZodType; // of zod`;
    return printed(text);
  });
  return parts.sort().join("\n");
}

function printed(text) {
  const file = ts.createSourceFile("signature.d.ts", text, ts.ScriptTarget.ES2023, true);
  return printer.printFile(file).trim();
}

function describe(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declaration = target.declarations[0];
  const tags = target.getJsDocTags(checker).map((tag) => ({ name: tag.name, text: ts.displayPartsToString(tag.text).trim() }));
  const file = relative(root, declaration.getSourceFile().fileName)
    .replace(/^dist/, "src")
    .replace(/\.d\.ts$/, ".ts");
  return {
    name: symbol.name,
    kind: kindOf(declaration),
    doc: ts.displayPartsToString(target.getDocumentationComment(checker)).trim(),
    examples: tags.filter((tag) => tag.name === "example").flatMap((tag) => fences(tag.text)),
    signature: signature(checker, target),
    file: file.replaceAll("\\", "/"),
  };
}

function kindOf(declaration) {
  if (ts.isFunctionDeclaration(declaration)) return "function";
  if (ts.isClassDeclaration(declaration)) return "class";
  return ts.isVariableDeclaration(declaration) ? "value" : "type";
}

/**
 * One record per entry: `name`, `specifier`, `doc` (its header), `given` (the code in its header, which examples start from) and `symbols`
 * sorted by name.
 */
export function publicSurface() {
  const found = entries();
  const program = ts.createProgram(
    found.map(({ types }) => types),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      skipLibCheck: true,
      strict: true,
      types: ["node"],
    },
  );
  const checker = program.getTypeChecker();
  return found.map(({ name, specifier, types, source }) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(types));
    const header = plain(/^\/\*\*[\s\S]*?\*\//.exec(readFileSync(source, "utf8"))?.[0] ?? "");
    const symbols = checker.getExportsOfModule(module).map((symbol) => describe(checker, symbol));
    symbols.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return {
      name,
      specifier,
      doc: header,
      given: fences(header)
        .map(({ code }) => code)
        .join("\n"),
      symbols,
    };
  });
}
