/**
 * Makes edge.mjs of a compiled tree: everything a plant needs, in one file that runs with nothing installed beside it.
 *
 *   node scripts/bundle-edge.mjs [COMPILED [TARGET]]      default: dist, dist/edge.mjs
 *
 * What must not be in it (coordinator programs, simulator, database drivers) is refused here, not only tested: a new import that drags
 * it in fails the build and names the way it came. Optional packages (DuckDB) stay imports of their own.
 */
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Rooms and packages that have no place at a plant. */
export const unwanted = [
  /^lab\//,
  /^coordinator\//,
  /^io\/record\//,
  /^cli\/(report|experiments|init)\//,
  /node_modules\/(libsql|kysely|pg|@clack|log-update)\//,
];
export const largest = 1_000_000;

/**
 * What differs in one file: the version is not read from a package.json, the worker is the file itself, and Brotli is Node's own instead of a
 * package's with its dictionary of 80 kB.
 */
const rewritten = [
  {
    file: "io/version.js",
    from: /^[\s\S]*$/,
    to: () => `export const version = () => ${JSON.stringify(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version)};\n`,
  },
  { file: "io/workers/threads.js", from: 'new URL("./worker.js", import.meta.url)', to: () => "new URL(import.meta.url)" },
  {
    file: "node_modules/hyparquet-compressors/src/brotli.js",
    from: /^[\s\S]*$/,
    to: () =>
      'import { brotliDecompressSync } from "node:zlib";\nexport const decompressBrotli = (input, size) => new Uint8Array(brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }));\n',
  },
];

/** Writes the bundle and returns what it is made of: size in bytes, modules by their path. */
export async function bundleEdge(compiled, target) {
  const nameOf = (id) => {
    const inside = relative(compiled, id).split(sep).join("/");
    return inside.startsWith("..") ? relative(root, id).split(sep).join("/") : inside;
  };
  const seen = new Set();
  const importersByName = new Map();
  const importersOf = (name) => importersByName.get(name)?.join(", ") || "nobody";
  const bundle = await rolldown({
    input: join(compiled, "cli/edge.js"),
    platform: "node",
    external: [...builtinModules, /^node:/, /^@duckdb\//],
    // The same parser as modules, of which what is not used can be left out.
    resolve: { alias: { yaml: join(root, "node_modules/yaml/browser/dist/index.js") } },
    treeshake: { moduleSideEffects: (id) => !id.startsWith(compiled) || /(cli\/edge|workers\/worker)\.js$/.test(id) },
    plugins: [
      {
        name: "one-file",
        buildEnd() {
          for (const id of this.getModuleIds()) {
            const { importers, dynamicImporters } = this.getModuleInfo(id) ?? { importers: [], dynamicImporters: [] };
            importersByName.set(nameOf(id), [...importers, ...dynamicImporters].map(nameOf));
          }
        },
        transform(code, id) {
          const rule = rewritten.find((one) => nameOf(id) === one.file);
          if (rule === undefined) return null;
          const changed = code.replace(rule.from, rule.to());
          if (changed === code) throw new Error(`${rule.file}: expected ${rule.from}, found nothing like it`);
          seen.add(rule.file);
          return { code: changed, map: null };
        },
      },
    ],
  });
  const { output } = await bundle.write({
    file: target,
    format: "esm",
    codeSplitting: false,
    minify: { compress: true, mangle: true },
  });
  await bundle.close();
  const [chunk, ...more] = output;
  if (more.length > 0) throw new Error(`expected one file, got ${output.map((one) => one.fileName).join(", ")}`);
  for (const { file } of rewritten) if (!seen.has(file)) throw new Error(`${file}: expected it in the bundle`);
  const modules = Object.entries(chunk.modules)
    .filter(([, one]) => one.renderedLength > 0)
    .map(([id, one]) => ({ name: nameOf(id), bytes: one.renderedLength }));
  const wrong = modules.filter(({ name }) => unwanted.some((one) => one.test(name)));
  if (wrong.length > 0) {
    const own = wrong.filter(({ name }) => !name.startsWith("node_modules/"));
    const some = (own.length > 0 ? own : wrong).slice(0, 8).map(({ name }) => `${name} (imported by ${importersOf(name)})`);
    throw new Error(`edge.mjs: expected a plant's modules only, got ${wrong.length} others: ${some.join("; ")}`);
  }
  const size = Buffer.byteLength(chunk.code);
  if (size > largest) throw new Error(`edge.mjs: expected at most ${largest} bytes, got ${size}`);
  return { size, modules };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const compiled = process.argv[2] ?? join(root, "dist");
  const { size, modules } = await bundleEdge(compiled, process.argv[3] ?? join(compiled, "edge.mjs"));
  const packages = new Map();
  for (const { name, bytes } of modules) {
    const part = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? "millwright";
    packages.set(part, (packages.get(part) ?? 0) + bytes);
  }
  for (const [part, bytes] of [...packages].sort((a, b) => b[1] - a[1]))
    console.log(`${String(bytes).padStart(9)} ${part} (before minifying)`);
  console.log(`${String(size).padStart(9)} edge.mjs, ${modules.length} modules`);
}
