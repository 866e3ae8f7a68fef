/** The list of parts agrees with the lock, with npm's own, and with THIRD-PARTY.md; the archive for machines without a network runs there. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanEnv } from "./processes.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const load = (name: string) => import(pathToFileURL(join(root, "scripts", name)).href);
const folder = mkdtempSync(join(tmpdir(), "millwright-supply-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly components: readonly {
    "bom-ref": string;
    group?: string;
    name: string;
    version: string;
    scope: string;
    hashes?: unknown[];
    licenses?: { license?: { id: string }; expression?: string }[];
  }[];
  readonly dependencies: readonly { ref: string; dependsOn: readonly string[] }[];
}
const { sbom } = (await load("sbom.mjs")) as { sbom: (lock?: unknown) => Bom };
const bom = sbom();
const ci = process.env.CI === "1";

describe("the list of parts (CycloneDX)", () => {
  it("has the form of the standard, and the same bytes every time", () => {
    expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5" });
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(JSON.stringify(sbom())).toBe(JSON.stringify(bom));
    const refs = bom.dependencies.map((one) => one.ref);
    expect(new Set(refs).size).toBe(refs.length);
    for (const one of bom.components) expect(refs).toContain(one["bom-ref"]);
    for (const { dependsOn } of bom.dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
  });

  it("changes with a version in the lock", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    lock.packages["node_modules/zod"].version = "0.0.1";
    const other = sbom(lock);
    expect(other.serialNumber).not.toBe(bom.serialNumber);
    expect(other.components.find((one) => one.name === "zod")?.version).toBe("0.0.1");
  });

  // With --omit dev npm leaves out what the workshop needs as well (zod, yaml): so all of its list, of which ours is a part.
  it("says of every package what npm says, with a hash and a free licence", () => {
    const args = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
    const done = spawnSync("npm", args, { cwd: root, encoding: "utf8", env: cleanEnv(), maxBuffer: 1 << 26 });
    expect(done.status, done.stderr).toBe(0);
    const full = (one: { group?: string; name: string }): string =>
      one.group === undefined || one.name.startsWith("@") ? one.name : `${one.group}/${one.name}`;
    const theirs = new Map((JSON.parse(done.stdout) as Bom).components.map((one) => [`${full(one)}@${one.version}`, one.hashes]));
    const required = bom.components.filter((one) => one.scope === "required");
    expect(required.length).toBeGreaterThan(10);
    for (const one of required) expect(theirs.get(`${full(one)}@${one.version}`), full(one)).toEqual(one.hashes);
    const ours = new Set(bom.components.map(full));
    const peers = /^(@duckdb|duckdb|pg|pgpass|postgres|pg-|split2|xtend|@aws|@smithy|@nats|nats|mqtt)/;
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
    for (const [name, version] of Object.entries(dependencies))
      expect(bom.components.find((one) => full(one) === name)?.version, name).toBe(version);
    expect([...ours].filter((name) => peers.test(name))).toEqual([]);
    for (const one of bom.components.filter((part) => part.scope === "required")) {
      expect(one.hashes?.length, one.name).toBeGreaterThan(0);
      const licence = one.licenses?.[0]?.license?.id ?? one.licenses?.[0]?.expression ?? "";
      expect(licence, one.name).toMatch(/^\(?(MIT|Apache-2\.0|ISC|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0)\b/);
      expect(licence, one.name).not.toMatch(/GPL/);
    }
  });

  it("agrees with THIRD-PARTY.md", () => {
    const page = readFileSync(join(root, "THIRD-PARTY.md"), "utf8");
    for (const { group, name, version, scope } of bom.components)
      if (scope === "required") expect(page).toContain(`| ${group === undefined ? name : `${group}/${name}`} | ${version} |`);
  });
});

describe("the archive for a machine without a network (needs the npm registry to be made)", () => {
  let offline: string | undefined;
  const place = join(folder, "millwright-airgap");

  beforeAll(async () => {
    const { bundleEdge } = (await load("bundle-edge.mjs")) as { bundleEdge: (compiled: string, target: string) => Promise<unknown> };
    const { airgap } = (await load("airgap.mjs")) as { airgap: (target: string, options: object) => { files: number } };
    const edge = join(folder, "edge.mjs");
    await bundleEdge(join(root, "dist"), edge);
    const pack = spawnSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], {
      cwd: root,
      encoding: "utf8",
      env: cleanEnv(),
    });
    expect(pack.status, pack.stderr).toBe(0);
    try {
      airgap(join(folder, "out.tgz"), {
        platforms: [`${process.platform}-${process.arch}`],
        packed: join(folder, pack.stdout.trim()),
        edge,
      });
    } catch (error) {
      if (ci || !/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|ENOTCACHED/.test(String(error))) throw error;
      offline = "needs the npm registry once, to fetch the packages";
      return;
    }
    expect(spawnSync("tar", ["-xzf", join(folder, "out.tgz"), "-C", folder]).status).toBe(0);
  }, 240_000);

  it("is whole by its checksums, and one changed byte is found", (context) => {
    if (offline !== undefined) return context.skip(offline);
    const check = () => spawnSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: place, encoding: "utf8" });
    expect(check().status).toBe(0);
    const file = join(place, "THIRD-PARTY.md");
    const before = readFileSync(file);
    writeFileSync(file, Buffer.concat([before, Buffer.from(" ")]));
    expect(check().status).toBe(1);
    writeFileSync(file, before);
    expect(readdirSync(place).sort()).toEqual(
      ["LICENSE", "SHA256SUMS", "THIRD-PARTY.md", "edge.mjs", "millwright", "node_modules", "sbom.cdx.json", "systemd"].sort(),
    );
  });

  it("runs with the network off: the command, its database, the plant's file", (context) => {
    if (offline !== undefined) return context.skip(offline);
    // Root takes the network away; others only make the registry unreachable, which is what an installer would ask.
    const cut = spawnSync("unshare", ["--net", "true"]).status === 0 ? ["unshare", "--net"] : ["env"];
    const env = cleanEnv({
      npm_config_registry: "http://127.0.0.1:9",
      npm_config_offline: "true",
      PATH: `${process.execPath.replace(/\/node$/, "")}:/usr/bin:/bin`,
    });
    const run = (...args: string[]) => spawnSync(cut[0], [...cut.slice(1), ...args], { cwd: place, encoding: "utf8", env });
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(run("./millwright", "--version").stdout.trim()).toBe(version);
    expect(run("node", "edge.mjs", "--version").stdout.trim()).toBe(version);
    const database = run("node", "-e", 'const D = require("libsql"); console.log(new D(":memory:").prepare("select 6 * 7 as n").get().n)');
    expect(database.stdout.trim(), database.stderr).toBe("42");
    const plan = run("./millwright", "plan", "node_modules/millwright/examples/fleet.yaml", "--json");
    expect(plan.status, plan.stderr).toBe(0);
  });
});
