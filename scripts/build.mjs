/**
 * Builds dist/ from a fresh clone: kernels (AssemblyScript) and TypeScript, then assets and the executable bit; a full build also bundles
 * a plant's program into dist/edge.mjs.
 *
 * Nothing is done when every input has the content it had at the last build. The new dist/ is made aside and swapped
 * in whole, so a running command never sees half of it and a failed build leaves the old one in place.
 *
 * Checking types takes longer than everything else, so `npm start` and what only runs code ask for --quick: types are stripped
 * file by file, in parallel with the kernels, and neither checked nor declared. A full build also serves as a quick one.
 *
 *   node scripts/build.mjs [--quick] [--force] [--keep-going]     --keep-going: use what compiled despite type errors
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const stamp = join(dist, ".built-from");
const force = process.argv.includes("--force");
const keepGoing = process.argv.includes("--keep-going");
const quick = process.argv.includes("--quick");

/** Every file below a folder, sorted, without generated ones. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

const generated = new Set([join(root, "src/kernels/binary.ts")]);

function fingerprint() {
  const hash = createHash("sha256");
  const inputs = [
    ...filesBelow(join(root, "src")),
    ...filesBelow(join(root, "kernels")),
    ...[
      "scripts/build.mjs",
      "scripts/build-kernels.mjs",
      "scripts/bundle-edge.mjs",
      "tsconfig.json",
      "package.json",
      "package-lock.json",
    ].map((f) => join(root, f)),
  ];
  for (const file of inputs) {
    if (generated.has(file) || !existsSync(file)) continue;
    const bytes = readFileSync(file);
    hash.update(`${relative(root, file)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** Runs a script with this Node and resolves to its exit code and everything it printed. */
function run(script, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 1, output: `${output}${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Copies what the compiler does not emit: pages, styles, pictures, plain modules. */
function copyAssets(target) {
  for (const file of filesBelow(join(root, "src"))) {
    if (/\.(ts|md)$/.test(file)) continue;
    const copy = join(target, relative(join(root, "src"), file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
}

/** Compiles the kernels; says what went wrong, and whether all went right. */
async function kernels() {
  const { code, output } = await run("scripts/build-kernels.mjs", []);
  if (code !== 0) say(`build: the kernels did not compile (exit ${code})\n${output}`);
  return code === 0;
}

/** Full: types checked and declared. Resolves to "full", to "faulty" where --keep-going accepts faults, or to undefined. */
async function compileFull(target) {
  if (!(await kernels())) return undefined;
  const { code, output } = await run("node_modules/typescript/lib/tsc.js", ["-p", "tsconfig.json", "--outDir", target]);
  if (code === 0) return "full";
  say(`build: TypeScript found faults\n${output}`);
  return keepGoing ? "faulty" : undefined;
}

/** Quick: only strips types, which is all there is to do as long as tsconfig.json demands erasable syntax. */
async function compileQuick(target) {
  const compiling = kernels();
  // The kernels' process starts before this thread is busy.
  await new Promise((started) => setImmediate(started));
  const { default: ts } = await import("typescript");
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  const strip = (file) => {
    const { outputText, diagnostics } = ts.transpileModule(readFileSync(file, "utf8"), {
      compilerOptions,
      fileName: file,
      reportDiagnostics: true,
    });
    const fault = diagnostics?.[0];
    if (fault !== undefined) throw new Error(`${relative(root, file)}: ${ts.flattenDiagnosticMessageText(fault.messageText, " ")}`);
    const copy = join(target, relative(join(root, "src"), file)).replace(/\.ts$/, ".js");
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, outputText);
  };
  try {
    for (const file of filesBelow(join(root, "src"))) if (/(?<!\.d)\.ts$/.test(file) && !generated.has(file)) strip(file);
    if (!(await compiling)) return undefined;
    for (const file of generated) strip(file);
    return "quick";
  } catch (error) {
    await compiling;
    say(`build: ${error.message}`);
    return undefined;
  }
}

/** The plant's one file, of the compiled tree. */
async function edge(target) {
  const { code, output } = await run("scripts/bundle-edge.mjs", [target]);
  if (code !== 0) say(`build: the plant's bundle was not made (exit ${code})\n${output}`);
  else chmodSync(join(target, "edge.mjs"), 0o755);
  return code === 0;
}

async function build() {
  const print = fingerprint();
  const [kind, from] = existsSync(stamp) ? readFileSync(stamp, "utf8").split(" ") : [];
  const enough = kind === "full" || (quick && kind === "quick");
  if (!force && enough && from === print && [...generated].every(existsSync)) return 0;
  if (!existsSync(join(root, "node_modules/typescript"))) {
    say("build: node_modules is missing; run `npm ci` first");
    return 1;
  }

  const started = process.hrtime.bigint();
  say("build: compiling kernels and TypeScript ...");
  const aside = join(root, "out", `build-${process.pid}`);
  rmSync(aside, { recursive: true, force: true });
  const done = await (quick ? compileQuick : compileFull)(aside);
  if (done === undefined) {
    rmSync(aside, { recursive: true, force: true });
    return 1;
  }
  copyAssets(aside);
  const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const entry of Object.values(bin)) chmodSync(join(aside, relative("dist", entry)), 0o755);
  if (!quick && !(await edge(aside)) && !keepGoing) {
    rmSync(aside, { recursive: true, force: true });
    return 1;
  }
  writeFileSync(join(aside, ".built-from"), `${done} ${print}`);

  const old = join(root, "out", `old-${process.pid}`);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(aside, dist);
  rmSync(old, { recursive: true, force: true });
  say(`build: done in ${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s`);
  return 0;
}

process.exitCode = await build();
