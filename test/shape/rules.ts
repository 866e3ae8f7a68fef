/** The rules that the shape test holds, each a function from a source to the faults it finds. */
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { rooms } from "./rooms.js";
import { place, type Source, visit } from "./sources.js";

interface Import {
  readonly where: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  visit(source.tree, (node) => {
    let from: ts.Node | undefined;
    let typeOnly = false;
    if (ts.isImportDeclaration(node)) {
      from = node.moduleSpecifier;
      const clause = node.importClause;
      const named = clause?.namedBindings;
      typeOnly =
        clause?.isTypeOnly === true ||
        (clause !== undefined &&
          clause.name === undefined &&
          named !== undefined &&
          ts.isNamedImports(named) &&
          named.elements.length > 0 &&
          named.elements.every((element) => element.isTypeOnly));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      from = node.moduleSpecifier;
      typeOnly = node.isTypeOnly;
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      from = node.arguments[0];
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      from = node.argument.literal;
      typeOnly = true;
    }
    // A computed import() names no module here: it loads a user's own file, which only io may do (see below).
    if (from !== undefined && ts.isStringLiteral(from)) found.push({ where: place(source, node), from: from.text, typeOnly });
  });
  return found;
}

const builtin = new Set(builtinModules);
const packageName = (from: string): string => from.split("/", from.startsWith("@") ? 2 : 1).join("/");

export function importFaults(source: Source): string[] {
  const rule = rooms[source.row];
  if (rule === undefined) return [`${source.path}: the room "${source.room}" has no row in test/shape/rooms.ts`];
  const faults: string[] = [];
  for (const { where, from, typeOnly } of importsOf(source)) {
    if (from.startsWith(".")) {
      if (!/\.(js|json)$/.test(from)) faults.push(`${where}: "${from}" must end in .js`);
      const target = normalize(join(dirname(source.path), from)).split(/[\\/]/);
      const room = target.length > 2 ? (target[1] as string) : "";
      if (target[0] !== "src") faults.push(`${where}: "${from}" leaves src`);
      else if (room === source.room || rule.values.includes(room) || (typeOnly && rule.types?.includes(room))) continue;
      else
        faults.push(
          `${where}: ${source.room || "the public entry"} may not import ${typeOnly ? "types of " : ""}${room || "the public entry"} ("${from}")`,
        );
    } else if (from.startsWith("node:") || builtin.has(from)) {
      if (!from.startsWith("node:")) faults.push(`${where}: write "node:${from}"`);
      if (rule.node !== true && !rule.node?.includes(from))
        faults.push(`${where}: ${source.room} may not use ${from}: only io and cli touch the world`);
    } else if (!rule.packages?.includes(packageName(from))) {
      faults.push(`${where}: ${source.room} may not import the package ${packageName(from)}`);
    }
  }
  return faults;
}

/** Math that every engine computes to the same bits, and constants. */
const exactMath = new Set(
  "sqrt abs min max floor ceil round trunc sign imul fround clz32 PI E LN2 LN10 LOG2E LOG10E SQRT2 SQRT1_2".split(" "),
);

export function mathFaults(source: Source): string[] {
  const faults: string[] = [];
  visit(source.tree, (node) => {
    if (ts.isIdentifier(node) && node.text === "Math" && !ts.isTypeNode(node.parent)) {
      const parent = node.parent;
      const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
      if (isMember) return;
      const used = ts.isPropertyAccessExpression(parent) && parent.expression === node ? parent.name.text : undefined;
      if (used === undefined) faults.push(`${place(source, node)}: Math may only be used as Math.name`);
      else if (!exactMath.has(used)) faults.push(`${place(source, node)}: Math.${used} differs between machines; use src/core/math.ts`);
    }
    if (node.kind === ts.SyntaxKind.AsteriskAsteriskToken || node.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken) {
      faults.push(`${place(source, node)}: ** differs between machines; multiply, or use pow of src/core/math.ts`);
    }
  });
  return faults;
}

const ambientNames = new Set(
  "performance crypto process setTimeout setInterval setImmediate queueMicrotask fetch globalThis navigator Intl require eval Function".split(
    " ",
  ),
);
const ambientMembers = new Set(
  "getHours getMinutes getDay getDate getMonth getFullYear getTimezoneOffset toLocaleString toLocaleDateString toLocaleTimeString localeCompare".split(
    " ",
  ),
);

/** Clocks, chance, time zone and locale: whatever makes the same call give another answer elsewhere. */
export function ambientFaults(source: Source): string[] {
  const faults: string[] = [];
  visit(source.tree, (node) => {
    if (ts.isPropertyAccessExpression(node)) {
      const name = node.name.text;
      if (ambientMembers.has(name)) faults.push(`${place(source, node)}: .${name} depends on the machine's time zone or language`);
      if (ts.isIdentifier(node.expression) && node.expression.text === "Date" && name === "now") {
        faults.push(`${place(source, node)}: Date.now: time is passed in`);
      }
    }
    if (ts.isNewExpression(node) && node.expression.getText() === "Date" && (node.arguments?.length ?? 0) === 0) {
      faults.push(`${place(source, node)}: new Date(): time is passed in`);
    }
    if (ts.isCallExpression(node) && node.expression.getText() === "Date") faults.push(`${place(source, node)}: Date(): time is passed in`);
    if (ts.isIdentifier(node) && ambientNames.has(node.text) && isGlobalUse(node)) {
      faults.push(`${place(source, node)}: ${node.text} is not for this room`);
    }
  });
  return faults;
}

/** Whether an identifier stands for a value of that name rather than for a member, key, parameter or type. */
export function isGlobalUse(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return (ts.isCallExpression(parent) || ts.isNewExpression(parent) || ts.isElementAccessExpression(parent)) && parent.expression === node;
}

/** `any`, comments that switch checks off, and printing outside the command. */
export function habitFaults(source: Source): string[] {
  const faults: string[] = [];
  visit(source.tree, (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) faults.push(`${place(source, node)}: any`);
    if (ts.isIdentifier(node) && node.text === "console" && isGlobalUse(node) && source.room !== "cli") {
      faults.push(`${place(source, node)}: console outside src/cli`);
    }
  });
  for (const match of source.text.matchAll(/@ts-(ignore|nocheck|expect-error)/g)) faults.push(`${source.path}: ${match[0]}`);
  return faults;
}

// Written in pieces so that this file does not find itself.
const banned = [
  /\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b/,
  /\/wor[k]\/|\/home\/[a-z]+\/|\/User[s]\/[a-z]+\//,
  /\bissue[ ]#?\d+|\bthis[ ]session\b|\b(helper|part)[ ][A-H]\b/,
];

/** Reminders, paths of one machine, words about how the text was written. */
export function wordFaults(path: string, text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, i) => (banned.some((pattern) => pattern.test(line)) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : []));
}
