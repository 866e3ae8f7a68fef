/** `millwright data fetch`: downloads a data set from its origin, resuming, each file held to its hash. */
import type { Command } from "commander";
import { fail } from "../../../core/errors.js";
import type { SetName } from "../../../data/source-spec.js";
import type { FetchReport } from "../../../io/fetch/fetch.js";
import { type Context, colorsFor, line, writeJson } from "../../context.js";
import type { ExitCode } from "../../exit-codes.js";
import { type Run, wantsJson } from "../../program.js";
import { bytes, nearest } from "../../show/text.js";
import { resolvePath } from "../numbers.js";

export function fetchVerb(data: Command, run: Run): void {
  data
    .command("fetch")
    .description("Download a data set from its origin; goes on where it was cut off, and keeps nothing whose hash is wrong.")
    .argument("<name>", "name as `data list` shows it")
    .option("--to <dir>", "folder of data sets (default: MILLWRIGHT_DATA, else ~/.cache/millwright)")
    .option("--origin <url>", "a mirror instead of raw.githubusercontent.com: URL/owner/repository/commit/path")
    .option("--json", "print what was fetched as JSON")
    .action((name: string, options: { to?: string; origin?: string }, command) =>
      run(async (context) => {
        const { setNames } = await import("../../../data/source-spec.js");
        if (!setNames.includes(name as SetName)) {
          const near = nearest(name, setNames);
          fail("USAGE", {
            where: "data fetch",
            expected: `one of ${setNames.join(", ")}`,
            got: name,
            ...(name === "fleet"
              ? { remedy: "the fleet is built in and needs no download" }
              : near === undefined
                ? {}
                : { remedy: `did you mean ${near}?` }),
          });
        }
        const { fetchDataset } = await import("../../../io/fetch/fetch.js");
        const { defaultDataRoot } = await import("../../../io/source/folder.js");
        const root = options.to === undefined ? context.env.MILLWRIGHT_DATA || defaultDataRoot() : resolvePath(context, options.to);
        const json = wantsJson(command);
        const report = await fetchDataset(name as SetName, root, {
          ...(options.origin === undefined ? {} : { origin: options.origin }),
          fetch: (input, init) => fetch(input, { ...init, signal: joined(init?.signal, context.interrupt) }),
          onProgress: told(context),
        });
        if (json) writeJson(context, report);
        return conclude(context, report, json);
      }),
    );
}

const joined = (one: AbortSignal | null | undefined, other: AbortSignal): AbortSignal => (one ? AbortSignal.any([one, other]) : other);

/** One line per file when it starts and every ten megabytes. */
function told(context: Context): (progress: { file: string; index: number; count: number; received: number; total?: number }) => void {
  let [file, next] = ["", 0];
  return (progress) => {
    if (progress.file !== file) [file, next] = [progress.file, 0];
    if (progress.received < next) return;
    next = progress.received + 10_000_000;
    const of = progress.total === undefined ? "" : ` of ${bytes(progress.total)}`;
    line(context.err, `file ${progress.index}/${progress.count}  ${progress.file}  ${bytes(progress.received)}${of}`);
  };
}

function conclude(context: Context, report: FetchReport, json: boolean): ExitCode {
  const stream = json ? context.err : context.out;
  const color = colorsFor(stream, context.env);
  if (!json) line(stream, `${report.folder}: ${report.fetched.length} files fetched, ${report.present.length} were there.`);
  if (report.missing.length === 0) return 0;
  line(stream, color.yellow(`${report.missing.length} files have no download and must be brought:`));
  for (const { file, reason } of report.missing.slice(0, 20)) line(stream, `  ${file}: ${reason}`);
  if (report.missing.length > 20) line(stream, `  and ${report.missing.length - 20} more`);
  return 4;
}
