/** `millwright data partition`: how a file's data falls over its sites, in numbers, on the terminal and as a picture. */
import type { Command } from "commander";
import { version } from "../../../io/version.js";
import type { PartitionSummary } from "../../../lab/result.js";
import { type Context, colorsFor, line, writeJson } from "../../context.js";
import { type Run, wantsJson } from "../../program.js";
import { bar, count, plain, table } from "../../show/text.js";
import { writeWhole } from "../files.js";
import { resolvePath, shownPath } from "../numbers.js";

export function partitionVerb(data: Command, run: Run): void {
  data
    .command("partition")
    .description("Show how a file's data falls over its sites: examples, answers, skew.")
    .argument("<file>", "federation file, YAML or JSON")
    .option("--out <file>", "draw it as an HTML page")
    .option("--json", "print the numbers as JSON")
    .action((path: string, options: { out?: string }, command) =>
      run(async (context) => {
        const { deal, summary } = await import("../../federation.js");
        const dealt = await deal(resolvePath(context, path), context.env.MILLWRIGHT_DATA);
        const numbers = summary(dealt);
        if (options.out !== undefined) {
          const { renderPartition } = await import("../../report/report.js");
          writeWhole(resolvePath(context, options.out), renderPartition(dealt.file.federation, numbers, version()));
        }
        if (wantsJson(command)) writeJson(context, numbers);
        else show(context, numbers);
        if (options.out !== undefined && !wantsJson(command))
          line(context.out, `Drawn in ${shownPath(context, resolvePath(context, options.out))}`);
        return 0;
      }),
    );
}

/** Sites listed on a terminal; the JSON and the page have all. */
const listed = 50;

function show(context: Context, { sites, classLabels, skew }: PartitionSummary): void {
  const color = colorsFor(context.out, context.env);
  const most = Math.max(1, ...sites.map((s) => s.train + s.validation + s.test));
  const positive = sites.some((s) => s.positives !== undefined);
  const classes = classLabels !== undefined && sites.some((s) => s.classes !== undefined);
  const target = sites.some((s) => s.targetMean !== undefined);
  const machines = sites.some((s) => s.machines > 0);
  const head = [
    "site",
    "",
    ...(machines ? ["machines"] : []),
    "training",
    "validation",
    "test",
    ...(positive ? ["positive"] : []),
    ...(classes ? ["most frequent class"] : []),
    ...(target ? ["answer"] : []),
  ];
  const rows = sites
    .slice(0, listed)
    .map((s) => [
      plain(s.site),
      bar((s.train + s.validation + s.test) / most, 20),
      ...[...(machines ? [s.machines] : []), s.train, s.validation, s.test].map(count),
      ...(positive ? [share(s.positives ?? 0, s.train)] : []),
      ...(classes ? [plain(frequent(s.classes ?? [], classLabels))] : []),
      ...(target ? [`${(s.targetMean ?? 0).toPrecision(3)} \u00b1 ${(s.targetSd ?? 0).toPrecision(3)}`] : []),
    ]);
  for (const text of table([head.map((h) => color.dim(h)), ...rows], ["left", "left"])) line(context.out, text);
  if (sites.length > listed) line(context.out, `and ${sites.length - listed} more sites`);
  line(context.out);
  const words: Readonly<Record<string, string>> = {
    quantity: "how unequal in size (0 = equal)",
    label: "how different the answers (0 = alike, 1 = disjoint)",
    feature: "how shifted the readings (in standard deviations)",
  };
  for (const text of table(
    Object.entries(skew).map(([k, v]) => [`skew, ${k}`, v.toFixed(3), color.dim(words[k] ?? "")]),
    ["left", "right", "left"],
  ))
    line(context.out, text);
}

const share = (part: number, whole: number): string => (whole === 0 ? "-" : `${count(part)} (${((100 * part) / whole).toFixed(1)} %)`);

function frequent(classes: readonly number[], labels: readonly string[]): string {
  const best = classes.indexOf(Math.max(...classes));
  return best < 0 ? "-" : `${labels[best] ?? best} (${count(classes[best])})`;
}
