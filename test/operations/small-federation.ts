/** A federation small enough to be trained in a second, with a coordinator as a process of its own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Running, start } from "./processes.js";

export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export function federationText(names: readonly string[]): string {
  return `federation: small
task: { kind: failure, window: 24h, horizon: 24h, stride: 12h }
data: { use: fleet, machines: ${3 * names.length}, days: 20, sites: ${names.length}, siteNames: [${names.join(", ")}] }
split: { by: time, test: 0.4 }
sites: { use: by, column: site }
model: { use: mlp, hidden: [8] }
training: { optimizer: { use: adam, learningRate: 0.005 }, loss: { use: bce }, epochs: 1, batch: 32 }
rounds: 2
threshold: max-f1
compare: { scenarios: [federated] }
seed: 7
`;
}

/** Starts `serve` in FOLDER/coordinator; tokens are in FOLDER/coordinator/tokens when its address has been printed. */
export function serveSmall(folder: string, names: readonly string[], more: readonly string[] = []): Running {
  writeFileSync(join(folder, "federation.yaml"), federationText(names));
  const data = join(folder, "coordinator");
  return start(
    process.execPath,
    [main, "serve", "federation.yaml", "--data", data, "--port", "0", "--sites", names.join(","), "--invite", ...more],
    folder,
  );
}

/** An empty folder for a plant with its site file. */
export function plantFolder(folder: string, name: string): string {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "site.yaml"), `site: ${name}\ndata: federation\n`);
  return own;
}
