/** What a process costs: memory while training, time from its start to a first trained step, and the size of the kernels. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { startPython } from "./peer.mjs";
import { median, megabytes, round } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** Runs our cold.mjs: milliseconds to its first step, and its memory after `seconds` of training. */
async function ours(seconds) {
  const started = performance.now();
  const child = spawn(process.execPath, [join(here, "cold.mjs"), String(seconds)], { stdio: ["ignore", "pipe", "inherit"] });
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const fields = JSON.parse(line);
    if (fields.stepped) found.first = performance.now() - started;
    Object.assign(found, fields);
  }
  return found;
}

async function theirs(seconds) {
  const started = performance.now();
  const child = startPython("cold.py", [seconds]);
  if (child.reason !== undefined) return child;
  const stepped = await child.next();
  if (stepped.reason !== undefined) return stepped;
  const first = performance.now() - started;
  const last = await child.next();
  child.close();
  return { ...stepped, ...last, first };
}

export async function memoryBench(out) {
  const mine = await ours(2);
  const other = await theirs(2);
  const label = "memory of a process training cnn-lstm 48x9 batch 32 (largest resident set)";
  const fields = { bench: label, ours: mine.memory, base: mine.base };
  const text = `${label}: Millwright ${megabytes(mine.memory)} (bare Node ${process.version} ${megabytes(mine.base)})`;
  if (other.reason !== undefined) out.say({ ...fields, notMeasured: other.reason }, `${text}; PyTorch: not measured: ${other.reason}`);
  else {
    const ratio = round(other.memory / mine.memory);
    out.say(
      { ...fields, peerVersion: other.version, theirs: other.memory, ratio },
      `${text}, PyTorch ${other.version} ${megabytes(other.memory)}, ratio ${ratio}`,
    );
  }
}

export async function coldStartBench(out) {
  const mine = [];
  const others = [];
  let other;
  for (let turn = 0; turn < 5; turn++) {
    mine.push((await ours(0)).first);
    other = await theirs(0);
    if (other.reason === undefined) others.push(other.first);
  }
  const label = "cold start: from starting the process to the first trained step, cnn-lstm 48x9 batch 32";
  const fields = { bench: label, oursMs: round(median(mine)) };
  const text = `${label}: Millwright ${Math.round(median(mine))} ms`;
  if (others.length === 0) out.say({ ...fields, notMeasured: other.reason }, `${text}; PyTorch: not measured: ${other.reason}`);
  else {
    const ratio = round(median(others) / median(mine));
    out.say(
      { ...fields, peerVersion: other.version, theirsMs: round(median(others)), ratio },
      `${text}, PyTorch ${other.version} ${Math.round(median(others))} ms, ratio ${ratio}`,
    );
  }
}

export async function wasmSizeBench(out) {
  const { kernelsBase64, kernelSha256 } = await import("../../dist/kernels/binary.js");
  const bytes = Buffer.from(kernelsBase64, "base64");
  const same = createHash("sha256").update(bytes).digest("hex") === kernelSha256;
  const packed = gzipSync(bytes, { level: 9 }).length;
  out.say(
    { bench: "wasm-size", bytes: bytes.length, gzip: packed, sha256: kernelSha256, matches: same },
    `wasm-size: ${bytes.length} bytes (${packed} gzipped), limit 32768, SHA-256 ${kernelSha256.slice(0, 12)}... ${same ? "matches" : "DOES NOT MATCH"}`,
  );
}
