/** Writes docs/results.md from evidence/*.json. `--check` only says whether it is up to date. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { resultsPage } from "./lib/results-page.mjs";
import { rows } from "./lib/results-rows.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const place = join(root, "docs/results.md");

/** The page that the evidence in the tree gives. */
export function currentPage() {
  const folder = join(root, "evidence");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const evidence = Object.fromEntries(
    names.sort().map((name) => [name.slice(0, -5), JSON.parse(readFileSync(join(folder, name), "utf8"))]),
  );
  return resultsPage(rows, evidence);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const page = currentPage();
  const equal = existsSync(place) && readFileSync(place, "utf8") === page;
  if (process.argv.includes("--check")) {
    console.log(
      equal
        ? "docs/results.md is what the evidence gives"
        : "docs/results.md is not what the evidence gives: run node scripts/docs-results.mjs",
    );
    process.exitCode = equal ? 0 : 1;
  } else if (!equal) {
    writeFileSync(place, page);
    console.log("docs/results.md written");
  }
}
