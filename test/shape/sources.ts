/** The files that the shape tests look at, parsed once. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { rooms } from "./rooms.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));

const generated = new Set(["src/kernels/binary.ts"]);
const skipped = new Set(["node_modules", "dist", "out", "vectors", "evidence", "etc"]);

/** Paths below a folder of the project, with forward slashes, without generated and foreign files. */
export function filesBelow(folder: string, ending: RegExp): string[] {
  const found: string[] = [];
  const walk = (place: string): void => {
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue;
      const path = join(place, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && ending.test(entry.name)) found.push(relative(root, path).split(sep).join("/"));
    }
  };
  try {
    walk(join(root, folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return found.filter((path) => !generated.has(path)).sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export interface Source {
  readonly path: string;
  /** First folder below src, or "" for a file that lies directly in src. */
  readonly room: string;
  /** The row of the table that holds for this file: its room, or a folder of it that has a row of its own. */
  readonly row: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** A source from its text; the tests of the rules use it on text that breaks them. */
export function parse(path: string, text: string): Source {
  const parts = path.split("/");
  const room = parts.length > 2 ? (parts[1] as string) : "";
  const nested = `${room}/${parts[2]}`;
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  return { path, room, row: rooms[nested] === undefined ? room : nested, text, tree };
}

let cached: readonly Source[] | undefined;

/** Every TypeScript file under src. */
export function sources(): readonly Source[] {
  cached ??= filesBelow("src", /\.ts$/).map((path) => parse(path, read(path)));
  return cached;
}

/** `path:line` of a node, for messages. */
export function place(source: Source, node: ts.Node): string {
  return `${source.path}:${source.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}
