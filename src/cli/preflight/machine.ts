/** What a machine must have to run Millwright at all. */
import { existsSync, readdirSync, statfsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, freemem, totalmem } from "node:os";
import { Worker } from "node:worker_threads";
import type { Context } from "../context.js";
import { bytes } from "../show/text.js";
import type { Check } from "./check.js";

/** End of life of Node's release lines (nodejs.org/en/about/previous-releases). */
const endOfLife: Readonly<Record<number, string>> = { 20: "2026-04-30", 22: "2027-04-30", 24: "2028-04-30" };

/** Optional packages and what they are for. */
const optional: readonly (readonly [string, string])[] = [["@duckdb/node-api", "tables larger than memory (`engine: duckdb`)"]];

export async function examineMachine(context: Context): Promise<readonly Check[]> {
  const today = new Date().toISOString().slice(0, 10);
  return [node(process.versions.node, today), simd(), await workers(), memory(), disk(context), data(context), ...optional.map(peer)];
}

/** Checks a Node version ("20.19.0") on a day ("2026-11-22"). */
export function node(version: string, today: string): Check {
  const [major, minor] = version.split(".").map(Number);
  const name = "Node";
  if (major < 20 || (major === 20 && minor < 19)) {
    return { name, state: "fail", found: version, advice: "Millwright needs Node 20.19 or newer; 24 is recommended" };
  }
  const end = endOfLife[major];
  if (end !== undefined && today > end) {
    return {
      name,
      state: "warn",
      found: version,
      advice: `Node ${major} has had no security fixes since ${end}; it still works, 24 is recommended`,
    };
  }
  return { name, state: "ok", found: version };
}

/** A module of one function that splats a number into four lanes: compiles only where SIMD is there. */
const simdProbe = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** TypeScript's library for Node 20 does not declare it. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(code: Uint8Array): boolean } };

function simd(): Check {
  const ok = WebAssembly.validate(simdProbe);
  return ok
    ? { name: "WebAssembly SIMD", state: "ok", found: "present" }
    : {
        name: "WebAssembly SIMD",
        state: "fail",
        found: "missing",
        advice: "the training kernels need it: use an x64 processor with SSE4.1 or an arm64 one",
      };
}

function workers(): Promise<Check> {
  const cores = availableParallelism();
  return new Promise((resolve) => {
    const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1)", { eval: true });
    const found = `${cores} core${cores === 1 ? "" : "s"}`;
    worker.once("message", () => {
      void worker.terminate();
      resolve({ name: "Worker threads", state: "ok", found });
    });
    worker.once("error", (error) =>
      resolve({ name: "Worker threads", state: "warn", found: error.message, advice: "sites will be trained one after the other" }),
    );
  });
}

function memory(): Check {
  const [free, total] = [freemem(), totalmem()];
  const found = `${bytes(free)} free of ${bytes(total)}`;
  return free < 500e6
    ? { name: "Memory", state: "warn", found, advice: "below 500 MB large data sets will not fit; give fewer --workers" }
    : { name: "Memory", state: "ok", found };
}

function disk(context: Context): Check {
  const { bavail, bsize } = statfsSync(context.cwd);
  const free = bavail * bsize;
  return free < 200e6
    ? { name: "Disk", state: "warn", found: `${bytes(free)} free here`, advice: "results and data sets may not fit" }
    : { name: "Disk", state: "ok", found: `${bytes(free)} free here` };
}

function data(context: Context): Check {
  const root = context.env.MILLWRIGHT_DATA;
  const name = "Data sets";
  if (root === undefined || root === "") {
    return {
      name,
      state: "warn",
      found: "MILLWRIGHT_DATA is not set",
      advice: "the built-in fleet needs no data; `millwright data fetch NAME` downloads a real set",
    };
  }
  if (!existsSync(root))
    return { name, state: "warn", found: `MILLWRIGHT_DATA=${root} does not exist`, advice: "point it at a folder of data sets" };
  const sets = readdirSync(root, { withFileTypes: true }).filter((e) => e.isDirectory());
  return { name, state: "ok", found: `${sets.length} in ${root}` };
}

function peer([name, use]: readonly [string, string]): Check {
  try {
    createRequire(import.meta.url).resolve(name);
    return { name, state: "ok", found: "installed" };
  } catch {
    return { name, state: "ok", found: "not installed (optional)", advice: `only for ${use}: npm install ${name}` };
  }
}
