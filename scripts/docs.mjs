/**
 * Writes the API documentation to docs/api (not committed): one page per public entry, from the docstrings of what it exports.
 *
 *   node scripts/docs.mjs [folder]
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { publicSurface, root } from "./lib/public-surface.mjs";

const folder = process.argv[2] === undefined ? join(root, "docs", "api") : resolve(process.argv[2]);
const kinds = [
  ["function", "Functions"],
  ["class", "Classes"],
  ["value", "Values"],
  ["type", "Types"],
];
const anchor = (name) => name.toLowerCase().replace(/[^a-z0-9_-]/g, "");

function section(symbol) {
  const source = relative(folder, join(root, symbol.file)).replaceAll("\\", "/");
  const lines = [`### ${symbol.name}`, "", symbol.doc, "", "```ts", symbol.signature, "```", ""];
  for (const { code } of symbol.examples) lines.push("Example:", "", "```ts", code.trimEnd(), "```", "");
  return [...lines, `[${symbol.file}](${source})`, ""].join("\n");
}

function page(entry) {
  const lines = [`# \`${entry.specifier}\``, "", entry.doc, ""];
  for (const [kind, title] of kinds) {
    const symbols = entry.symbols.filter((symbol) => symbol.kind === kind);
    if (symbols.length === 0) continue;
    lines.push(`## ${title}`, "", symbols.map(({ name }) => `[${name}](#${anchor(name)})`).join(" · "), "");
    lines.push(...symbols.map(section));
  }
  return lines.join("\n");
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const surface = publicSurface();
for (const entry of surface) writeFileSync(join(folder, `${entry.name}.md`), `${page(entry).trimEnd()}\n`);
const rows = surface.map(
  (entry) => `- [\`${entry.specifier}\`](${entry.name}.md), ${entry.symbols.length} names: ${entry.doc.split("\n")[0]}`,
);
writeFileSync(
  join(folder, "README.md"),
  `# API\n\nWritten by \`npm run docs\` from the docstrings in the source. A test compiles and runs every example.\n\n${rows.join("\n")}\n`,
);
console.log(
  `docs: ${surface.reduce((sum, entry) => sum + entry.symbols.length, 0)} names in ${surface.length} entries, in ${relative(root, folder)}`,
);
