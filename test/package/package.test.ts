/**
 * What a user gets: the packed tarball, installed in an empty folder, runs the built-in federation and can be imported.
 * Needs the npm registry for the dependencies; without it the tests report that they were skipped and why.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "millwright-package-"));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

function run(command: string, args: readonly string[], cwd: string) {
  // npm tells its children how it was called; the inner npm must not take that for its own settings.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS|VITEST|MILLWRIGHT_)/i.test(name)));
  return spawnSync(command, args, { cwd, encoding: "utf8", env, maxBuffer: 1 << 26, timeout: 280_000 });
}

let packed: Packed;
let offline: string | undefined;

beforeAll(() => {
  const pack = run(npm, ["pack", "--json", "--silent", "--pack-destination", folder], root);
  expect(pack.status, pack.stderr).toBe(0);
  // The build prints to stderr; npm's JSON is all there is on stdout.
  const answer = JSON.parse(pack.stdout.slice(pack.stdout.search(/[[{]/))) as Packed[] | Record<string, Packed>;
  packed = (Array.isArray(answer) ? answer[0] : Object.values(answer)[0]) as Packed;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "plant", version: "1.0.0", private: true, type: "module" }));
  const install = run(npm, ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder, packed.filename)], folder);
  if (install.status === 0) return;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|ENOTCACHED/.test(install.stderr)) {
    offline = "needs the npm registry to install the package's dependencies; run again with a network";
    return;
  }
  expect(install.status, install.stderr).toBe(0);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the tarball", () => {
  it("holds the built program, examples and legal text, and nothing of the workshop", () => {
    const paths = packed.files.map((file) => file.path);
    for (const needed of [
      "dist/cli/main.js",
      "dist/index.js",
      "dist/index.d.ts",
      "examples/fleet.yaml",
      "LICENSE",
      "README.md",
      "CHANGELOG.md",
    ]) {
      expect(paths).toContain(needed);
    }
    expect(paths.filter((path) => /^(src|test|scripts|bench|evidence|kernels|out)\//.test(path) || /\.test\./.test(path))).toEqual([]);
    expect(packed.size).toBeLessThan(3_000_000);
  });
});

describe("installed in an empty folder (needs the npm registry)", () => {
  it("is at most 70 packages and 60 MB", (context) => {
    if (offline !== undefined) return context.skip(offline);
    const files = readdirSync(join(folder, "node_modules"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as { packages: Record<string, unknown> };
    expect(Object.keys(lock.packages).length - 1).toBeLessThanOrEqual(70);
    expect(bytes).toBeLessThanOrEqual(60_000_000);
  });

  it("imports every public entry", (context) => {
    if (offline !== undefined) return context.skip(offline);
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: Record<string, unknown> };
    const entries = Object.keys(exports).filter((entry) => !entry.endsWith(".json"));
    const code = entries
      .map((entry) => `const m = await import("millwright${entry.slice(1)}"); console.log("${entry}", Object.keys(m).length);`)
      .map((line) => `{ ${line} }`)
      .join("\n");
    writeFileSync(join(folder, "entries.mjs"), code);
    const done = run(process.execPath, ["entries.mjs"], folder);
    expect(done.status, done.stderr).toBe(0);
    const counts = done.stdout
      .trim()
      .split("\n")
      .map((line) => Number(line.split(" ")[1]));
    expect(counts).toHaveLength(entries.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("runs the built-in federation with npx millwright simulate", { timeout: 300_000 }, (context) => {
    if (offline !== undefined) return context.skip(offline);
    const done = run("npx", ["--no-install", "millwright", "simulate", "--json", "result.json"], folder);
    expect(done.status, `${done.stdout}\n${done.stderr}`).toBe(0);
    const result = JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as {
      scenarios: Record<string, { metrics: Record<string, number> }>;
      model: { sha256: string };
    };
    expect(Object.keys(result.scenarios).sort()).toEqual(["centralised", "federated", "local"]);
    for (const scenario of Object.values(result.scenarios)) expect(scenario.metrics.f1).toBeGreaterThan(0);
    expect(result.model.sha256).toMatch(/^[0-9a-f]{64}$/);
    const out = join(folder, "out");
    const reports = existsSync(out) ? readdirSync(out, { recursive: true }).filter((path) => String(path).endsWith(".html")) : [];
    expect(reports).toHaveLength(1);
  });
});
