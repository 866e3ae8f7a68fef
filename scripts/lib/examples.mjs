/**
 * Code in documentation as programs. Every example of a public docstring becomes one module: the imports of its entry's header and its own,
 * what its entry says is given, then the example. `expression; // => value` becomes a check, so that what is printed is what comes out.
 */

const importLine = /^import (type )?\{([^}]*)\} from "([^"]+)";$/gm;
const claim = /^(\s*)(?:const (\w+) = )?(.+?); \/\/ => (.+)$/gm;

/** One import per package, each name once. Only named imports are used in documentation. */
function mergedImports(code) {
  const names = new Map();
  for (const [, type, list, specifier] of code.matchAll(importLine)) {
    const found = names.get(specifier) ?? new Map();
    for (const name of list
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean)) {
      const bare = name.replace(/^type /, "");
      const isType = type !== undefined || bare !== name;
      found.set(bare, isType && (found.get(bare) ?? true));
    }
    names.set(specifier, found);
  }
  return [...names]
    .map(
      ([specifier, found]) =>
        `import { ${[...found].map(([name, isType]) => (isType ? `type ${name}` : name)).join(", ")} } from "${specifier}";`,
    )
    .join("\n");
}

/** The module of one example, and how many claims it makes. */
export function moduleOf(given, code) {
  const rest = (text) => text.replace(importLine, "").trim();
  let claims = 0;
  const checked = rest(code).replace(claim, (_, indent, name, expression, value) => {
    claims++;
    if (name === undefined) return `${indent}deepStrictEqual(${expression}, ${value});`;
    return `${indent}const ${name} = ${expression};\n${indent}deepStrictEqual(${name}, ${value});`;
  });
  const assert = 'import { deepStrictEqual } from "node:assert/strict";';
  const text = `${mergedImports(`${given}\n${code}\n${assert}`)}\n\n${rest(given)}\n\n{\n${checked}\n}\n`;
  return { text, claims };
}
