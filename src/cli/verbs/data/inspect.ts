/** `millwright data inspect`: what a data set holds before anything is trained on it. */
import { dirname } from "node:path";
import type { Command } from "commander";
import type { Dataset } from "../../../data/dataset.js";
import type { DatasetFacts } from "../../../data/inspect.js";
import { distinctLimit } from "../../../data/inspect-columns.js";
import type { SetName } from "../../../data/source-spec.js";
import { type Colors, type Context, colorsFor, line, writeJson } from "../../context.js";
import { type Run, wantsJson } from "../../program.js";
import { formatSize } from "../../show/metrics.js";
import { count, plain, sparkline, table, wrap } from "../../show/text.js";
import { resolvePath } from "../numbers.js";

export function inspectVerb(data: Command, run: Run): void {
  data
    .command("inspect")
    .description("Show a data set: columns, gaps, duplicates, balance of the answers, histograms, drift between sites.")
    .argument("<what>", "federation file, name of a data set, or path to your own table")
    .option("--set <name>", "subset of cmapss: FD001 to FD004", "FD001")
    .option("--json", "print the facts as JSON")
    .action((what: string, options: { set: string }, command) =>
      run(async (context) => {
        const facts = await inspect(context, what, options.set);
        if (wantsJson(command)) writeJson(context, facts);
        else for (const text of describe(facts, colorsFor(context.out, context.env), context.out.columns ?? 110)) line(context.out, text);
        return 0;
      }),
    );
}

async function inspect(context: Context, what: string, set: string): Promise<DatasetFacts> {
  const { deal, isFederationFile } = await import("../../federation.js");
  const { inspectDataset, sitesOfRows } = await import("../../../data/inspect.js");
  if (isFederationFile(what)) {
    const { parts } = await deal(resolvePath(context, what), context.env.MILLWRIGHT_DATA);
    // The prepared data is what sites hold: resampled, gaps filled, in its final units.
    const { dataset } = parts[0];
    return inspectDataset(dataset, sitesOfRows(dataset.readings.rows, parts));
  }
  return inspectDataset(await datasetOf(context, what, set));
}

async function datasetOf(context: Context, what: string, set: string): Promise<Dataset> {
  const { load } = await import("../../federation.js");
  const { dataSpecSchema, setNames } = await import("../../../data/source-spec.js");
  const root = context.env.MILLWRIGHT_DATA;
  if (what === "fleet" || setNames.includes(what as SetName)) {
    return load(dataSpecSchema.parse(what === "cmapss" ? { use: what, set } : { use: what }), context.cwd, root);
  }
  const path = resolvePath(context, what);
  const { lookAtTable } = await import("../../../io/source/table.js");
  const { guessRoles } = await import("../../init/guess.js");
  const { machine, time, target } = guessRoles(await lookAtTable(path));
  return load(
    dataSpecSchema.parse({ use: "table", path, ...(machine && { machine }), ...(time && { time }), ...(target && { target }) }),
    dirname(path),
    root,
  );
}

/** Columns and labels listed on a terminal; the JSON has all. */
const listed = 60;

function describe(facts: DatasetFacts, color: Colors, columns: number): string[] {
  const room = Math.max(60, Math.min(columns, 120));
  return [
    color.bold(plain(facts.name)),
    ...wrap(plain(facts.description), room),
    "",
    ...table(overview(facts), ["left", "left"]),
    "",
    ...columnTable(facts, color),
    ...drift(facts, color),
    ...(facts.notes.length === 0 ? [] : [""]),
    ...facts.notes.flatMap((note) => wrap(`- ${plain(note)}`, room, "  ")),
  ];
}

function overview(facts: DatasetFacts): string[][] {
  const { machines, clock, labels, events, split } = facts;
  const counts = (list: readonly { readonly label: string; readonly rows: number }[]): string =>
    plain(
      list
        .slice(0, 8)
        .map((l) => `${l.label} ${count(l.rows)}`)
        .join(", ") + (list.length > 8 ? `, and ${list.length - 8} more` : ""),
    );
  const moment = (value: number): string =>
    clock?.kind === "time" ? new Date(value).toISOString().slice(0, 16).replace("T", " ") : formatSize(value);
  const rows = [["rows", count(facts.rows)]];
  if (machines !== undefined) {
    rows.push([
      "machines",
      `${count(machines.count)}, with ${count(machines.fewestRows)} to ${count(machines.mostRows)} rows, median ${count(machines.medianRows)}`,
    ]);
  }
  if (clock !== undefined) {
    // A count has no time between its readings: it is regular where it has no gaps.
    const step = clock.kind !== "time" ? "a count" : clock.step === undefined ? "irregular" : `every ${clock.step / 1000} s`;
    rows.push(["clock", `${plain(clock.column)}, ${moment(clock.first)} to ${moment(clock.last)}, ${step}`]);
    rows.push([
      "gaps",
      clock.gaps === 0
        ? "none"
        : `${count(clock.gaps)}, the longest ${clock.kind === "time" ? `${clock.longestGap / 1000} s` : clock.longestGap}`,
    ]);
  }
  rows.push(["duplicates", count(facts.duplicates)]);
  if (labels !== undefined)
    rows.push([
      "answer",
      `${plain(labels.column)}: ${labels.counts.length === 0 ? "a number" : counts(labels.counts)}${labels.missing > 0 ? `, ${count(labels.missing)} missing` : ""}`,
    ]);
  if (events !== undefined)
    rows.push(["events", `${count(events.count)}: ${counts(events.kinds)}; ${count(events.machinesWithout)} machines without`]);
  if (split !== undefined) rows.push(["fixed split", counts(split)]);
  return rows;
}

function columnTable(facts: DatasetFacts, color: Colors): string[] {
  const head = ["column", "role", "kind", "missing", "different", "mean", "sd", "least", "most", "histogram"].map((h) => color.dim(h));
  const figure = (value: number | undefined): string => (value === undefined || !Number.isFinite(value) ? "" : formatSize(value));
  const rows = facts.columns.slice(0, listed).map((c) => {
    const numeric = c.kind === "number";
    return [
      plain(c.name),
      c.role,
      c.kind + (c.unit === undefined ? "" : ` [${plain(c.unit)}]`),
      c.missing === 0 ? "" : count(c.missing),
      c.constant ? "constant" : c.distinct >= distinctLimit ? `${count(distinctLimit)} or more` : count(c.distinct),
      ...[c.mean, c.sd, c.min, c.max].map((v) => (numeric ? figure(v) : "")),
      c.histogram === undefined || !numeric ? "" : sparkline(c.histogram.counts, 20),
    ];
  });
  const rest = facts.columns.length - listed;
  return [...table([head, ...rows], ["left", "left", "left"]), ...(rest > 0 ? [`and ${rest} more columns`] : [])];
}

function drift(facts: DatasetFacts, color: Colors): string[] {
  if (facts.drift === undefined || facts.drift.columns.length === 0) return [];
  const rows = facts.drift.columns.slice(0, 12).map((c) => {
    const shifts = (c.shift ?? []).filter((s): s is number => s !== undefined && Number.isFinite(s));
    const most = shifts.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const verdict = c.worst.psi > 0.25 ? "shifted" : c.worst.psi > 0.1 ? "some" : "stable";
    return [plain(c.name), c.worst.psi.toFixed(3), plain(c.worst.site), shifts.length === 0 ? "" : most.toFixed(2), verdict];
  });
  const head = ["drift between sites", "worst PSI", "at", "largest shift (sd)", ""].map((h) => color.dim(h));
  return ["", ...table([head, ...rows], ["left", "right", "left", "right", "left"])];
}
