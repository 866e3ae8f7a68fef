/** What comes with Millwright: how many packages, how large, under which licences, and that none runs code when installed. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
// @ts-expect-error a plain script without declarations
import { missingOptional } from "../../scripts/complete-lock.mjs";
import { read, root } from "./sources.js";

interface Locked {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string | { readonly type: string };
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const lock = (JSON.parse(read("package-lock.json")) as { packages: Record<string, Locked> }).packages;
const manifest = JSON.parse(read("package.json")) as Manifest;
const places = Object.keys(lock).filter((place) => place !== "");
/** Optional packages for other platforms are in the lock but not on this disk. */
const installed = places.filter((place) => existsSync(join(root, place, "package.json")));
const shipped = places.filter((place) => !lock[place]?.dev && !lock[place]?.devOptional);

const manifestOf = (place: string): Manifest => JSON.parse(readFileSync(join(root, place, "package.json"), "utf8")) as Manifest;

function bytesBelow(folder: string): number {
  let total = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // Nested node_modules have entries of their own in the lock.
    if (entry.isDirectory()) total += entry.name === "node_modules" ? 0 : bytesBelow(path);
    else if (entry.isFile()) total += statSync(path).size;
  }
  return total;
}

/** Licences that let anyone ship the result under Apache-2.0. CC0, Unlicense and 0BSD ask for nothing at all. */
const allowed = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "CC0-1.0",
  "Unlicense",
  "BlueOak-1.0.0",
  "Python-2.0",
  "MIT OR Apache-2.0",
  "Apache-2.0 OR MIT",
  "(MIT OR CC0-1.0)",
  "Apache-2.0 AND MIT",
  "MIT AND Apache-2.0",
]);
/** Used to build and test only, never shipped: a file-wise copyleft does no harm there. */
const allowedForTools = new Set([...allowed, "MPL-2.0", "CC-BY-4.0"]);

function licence(place: string): string {
  const { license } = manifestOf(place);
  return typeof license === "object" ? license.type : (license ?? "none stated");
}

describe("the kernels", () => {
  it("are one .wasm of at most 32 kB, the one whose hash is committed", () => {
    const text = read("dist/kernels/binary.js");
    const base64 = /"([A-Za-z0-9+/=]{1000,})"/.exec(text)?.[1] ?? "";
    const wasm = Buffer.from(base64, "base64");
    expect(wasm.subarray(0, 4).toString("latin1")).toBe("\0asm");
    expect(wasm.length).toBeLessThanOrEqual(32 * 1024);
    expect(createHash("sha256").update(wasm).digest("hex")).toBe(read("kernels/kernels.sha256").trim());
  });
});

describe("packages", () => {
  it("are all on this disk as the lock says", () => {
    expect(installed.length).toBeGreaterThan(20);
    const wrong = installed.filter((place) => manifestOf(place).version !== lock[place]?.version);
    expect(wrong, "run npm ci").toEqual([]);
    expect(shipped.filter((place) => !lock[place]?.optional && !installed.includes(place))).toEqual([]);
  });

  it("are all in the lock, those of other platforms too, or npm ci would refuse it", () => {
    const missing = missingOptional({ packages: lock }) as Map<string, unknown>;
    expect([...missing.keys()], "node scripts/complete-lock.mjs").toEqual([]);
    expect(missingOptional({ packages: { "node_modules/a": { optionalDependencies: { b: "1.0.0" } } } })).toHaveProperty("size", 1);
  });

  it("run nothing when they are installed", () => {
    const hooks = ["preinstall", "install", "postinstall"];
    const scripted = installed.filter((place) => {
      const scripts = manifestOf(place).scripts ?? {};
      // npm compiles a package with a binding.gyp even when no script says so.
      return hooks.some((hook) => scripts[hook] !== undefined) || existsSync(join(root, place, "binding.gyp"));
    });
    expect(scripted).toEqual([]);
    expect(places.filter((place) => lock[place]?.hasInstallScript)).toEqual([]);
    expect(hooks.filter((hook) => manifest.scripts?.[hook] !== undefined)).toEqual([]);
    expect(manifest.scripts?.prepare, "prepare would run on every npm ci").toBeUndefined();
  });

  it("are named in package.json by exact version", () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it("are at most 70 and at most 60 MB in a default install", () => {
    expect(shipped.length).toBeGreaterThan(0);
    expect(shipped.length + 1).toBeLessThanOrEqual(70);
    const bytes = shipped.filter((place) => installed.includes(place)).reduce((sum, place) => sum + bytesBelow(join(root, place)), 0);
    const own = existsSync(join(root, "dist")) ? bytesBelow(join(root, "dist")) : 0;
    expect(bytes + own).toBeLessThanOrEqual(60_000_000);
  });

  it("have licences that may be shipped", () => {
    const faults = installed
      .map((place) => ({ place, licence: licence(place), tool: lock[place]?.dev === true || lock[place]?.devOptional === true }))
      .filter(({ licence, tool }) => !(tool ? allowedForTools : allowed).has(licence));
    expect(faults).toEqual([]);
  });
});
