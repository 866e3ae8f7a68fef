/**
 * `npm test`: build, types, lint, tests, dead code. Closes with one line, `N passed, N failed` (and `, N skipped`),
 * that counts every test plus one for each static check. Exit code 1 when anything failed.
 *
 *   node scripts/test.mjs [vitest arguments]
 *
 * A skipped suite says in its name what it needs. With MILLWRIGHT_NO_SKIP=1 a skipped test counts as a failure too
 * (continuous integration sets it).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const rest = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };

/** No step may take longer; a test that loops without end is a failure, not a wait. */
const longest = 20 * 60_000;

function node(script, args, output = "inherit") {
  return spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ["ignore", output, output],
    encoding: "utf8",
    maxBuffer: 1 << 26,
    timeout: longest,
  });
}

/** One static check: silent when it passes, its whole output when it does not. */
function check(name, script, args) {
  const started = process.hrtime.bigint();
  const done = node(script, args, "pipe");
  const seconds = (Number(process.hrtime.bigint() - started) / 1e9).toFixed(1);
  if (done.status === 0) {
    totals.passed++;
    console.log(`ok      ${name} (${seconds} s)`);
    return true;
  }
  totals.failed++;
  console.log(`FAILED  ${name}: ${script} ${args.join(" ")}\n${done.stdout ?? ""}${done.stderr ?? ""}${done.error?.message ?? ""}`);
  return false;
}

/** Runs vitest and reads its own counts; what breaks outside a test counts as one failure. */
function tests() {
  const report = join(root, "out", `vitest-${process.pid}.json`);
  mkdirSync(dirname(report), { recursive: true });
  const args = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...rest];
  const done = node("node_modules/vitest/vitest.mjs", args);
  if (!existsSync(report)) {
    totals.failed++;
    console.log(`FAILED  vitest ended with ${done.status ?? done.signal} and without its report`);
    return;
  }
  const counts = JSON.parse(readFileSync(report, "utf8"));
  rmSync(report);
  // A file that cannot be loaded has no tests to count: it is one failure of its own.
  const brokenFiles = counts.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((t) => t.status === "failed"),
  );
  for (const file of brokenFiles) console.log(`FAILED  ${file.name}: ${file.message}`);
  const failed = counts.numFailedTests + brokenFiles.length;
  totals.passed += counts.numPassedTests;
  totals.failed += failed;
  totals.skipped += counts.numPendingTests + counts.numTodoTests;
  if (done.status !== 0 && failed === 0) {
    totals.failed++;
    console.log(`FAILED  vitest ended with ${done.status ?? done.signal} although no test failed (see the errors above)`);
  }
  const skipped = new Map();
  for (const file of counts.testResults) {
    for (const test of file.assertionResults.filter((t) => t.status === "pending" || t.status === "skipped" || t.status === "todo")) {
      const suite = test.ancestorTitles[0] ?? test.title;
      skipped.set(suite, (skipped.get(suite) ?? 0) + 1);
    }
  }
  for (const [suite, count] of skipped) console.log(`skipped ${count} in: ${suite}`);
}

const built = check("build", "scripts/build.mjs", []);
check("types of sources and tests", "node_modules/typescript/lib/tsc.js", ["-p", "tsconfig.test.json"]);
check("lint and format (biome)", "node_modules/@biomejs/biome/bin/biome", ["check", "--diagnostic-level=error", "."]);
check("dead code (knip)", "node_modules/knip/bin/knip.js", []);
if (built) tests();
else console.log("The tests were not run: they need a build.");

const noSkip = process.env.MILLWRIGHT_NO_SKIP === "1";
const skippedText = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
if (noSkip && totals.skipped > 0) console.log("MILLWRIGHT_NO_SKIP=1: nothing may be skipped here.");
console.log(`${totals.passed} passed, ${totals.failed} failed${skippedText}`);
process.exitCode = totals.failed > 0 || (noSkip && totals.skipped > 0) ? 1 : 0;
