/**
 * edge.mjs, as a plant gets it: one file in a folder outside the project, nothing installed, on each release line of Node that is here. A
 * federation is trained in which every plant is that file, each under another Node; its trainer is a thread of the same file.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import fc from "fast-check";
import { decompressBrotli } from "hyparquet-compressors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NodeBinary, nodesHere } from "./nodes.js";
import { type Running, start } from "./processes.js";
import { plantFolder, serveSmall } from "./small-federation.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "millwright-edge-"));
const file = join(folder, "edge.mjs");
const nodes = nodesHere();
const wanted = [20, 22, 24];

interface Bundle {
  readonly size: number;
  readonly modules: readonly { readonly name: string; readonly bytes: number }[];
}
let bundle: Bundle;
const running: Running[] = [];

beforeAll(async () => {
  const script = (await import(pathToFileURL(join(root, "scripts/bundle-edge.mjs")).href)) as {
    bundleEdge: (compiled: string, target: string) => Promise<Bundle>;
  };
  bundle = await script.bundleEdge(join(root, "dist"), file);
});
afterAll(async () => {
  for (const one of running) await one.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("edge.mjs", () => {
  it("is one file of less than 1 MB", () => {
    expect(statSync(file).size).toBe(bundle.size);
    expect(bundle.size).toBeLessThan(1_000_000);
    expect(bundle.size).toBeGreaterThan(200_000);
  });

  it("holds a plant's modules, and none of the coordinator, the simulator or a database", () => {
    const names = bundle.modules.map((one) => one.name);
    for (const needed of ["edge/plant.js", "edge/policy-decide.js", "io/workers/worker.js", "kernels/binary.js", "io/store/journal.js"])
      expect(names).toContain(needed);
    expect(names.filter((one) => /^(lab|coordinator|io\/record)\//.test(one))).toEqual([]);
    expect(names.filter((one) => /node_modules\/(libsql|kysely|pg)\//.test(one))).toEqual([]);
  });

  it("names nothing that would have to be installed, but the optional engine", () => {
    const text = readFileSync(file, "utf8");
    const imports = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'`]([^"'`]+)["'`]/g)].map((match) => match[1]);
    expect(imports.length).toBeGreaterThan(5);
    expect(imports.filter((one) => !isBuiltin(one) && one !== "@duckdb/node-api" && /^[@a-z]/.test(one) && !/\s/.test(one))).toEqual([]);
  });
});

it("reads Brotli by Node's own decoder as the package it stands in for does", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 4000 }), fc.integer({ min: 1, max: 20 }), (bytes, times) => {
      const text = new Uint8Array(Buffer.concat(Array.from({ length: times }, () => bytes)));
      const packed = new Uint8Array(brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }));
      const own = new Uint8Array(brotliDecompressSync(packed, { maxOutputLength: text.length }));
      expect(Buffer.compare(own, text)).toBe(0);
      expect(Buffer.compare(decompressBrotli(packed, text.length), text)).toBe(0);
    }),
    { numRuns: 50 },
  );
  expect(bundle.modules.map((one) => one.name).filter((name) => /brotli\.(dictionary|huffman)/.test(name))).toEqual([]);
});

describe.each(nodes)("on Node $line", ({ path }: NodeBinary) => {
  it("starts with nothing beside it, and its doctor finds a thread and SIMD", async () => {
    const alone = mkdtempSync(join(folder, "alone-"));
    copyFileSync(file, join(alone, "edge.mjs"));
    const version = start(path, ["edge.mjs", "--version"], alone);
    expect(await version.ended()).toBe(0);
    expect(version.text().trim()).toBe((JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version);
    const doctor = start(path, ["edge.mjs", "doctor", "--json"], alone);
    expect(await doctor.ended()).toBe(0);
    const { checks } = JSON.parse(doctor.text()) as { checks: { name: string; state: string }[] };
    for (const name of ["WebAssembly SIMD", "Worker threads"]) expect(checks.find((one) => one.name === name)?.state).toBe("ok");
  });
});

it("trains a federation in which every plant is this file, each under another Node, and shows what left", async () => {
  const names = Array.from({ length: Math.max(2, nodes.length) }, (_, i) => `plant-${i + 1}`);
  const coordinator = serveSmall(folder, names, ["--once"]);
  running.push(coordinator);
  await coordinator.firstLine();
  const plants = names.map((name, i) => {
    const own = plantFolder(folder, name);
    copyFileSync(file, join(own, "edge.mjs"));
    const token = `@${join(folder, "coordinator/tokens", `${name}.token`)}`;
    const one = start(nodes[i % nodes.length].path, ["edge.mjs", "join", "--token", token, "--once"], own);
    running.push(one);
    return { own, one };
  });
  expect(await coordinator.ended(90_000), coordinator.text()).toBe(0);
  for (const { one } of plants) expect(await one.ended(), one.text()).toBe(0);
  const closed = [...coordinator.text().matchAll(/round\.closed round=(\d+) included=(\d+) excluded=0/g)].map((match) => match.slice(1, 3));
  expect(closed).toEqual([
    ["1", String(names.length)],
    ["2", String(names.length)],
  ]);
  const outbox = start(nodes[0].path, ["edge.mjs", "outbox", "--json"], plants[0].own);
  expect(await outbox.ended()).toBe(0);
  const left = (JSON.parse(outbox.text()) as { outbox: { action: string; bytes: number; counts?: boolean }[] }).outbox;
  expect(left.filter((one) => one.action === "train")).toHaveLength(2);
  expect(left.every((one) => one.bytes > 0)).toBe(true);
  expect(existsSync(join(plants[0].own, "node_modules"))).toBe(false);
}, 120_000);

describe.skipIf(wanted.some((line) => !nodes.some((one) => one.line === line)))(
  "Node 20, 22 and 24 (needs all three: .ci/run puts them into its cache)",
  () => {
    it("were all tried", () => expect(nodes.map((one) => one.line)).toEqual(expect.arrayContaining(wanted)));
  },
);
