/**
 * Prints the SHA-256 of everything that must be the same everywhere, as JSON; runs on plain Node over dist/, so that any version
 * and any processor can run it (under an emulator too).
 *
 *   node test/determinism/determinism.mjs            print
 *   node test/determinism/determinism.mjs --check    compare with hashes.json beside this file; exit 1 and name what differs
 *   node test/determinism/determinism.mjs --update   write hashes.json
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { federationHashes } from "./federation.mjs";
import { portableHashes } from "./portable.mjs";

const load = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const file = fileURLToPath(new URL("hashes.json", import.meta.url));

const hashes = { ...(await portableHashes(load)), ...(await federationHashes(load)) };
const here = `node ${process.version} ${process.platform} ${process.arch}`;

if (process.argv.includes("--update")) {
  writeFileSync(file, `${JSON.stringify(hashes, null, 2)}\n`);
  console.log(`wrote ${Object.keys(hashes).length} hashes (${here})`);
} else if (process.argv.includes("--check")) {
  const committed = JSON.parse(readFileSync(file, "utf8"));
  const names = [...new Set([...Object.keys(committed), ...Object.keys(hashes)])];
  const wrong = names.filter((name) => committed[name] !== hashes[name]);
  for (const name of wrong) console.log(`${name}: expected ${committed[name]}, got ${hashes[name]}`);
  console.log(`${names.length - wrong.length} of ${names.length} hashes equal (${here})`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else {
  console.log(JSON.stringify(hashes, null, 2));
}
