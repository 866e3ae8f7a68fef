/** What stands on the terminal when a simulation has ended: the comparison, what it means, where the files are, what to try next. */
import type { Metrics, Reference, TiersResult } from "../../lab/result.js";
import type { Colors } from "../context.js";
import { formatMetric, formatSpread, metricInfo, shownMetrics } from "./metrics.js";
import { bytes, plain, seconds, table, width, wrap } from "./text.js";
import { verdict } from "./verdict.js";
import { means, type ResultView, type ScenarioView, scenarioLabels } from "./view.js";

/** The comparison as tables no wider than the terminal: as many metrics beside one another as fit, the rest below. */
export function comparison(view: ResultView, color: Colors, columns: number): string[] {
  const names = shownMetrics(view.scenarios.map(means), view.headline.metric);
  const lines: string[] = [];
  for (let from = 0; from < names.length || from === 0; ) {
    let to = names.length;
    let block = part(view, names.slice(from, to), from === 0, color);
    while (to > from + 1 && Math.max(...block.map(width)) > columns) {
      to--;
      block = part(view, names.slice(from, to), from === 0, color);
    }
    lines.push(...(from === 0 ? [] : [""]), ...block);
    from = Math.max(to, from + 1);
  }
  return lines;
}

/** Some metrics of all scenarios and references; the first part also says time and bytes. */
function part(view: ResultView, names: readonly string[], first: boolean, color: Colors): string[] {
  const head = ["", ...names.map((n) => metricInfo(n).label), ...(first ? ["seconds", "bytes moved"] : [])].map((h) => color.dim(h));
  const rows = view.scenarios.map((s) => [
    s.name === "federated" ? color.bold(scenarioLabels[s.name]) : scenarioLabels[s.name],
    ...names.map((n) => cell(s, n)),
    ...(first ? [s.seconds.mean.toFixed(1), movedBytes(s)] : []),
  ]);
  const references = view.first.references
    .filter((r) => names.some((n) => r.metrics[n] !== undefined))
    .map((r) => referenceRow(r, names, color));
  return table([head, ...rows, ...references]);
}

function cell(scenario: ScenarioView, metric: string): string {
  const s = scenario.metrics[metric];
  return s === undefined ? "-" : formatSpread(metric, s);
}

/** A local-only or pooled run moves nothing over a network; its zero is a fact, not a gap. */
function movedBytes(scenario: ScenarioView): string {
  const moved = scenario.first.bytesUp + scenario.first.bytesDown;
  return moved === 0 ? "0" : bytes(moved);
}

function referenceRow(reference: Reference, shown: readonly string[], color: Colors): string[] {
  const metrics: Metrics = reference.metrics;
  const cells = shown.map((n) => (metrics[n] === undefined ? "-" : formatMetric(n, metrics[n])));
  return [plain(reference.name), ...cells].map((t) => color.dim(t));
}

export interface Written {
  readonly result?: string;
  readonly report?: string;
  readonly model?: string;
}

/** The whole closing. `columns` is the width of the terminal. */
export function closing(view: ResultView, written: Written, color: Colors, columns: number): string[] {
  const room = Math.max(40, Math.min(columns, 110));
  const said = verdict(view);
  const paint = said.outcome === "helped" ? color.green : said.outcome === "not-compared" ? color.bold : color.yellow;
  const lines = ["", ...comparison(view, color, columns), "", ...wrap(said.title, room).map(paint)];
  for (const detail of said.detail) lines.push(...wrap(detail, room));
  const { tiers } = view.first;
  if (tiers !== undefined) lines.push("", color.dim("Between the tiers"), ...tierLines(tiers, color));
  if (view.first.references.length > 0) {
    lines.push("", color.dim("Beside the models"));
    for (const r of view.first.references) lines.push(...wrap(`  ${plain(r.name)}: ${plain(r.explanation)}`, room, "    "));
  }
  if (view.first.remarks.length > 0) {
    lines.push("", color.dim("Remarks"));
    for (const remark of view.first.remarks) lines.push(...wrap(`- ${plain(remark)}`, room, "  "));
  }
  lines.push("", ...files(view, written, color), "", ...next(view, written, color));
  return lines;
}

/** The links that leave a premises, and what the same run would have moved over that distance without tiers. */
function tierLines({ links, wan, flat }: TiersResult, color: Colors): string[] {
  const shown = links
    .slice(0, 20)
    .map((one) => [`${plain(one.name)} to ${plain(one.parent)}`, `${one.sites} sites`, bytes(one.bytesUp), bytes(one.bytesDown)]);
  const rest = links.length > shown.length ? [[`and ${links.length - shown.length} more`, "", "", ""]] : [];
  return table([
    ["", "", "up", "down"].map((head) => color.dim(head)),
    ...shown,
    ...rest,
    ["all links between tiers", "", bytes(wan.bytesUp), bytes(wan.bytesDown)],
    ["without tiers", "", bytes(flat.bytesUp), bytes(flat.bytesDown)],
  ]);
}

function files(view: ResultView, written: Written, color: Colors): string[] {
  const rows: string[][] = [];
  if (written.report !== undefined) rows.push(["Report", `${color.cyan(written.report)}   open it in a browser`]);
  if (written.result !== undefined) rows.push(["Result", color.cyan(written.result)]);
  if (written.model !== undefined) rows.push(["Model", color.cyan(written.model)]);
  rows.push(["SHA-256", `${view.first.model.sha256}  of the model's ${view.first.model.parameters} numbers, seed ${view.first.seed}`]);
  rows.push(["Time", seconds(view.runs.reduce((sum, run) => sum + run.environment.seconds, 0))]);
  return table(rows, ["left", "left"]);
}

function next(view: ResultView, written: Written, color: Colors): string[] {
  const rows = [
    ["millwright init my.csv", "your own table next: a few questions, then a file that runs"],
    view.seeds.length > 1
      ? ["millwright data list", "ten named data sets with an example file each"]
      : ["millwright simulate FILE --seeds 5", "how much of the difference is chance"],
    written.model === undefined
      ? ["millwright plan FILE", "what a run will cost and what leaves a plant, before it starts"]
      : [`millwright export ${written.model} --to onnx`, "take the model elsewhere"],
  ];
  const left = Math.max(...rows.map(([a]) => width(a)));
  return [color.dim("Try next"), ...rows.map(([a, b]) => `  ${color.bold(a)}${" ".repeat(left - width(a))}  ${color.dim(b)}`)];
}
