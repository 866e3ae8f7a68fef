/**
 * What a result says, in one plain sentence: did learning together help the sites? It is not a significance test: with several seeds a
 * difference counts when it exceeds two standard deviations of its own spread over the seeds, with one seed when it exceeds two percent,
 * and then the reader is told that it is one seed.
 */
import type { ScenarioName } from "../../lab/result.js";
import { formatMetric, formatSpread, metricInfo } from "./metrics.js";
import { type ResultView, spread } from "./view.js";

export interface Verdict {
  readonly outcome: "helped" | "no-difference" | "hurt" | "not-compared";
  readonly title: string;
  readonly detail: readonly string[];
}

/** Share of the local figure by which a single run must differ before it is called a difference. */
const margin = 0.02;

export function verdict(view: ResultView): Verdict {
  const { metric, better } = view.headline;
  const label = metricInfo(metric).label;
  const of = (name: ScenarioName): readonly number[] | undefined =>
    view.scenarios.find((s) => s.name === name)?.metrics[metric]?.values.filter(Number.isFinite);
  const federated = of("federated");
  const everybody = of("local");
  const centralised = of("centralised");
  const show = (values: readonly number[]): string => formatSpread(metric, spread(values));
  if (federated === undefined || federated.length === 0 || everybody === undefined || everybody.length === 0) {
    const only = federated === undefined || federated.length === 0 ? "" : `${label} ${show(federated)} federated. `;
    return {
      outcome: "not-compared",
      title: `${only}Nothing to compare with: only ${view.scenarios.map((s) => s.name).join(" and ")} was run.`,
      detail: ["Run with --compare to see what the sites would reach alone, and with all data pooled."],
    };
  }
  const sign = better === "higher" ? 1 : -1;
  // Staying alone can mean two things: one's own model on one's own machines, or on everybody's. Federation must beat the better of them.
  const own = view.runs.flatMap((run) => run.scenarios.local?.ownMachines?.[metric] ?? []);
  const onOwn = own.length === everybody.length && sign * (spread(own).mean - spread(everybody).mean) > 0;
  const local = onOwn ? own : everybody;
  const alone = onOwn ? "when every site learns alone and answers for its own machines" : "when every site learns alone";
  const gains = federated.slice(0, local.length).map((v, i) => sign * (v - local[i]));
  const gain = spread(gains);
  const several = gains.length > 1;
  const needed = several ? 2 * gain.sd : margin * Math.abs(spread(local).mean);
  const outcome = gain.mean > needed ? "helped" : gain.mean < -needed ? "hurt" : "no-difference";
  const title = {
    helped: `Learning together helped: ${label} ${show(federated)}, against ${show(local)} ${alone}.`,
    "no-difference": `Federation did not help here: ${label} ${show(federated)} together, ${show(local)} ${alone}, no clear difference.`,
    hurt: `Federation did not help here, it hurt: ${label} ${show(federated)} together, ${show(local)} ${alone}.`,
  }[outcome];
  return { outcome, title, detail: details(view, { federated, centralised, several }) };
}

function details(
  view: ResultView,
  facts: { federated: readonly number[]; centralised: readonly number[] | undefined; several: boolean },
): string[] {
  const { metric, better } = view.headline;
  const label = metricInfo(metric).label;
  const lines: string[] = [];
  if (facts.centralised !== undefined && facts.centralised.length > 0) {
    const pooled = spread(facts.centralised).mean;
    const together = spread(facts.federated).mean;
    const ratio = better === "higher" ? together / pooled : pooled / together;
    if (Number.isFinite(ratio) && pooled > 0) {
      lines.push(
        `That is ${Math.round(ratio * 100)} % of what pooling all rows in one place reaches (${label} ${formatMetric(metric, pooled)}).`,
      );
    }
  }
  const sites = sitesBetterOff(view);
  if (sites !== undefined)
    lines.push(`${sites.better} of ${sites.all} sites do better with the common model than alone, ${sites.worse} worse.`);
  lines.push(
    facts.several
      ? `Mean \u00b1 standard deviation over ${view.seeds.length} seeds; a difference counts when it exceeds two standard deviations of itself.`
      : "One seed. Run with --seeds 5 to see how much of the difference is chance.",
  );
  return lines;
}

/** Sites whose own test figure is better federated than alone, in the first run; undefined where the sites have none. */
export function sitesBetterOff(view: ResultView): { better: number; worse: number; all: number } | undefined {
  const { metric, better } = view.headline;
  const federated = view.first.scenarios.federated;
  const local = view.first.scenarios.local;
  if (federated === undefined || local === undefined) return undefined;
  const alone = new Map(local.perSite.map((s) => [s.site, s.metrics[metric]]));
  let up = 0;
  let down = 0;
  let all = 0;
  for (const site of federated.perSite) {
    const a = alone.get(site.site);
    const f = site.metrics[metric];
    if (a === undefined || f === undefined) continue;
    all++;
    const gain = better === "higher" ? f - a : a - f;
    if (gain > 0) up++;
    if (gain < 0) down++;
  }
  return all === 0 ? undefined : { better: up, worse: down, all };
}
