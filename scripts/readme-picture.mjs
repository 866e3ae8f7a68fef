/**
 * What the README shows of a real run: draws docs/report.png, the top of its report, and puts its table into README.md. Needs a build, Chromium
 * (CHROME names one that is not on the path) and a run folder: out/fleet of `npm start` unless another is named.
 *
 *   node scripts/readme-picture.mjs [run folder]
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = resolve(process.argv[2] ?? join(root, "out", "fleet"));
const report = join(run, "report.html");
const picture = join(root, "docs", "report.png");
const size = { width: 1080, height: 910 };
const mostBytes = 150_000;

/** Chromium's place, or undefined. */
function browser() {
  if (process.env.CHROME) return process.env.CHROME;
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
}

if (!existsSync(report)) throw new Error(`expected ${report}: run npm start first, or name a run folder`);
const executablePath = browser();
if (executablePath === undefined) throw new Error("expected Chromium on the path, or its place in CHROME");
const running = await chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await running.newPage({ viewport: size, colorScheme: "light" });
  await page.goto(pathToFileURL(report).href);
  await page.screenshot({ path: picture });
} finally {
  await running.close();
}
const bytes = statSync(picture).size;
if (bytes > mostBytes) throw new Error(`expected at most ${mostBytes} bytes, got ${bytes}`);
console.log(`docs/report.png: ${bytes} bytes, from ${report}`);

const { comparison } = await import("../dist/cli/show/closing.js");
const { verdict } = await import("../dist/cli/show/verdict.js");
const { viewOf } = await import("../dist/cli/show/view.js");
const view = viewOf(JSON.parse(readFileSync(join(run, "result.json"), "utf8")));
const same = (text) => text;
const table = [...comparison(view, { dim: same, bold: same }, 140), "", verdict(view).title].map((line) => line.trimEnd()).join("\n");
const readme = join(root, "README.md");
// An opening fence stands after an empty line; a closing one does not.
const block = /(?<=\n\n)```\n[\s\S]*?^```$/m;
writeFileSync(
  readme,
  readFileSync(readme, "utf8").replace(block, () => `\`\`\`\n${table}\n\`\`\``),
);
console.log(table);
