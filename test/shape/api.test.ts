/** The public names and signatures are what etc/api-*.md says: a change of the surface is a change of a committed file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
// @ts-expect-error a plain script without declarations
import { reports } from "../../scripts/api-report.mjs";
import { read, root } from "./sources.js";

const manifest = JSON.parse(read("package.json")) as { exports: Record<string, string | { types: string; default: string }> };
const entries = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === "string" ? [] : [{ name: name === "." ? "index" : name.slice(2), ...target }],
);
const built = existsSync(join(root, "dist")) ? (reports() as Record<string, string>) : {};

it.each(entries)("$name: names and signatures are those of the committed report", ({ name, types, default: code }) => {
  expect(existsSync(join(root, types)), `${types} is missing: run npm run build`).toBe(true);
  expect(existsSync(join(root, code)), `${code} is missing: run npm run build`).toBe(true);
  const committed = existsSync(join(root, `etc/api-${name}.md`)) ? read(`etc/api-${name}.md`) : "";
  expect(built[name], "the public API changed; if that is meant: node scripts/api-report.mjs --update, and CHANGELOG.md").toBe(committed);
});

it.each(entries)("$name: exports names one by one, never with a star", ({ types }) => {
  expect(read(types.replace(/^\.\/dist\//, "src/").replace(/\.d\.ts$/, ".ts"))).not.toMatch(/export\s*\*/);
});
