/** What is printed beside the models: hand rules and ceilings, and what a reader should know before believing a figure. */
import type { Examples } from "../data/dataset.js";
import type { ResolvedTask } from "../data/pipeline.js";
import { regressionMetrics } from "../evaluation/regression.js";
import { detectionDefaults } from "../round/file.js";
import { trivialReferences } from "./detect.js";
import { fleetReferences, isFleet } from "./fleet-references.js";
import type { Reference, ScenarioName, ScenarioResult, SimulationResult } from "./result.js";
import type { PreparedSite, Trained } from "./scenarios.js";
import type { Setup } from "./setup.js";

/** Rules without a model, judged on the same test examples. */
export function referencesOf(setup: Setup, task: ResolvedTask, sites: readonly PreparedSite[]): Reference[] {
  if (setup.outputs.kind === "reconstruction") {
    return trivialReferences(
      sites.map((site) => site.test),
      setup.file.detection ?? detectionDefaults,
      task.window,
    );
  }
  // The fleet's clock ticks in hours, so its horizon in milliseconds is as many rows.
  if (isFleet(setup.dataset) && task.spec.kind === "failure" && task.horizon !== undefined) {
    return fleetReferences(
      setup.dataset,
      { window: task.window, horizon: task.horizon / task.tick },
      sites.map((site) => site.test),
    );
  }
  return lastValueReference(sites.map((site) => site.test));
}

/** What saying "as it was last" reaches, where the model predicts the difference to the last known value; nothing elsewhere. */
export function lastValueReference(tests: readonly Pick<Examples, "answers">[]): Reference[] {
  const known = tests.flatMap(({ answers }) => (answers?.bases === undefined ? [] : [answers]));
  const bases = known.flatMap((answers) => Array.from(answers.bases as Float64Array));
  if (bases.length === 0) return [];
  const values = known.flatMap((answers) => Array.from(answers.values));
  return [{ name: "last value", explanation: "the last known value of the target, unchanged", metrics: regressionMetrics(bases, values) }];
}

/** Staying alone as a plant would: its own model for its own machines. */
export function aloneReference(local: ScenarioResult | undefined): Reference[] {
  if (local?.ownMachines === undefined) return [];
  const explanation = "every site's own model answers for the site's own machines only, all answers counted together";
  return [{ name: "local, own machines", explanation, metrics: local.ownMachines }];
}

/** A difference below this share of the local figure is no gain worth the name. */
const noticeable = 0.02;

/** Caveats in plain words; negative results come first. */
export function remarksOf(
  setup: Setup,
  headline: SimulationResult["headline"],
  scenarios: Partial<Record<ScenarioName, ScenarioResult>>,
  federated: Trained,
): string[] {
  const remarks: string[] = [];
  const own = federated.result.metrics[headline.metric];
  const local = scenarios.local?.metrics[headline.metric];
  if (own === undefined) remarks.push(`${headline.metric} is not defined on this test data (no positive example, or nothing was flagged).`);
  // Two ways to stay alone: with the own model on everybody's machines, and on the own machines only. Federation helps where it beats both.
  const alone: [number | undefined, string][] = [
    [scenarios.local?.ownMachines?.[headline.metric], "their own machines"],
    [local, "everybody's machines"],
  ];
  for (const [figure, where] of alone) {
    if (own === undefined || figure === undefined) continue;
    const gain = headline.better === "higher" ? own - figure : figure - own;
    if (gain > noticeable * Math.abs(figure)) continue;
    remarks.push(
      `Federation did not help here: on ${where} the sites' own models reach ${headline.metric} ${figure.toFixed(3)}, the shared one ${own.toFixed(3)}.`,
    );
    break;
  }
  const worse = sitesBetterAlone(headline, scenarios);
  if (worse.length > 0) {
    remarks.push(
      `On its own machines, ${worse.length === 1 ? "one site does" : `${worse.length} sites do`} better alone: ${worse.slice(0, 8).join(", ")}${worse.length > 8 ? ", ..." : ""}.`,
    );
  }
  const skipped = federated.run.rounds.filter((round) => round.excluded.length > 0).length;
  if (skipped > 0)
    remarks.push(`In ${skipped} of ${federated.run.rounds.length} rounds at least one site was left out; the rounds say who and why.`);
  if (federated.threshold !== undefined) {
    remarks.push(
      `Threshold ${federated.threshold.threshold.toPrecision(4)}: ${federated.threshold.reason}. Chosen on training or validation data of all sites, never on test data.`,
    );
  }
  if (federated.run.rounds.length > 0) {
    remarks.push(
      "Optimiser state starts afresh in every round, in all three scenarios. The losses are means in training mode and a release of their own.",
    );
  }
  return [...remarks, ...(setup.dataset.notes ?? [])];
}

function sitesBetterAlone(headline: SimulationResult["headline"], scenarios: Partial<Record<ScenarioName, ScenarioResult>>): string[] {
  const local = scenarios.local;
  const federated = scenarios.federated;
  if (local === undefined || federated === undefined) return [];
  const shared = new Map(federated.perSite.map((one) => [one.site, one.metrics[headline.metric]]));
  return local.perSite.flatMap(({ site, metrics }) => {
    const alone = metrics[headline.metric];
    const together = shared.get(site);
    if (alone === undefined || together === undefined) return [];
    return (headline.better === "higher" ? alone > together : alone < together) ? [site] : [];
  });
}
