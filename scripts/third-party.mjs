/**
 * Writes THIRD-PARTY.md: whose work is installed with the package, and whose is in its source, with their licences. The packages are those
 * of package-lock.json that are neither for development nor optional; the copyright lines are read from the licence files they carry.
 *
 *   node scripts/third-party.mjs            print what would be written
 *   node scripts/third-party.mjs --update   write THIRD-PARTY.md
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (path) => readFileSync(join(root, path), "utf8");

/** First copyright line of a package's licence file. */
function copyrightOf(folder) {
  const name = existsSync(join(root, folder)) ? readdirSync(join(root, folder)).find((file) => /^licen[cs]e/i.test(file)) : undefined;
  if (name === undefined) return "";
  const line = read(join(folder, name))
    .split("\n")
    .find((one) => /copyright.*(\(c\)|©|\d{4})/i.test(one));
  return line === undefined
    ? ""
    : line
        .slice(line.search(/copyright/i))
        .replace(/\|/g, "/")
        .trim();
}

/** Packages a user installs: name, version, licence, copyright. */
export function installed() {
  const { packages } = JSON.parse(read("package-lock.json"));
  return Object.entries(packages)
    .filter(([path, one]) => path !== "" && one.dev !== true && one.optional !== true && one.peer !== true && one.devOptional !== true)
    .map(([path, one]) => ({
      name: path.replace(/^.*node_modules\//, ""),
      version: one.version,
      licence: one.license ?? "",
      copyright: copyrightOf(path),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
}

/** Sources that carry Sun's notice. */
export function fromFdlibm() {
  return readdirSync(join(root, "src/core"))
    .filter((name) => /Copyright \(C\) \d+ by Sun Microsystems/.test(read(join("src/core", name))))
    .sort();
}

export function page() {
  const rows = installed().map(({ name, version, licence, copyright }) => `| ${name} | ${version} | ${licence} | ${copyright} |`);
  return `# Third-party work

Written by \`node scripts/third-party.mjs --update\`. Millwright itself is under Apache-2.0 (LICENSE).

## Installed with the package

| package | version | licence | copyright |
|---|---|---|---|
${rows.join("\n")}

\`@duckdb/node-api\` (MIT) is used where the user installs it; it is not a dependency.

## In the source

The coefficients and methods of ${fromFdlibm()
    .map((name) => `\`src/core/${name}\``)
    .join(", ")} are those of fdlibm:

    ====================================================
    Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.

    Developed at SunPro, a Sun Microsystems, Inc. business.
    Permission to use, copy, modify, and distribute this
    software is freely granted, provided that this notice
    is preserved.
    ====================================================

The kernels are compiled by AssemblyScript (Apache-2.0); the .wasm holds the little of its standard library that they use. Papers are named at
the head of the files that follow them.
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv.includes("--update")) {
    writeFileSync(join(root, "THIRD-PARTY.md"), page());
    console.log("wrote THIRD-PARTY.md");
  } else console.log(page());
}
