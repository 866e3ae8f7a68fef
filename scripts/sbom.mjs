/**
 * The parts of the package as CycloneDX 1.5 JSON: what is installed with it, at the lock's versions, with licences, hashes and who needs whom.
 * `npm sbom` says the same of an installed tree, but leaves the format's metadata to its own version; this reads the lock only, needs no
 * network and gives the same bytes for the same lock (no timestamp, a serial number of its content). A test holds both against each other.
 *
 *   node scripts/sbom.mjs [FILE]
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Package URL (purl specification, type npm). */
const purl = (name, version) => `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
const algorithms = { sha512: "SHA-512", sha256: "SHA-256", sha1: "SHA-1" };

function hashesOf(integrity) {
  return (integrity ?? "").split(" ").flatMap((one) => {
    const [algorithm, text] = [one.slice(0, one.indexOf("-")), one.slice(one.indexOf("-") + 1)];
    return algorithms[algorithm] === undefined
      ? []
      : [{ alg: algorithms[algorithm], content: Buffer.from(text, "base64").toString("hex") }];
  });
}

/** Where Node would find `name` from the package at `place`. */
function found(packages, place, name) {
  for (let folder = place; ; folder = folder.includes("/node_modules/") ? folder.slice(0, folder.lastIndexOf("/node_modules/")) : "") {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === "") return undefined;
  }
}

export function sbom(lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))) {
  const { packages } = lock;
  const own = packages[""];
  const kept = new Map([["", purl(own.name, own.version)]]);
  for (const [path, one] of Object.entries(packages)) {
    if (path === "" || one.dev === true || one.peer === true || one.devOptional === true) continue;
    kept.set(path, purl(path.replace(/^.*node_modules\//, ""), one.version));
  }
  const components = [...kept]
    .filter(([path]) => path !== "")
    .map(([path, ref]) => {
      const { version, license, integrity, resolved, optional } = packages[path];
      const full = path.replace(/^.*node_modules\//, "");
      const [group, name] = full.startsWith("@") ? full.split("/") : [undefined, full];
      const licences =
        license === undefined
          ? {}
          : { licenses: [/ (OR|AND|WITH) /.test(license) ? { expression: license } : { license: { id: license } }] };
      const hashes = hashesOf(integrity);
      return {
        type: "library",
        "bom-ref": ref,
        ...(group === undefined ? {} : { group }),
        name,
        version,
        scope: optional === true ? "optional" : "required",
        ...(hashes.length === 0 ? {} : { hashes }),
        ...licences,
        purl: ref,
        ...(resolved === undefined || !/^https:\/\/registry\.npmjs\.org\//.test(resolved)
          ? {}
          : { externalReferences: [{ type: "distribution", url: resolved }] }),
      };
    });
  const seen = new Set();
  const unique = components.filter((one) => !seen.has(one["bom-ref"]) && seen.add(one["bom-ref"]));
  const dependencies = new Map();
  for (const [path, ref] of kept) {
    const { dependencies: needs = {}, optionalDependencies: wants = {} } = packages[path];
    const on = Object.keys({ ...needs, ...wants }).flatMap((name) => kept.get(found(packages, path, name)) ?? []);
    dependencies.set(ref, [...new Set([...(dependencies.get(ref) ?? []), ...on])].sort());
  }
  const body = {
    metadata: {
      component: {
        type: "application",
        "bom-ref": kept.get(""),
        name: own.name,
        version: own.version,
        purl: kept.get(""),
        licenses: [{ license: { id: own.license } }],
      },
    },
    components: unique,
    dependencies: [...dependencies].map(([ref, dependsOn]) => ({ ref, dependsOn })),
  };
  const hex = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  // A UUID of version 8 (RFC 9562): its bits are ours to choose.
  const serial = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { bomFormat: "CycloneDX", specVersion: "1.5", serialNumber: `urn:uuid:${serial}`, version: 1, ...body };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = `${JSON.stringify(sbom(), null, 1)}\n`;
  if (process.argv[2] === undefined) process.stdout.write(text);
  else writeFileSync(process.argv[2], text);
}
