/**
 * Adds to package-lock.json the optional packages of other platforms that a registry mirror did not have when the lock was
 * written: without them `npm ci` refuses the lock everywhere. Run after every `npm install`; it changes nothing when nothing is missing.
 *
 * Only name, version and platform are added. npm installs such a package on its own platform without an integrity hash to check.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const systems = {
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  win32: "win32",
  openharmony: "openharmony",
  sunos: "sunos",
  netbsd: "netbsd",
  openbsd: "openbsd",
  aix: "aix",
  wasm32: undefined,
};
const processors = {
  arm64: "arm64",
  x64: "x64",
  arm: "arm",
  ia32: "ia32",
  riscv64: "riscv64",
  ppc64: "ppc64",
  s390x: "s390x",
  loong64: "loong64",
  wasm32: "wasm32",
  universal: undefined,
};

/** The platform that such a package names: "@x/binding-linux-arm-gnueabihf" is linux, arm, glibc. */
export function platformOf(name) {
  const words = name.split("/").at(-1).split("-");
  const os = words.find((word) => word in systems && systems[word] !== undefined);
  const cpu = words.find((word) => word in processors && processors[word] !== undefined);
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : words.some((word) => word.startsWith("gnu")) ? "glibc" : undefined;
  return { os, cpu, libc };
}

/** Names and versions that locked packages want optionally and the lock does not hold. */
export function missingOptional(lock) {
  const missing = new Map();
  for (const [place, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      // Node's own way of looking: beside the package, then in every folder above it.
      let folder = place;
      let found = false;
      for (;;) {
        found ||= lock.packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined;
        if (found || folder === "") break;
        folder = folder.includes("/node_modules/") ? folder.slice(0, folder.lastIndexOf("/node_modules/")) : "";
      }
      if (!found) missing.set(name, { version, dev: entry.dev === true });
    }
  }
  return missing;
}

function complete() {
  const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingOptional(lock);
  for (const [name, { version, dev }] of missing) {
    if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${name}: expected an exact version, got ${version}`);
    const { os, cpu, libc } = platformOf(name);
    if (os === undefined && cpu === undefined) throw new Error(`${name}: expected a platform in its name`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu === undefined ? {} : { cpu: [cpu] }),
      ...(dev ? { dev: true } : {}),
      ...(libc === undefined ? {} : { libc: [libc] }),
      optional: true,
      ...(os === undefined ? {} : { os: [os] }),
    };
  }
  const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
  console.log(`${missing.size} optional packages of other platforms added`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) complete();
