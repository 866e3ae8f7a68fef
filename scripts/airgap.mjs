/**
 * Makes one archive for a machine that never sees the internet: the packed package with all its production packages unpacked beside it, the
 * plant's edge.mjs, the list of parts (CycloneDX) and SHA256SUMS.
 *
 *   node scripts/airgap.mjs [TARGET.tgz] [--platforms linux-x64,linux-arm64]      default: out/millwright-VERSION-airgap.tgz
 *
 * The packages are those of package-lock.json at its versions and integrity hashes, fetched once from the registry by `npm install` for
 * each platform (native parts differ; everything else is the same) and merged. On the machine, without npm and without a network:
 *
 *   tar xzf millwright-*-airgap.tgz && cd millwright-airgap && sha256sum --check --quiet SHA256SUMS && ./millwright --version
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleEdge } from "./bundle-edge.mjs";
import { sbom } from "./sbom.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** npm as this process was not called by it: the outer npm's settings are not ours. */
export function npm(args, cwd, env = {}) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm_|NODE_OPTIONS|VITEST|MILLWRIGHT_)/i.test(key)));
  const done = spawnSync("npm", args, { cwd, encoding: "utf8", env: { ...clean, ...env }, maxBuffer: 1 << 26 });
  if (done.status !== 0) throw new Error(`npm ${args.join(" ")} ended with ${done.status}\n${done.stderr}`);
  return done.stdout;
}

/** The part of the lock that is installed with the package: no development, no optional peers. */
function productionLock() {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { dependencies, overrides, engines } = own;
  const top = {
    name: "millwright-airgap",
    version,
    private: true,
    dependencies,
    ...(overrides === undefined ? {} : { overrides }),
    engines,
  };
  const packages = Object.fromEntries(
    Object.entries(lock.packages).filter(([path, one]) => path !== "" && one.dev !== true && one.peer !== true && one.devOptional !== true),
  );
  const { name: _n, private: _p, overrides: _o, ...rootEntry } = top;
  return {
    manifest: top,
    lock: { name: top.name, version, lockfileVersion: 3, requires: true, packages: { "": { name: top.name, ...rootEntry }, ...packages } },
  };
}

/** Makes the archive; `packed` is a tarball of `npm pack`, made here where none is given. */
export function airgap(target, { platforms = ["linux-x64", "linux-arm64"], packed, edge } = {}) {
  const work = mkdtempSync(join(tmpdir(), "millwright-airgap-"));
  try {
    const folder = join(work, "millwright-airgap");
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    const { manifest, lock } = productionLock();
    for (const platform of platforms) {
      const [os, cpu] = platform.split("-");
      const place = join(work, platform);
      mkdirSync(place);
      writeFileSync(join(place, "package.json"), JSON.stringify(manifest));
      writeFileSync(join(place, "package-lock.json"), JSON.stringify(lock));
      npm(
        [
          "ci",
          "--omit=dev",
          "--ignore-scripts",
          "--no-audit",
          "--no-fund",
          "--prefer-offline",
          `--os=${os}`,
          `--cpu=${cpu}`,
          "--libc=glibc",
        ],
        place,
      );
      cpSync(join(place, "node_modules"), join(folder, "node_modules"), { recursive: true, dereference: false });
    }
    rmSync(join(folder, "node_modules/.package-lock.json"), { force: true });
    rmSync(join(folder, "node_modules/.bin"), { recursive: true, force: true });
    const tarball =
      packed ??
      join(work, JSON.parse(npm(["pack", "--json", "--silent", "--pack-destination", work], root).replace(/^[^[{]*/, ""))[0].filename);
    const own = join(folder, "node_modules", name);
    mkdirSync(own);
    tar(["-xzf", tarball, "-C", own, "--strip-components=1"]);
    copyFileSync(edge ?? join(own, "dist/edge.mjs"), join(folder, "edge.mjs"));
    for (const file of ["LICENSE", "THIRD-PARTY.md"]) copyFileSync(join(root, file), join(folder, file));
    cpSync(join(root, "deploy/systemd"), join(folder, "systemd"), { recursive: true });
    writeFileSync(join(folder, "sbom.cdx.json"), `${JSON.stringify(sbom(), null, 1)}\n`);
    const start = join(folder, "millwright");
    writeFileSync(start, '#!/bin/sh\nexec node "$(dirname "$0")/node_modules/millwright/dist/cli/main.js" "$@"\n');
    chmodSync(start, 0o755);
    const sums = filesBelow(folder).map((file) => `${digest(file)}  ${relative(folder, file).split(sep).join("/")}`);
    writeFileSync(join(folder, "SHA256SUMS"), `${sums.join("\n")}\n`);
    mkdirSync(dirname(target), { recursive: true });
    // The same bytes for the same content: sorted, nobody's, of one moment.
    tar(
      [
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--mode=go=rX,u+rw",
        "-czf",
        target,
        "-C",
        work,
        "millwright-airgap",
      ],
      { GZIP: "-n" },
    );
    return { target, files: sums.length, sha256: digest(target) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function tar(args, env = {}) {
  const done = spawnSync("tar", args, { encoding: "utf8", env: { ...process.env, ...env } });
  if (done.status !== 0) throw new Error(`tar ended with ${done.status}\n${done.stderr}`);
}

const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath ?? one.path, one.name))
    .sort();
const digest = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf("--platforms");
  const platforms = at < 0 ? undefined : process.argv[at + 1].split(",");
  const named = process.argv[2];
  const target = resolve(named === undefined || named.startsWith("--") ? join(root, "out", `millwright-${version}-airgap.tgz`) : named);
  if (!existsSync(join(root, "dist/edge.mjs"))) await bundleEdge(join(root, "dist"), join(root, "dist/edge.mjs"));
  const made = airgap(target, platforms === undefined ? {} : { platforms });
  console.log(`${made.target}: ${made.files} files\nsha256 ${made.sha256}`);
}
