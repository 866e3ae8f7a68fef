/** Plausible results for tests of what is printed and drawn. Only for tests: no figure of it was measured. */
import type { Metrics, ScenarioName, ScenarioResult, SimulationResult } from "../../src/lab/result.js";

export interface FixtureOptions {
  readonly kind?: "failure" | "rul" | "class";
  readonly seed?: number;
  readonly sites?: number;
  readonly rounds?: number;
  readonly helps?: boolean;
  /** Put in place of every name a stranger could choose. */
  readonly hostile?: string;
}

/** A small generator of its own, so that the picture does not change when the product's random numbers do. */
function lehmer(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) % 2147483647 || 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const base: Record<string, Record<ScenarioName, Metrics>> = {
  failure: {
    centralised: { f1: 0.83, precision: 0.86, recall: 0.8, prAuc: 0.88, rocAuc: 0.985, threshold: 0.42, loss: 0.11 },
    local: { f1: 0.58, precision: 0.66, recall: 0.52, prAuc: 0.61, rocAuc: 0.91, threshold: 0.4, loss: 0.24 },
    federated: { f1: 0.81, precision: 0.85, recall: 0.77, prAuc: 0.86, rocAuc: 0.98, threshold: 0.45, loss: 0.12 },
  },
  rul: {
    centralised: { rmse: 13.0, mae: 9.5, nasaScore: 262, rmseUncapped: 22.1, maeUncapped: 14.2, nasaScoreUncapped: 3820 },
    local: { rmse: 23.3, mae: 17.5, nasaScore: 1980, rmseUncapped: 31.7, maeUncapped: 22.9, nasaScoreUncapped: 9120 },
    federated: { rmse: 13.6, mae: 9.9, nasaScore: 288, rmseUncapped: 22.4, maeUncapped: 14.6, nasaScoreUncapped: 4013 },
  },
  class: {
    centralised: { accuracy: 0.77, macroF1: 0.78 },
    local: { accuracy: 0.61, macroF1: 0.57 },
    federated: { accuracy: 0.765, macroF1: 0.775 },
  },
};

export function fixture(options: FixtureOptions = {}): SimulationResult {
  const kind = options.kind ?? "failure";
  const random = lehmer(options.seed ?? 7);
  const sites = options.sites ?? 10;
  const rounds = options.rounds ?? 20;
  const name = (text: string): string => options.hostile ?? text;
  const siteNames = Array.from({ length: sites }, (_, i) => (options.hostile === undefined ? `plant-${i + 1}` : `${options.hostile}${i}`));
  const headline = { failure: "f1", rul: "rmse", class: "accuracy" }[kind];
  const better = kind === "rul" ? "lower" : "higher";
  const jitter = (scale: number): number => (random() - 0.5) * scale;
  const parameters = 4853;
  const up = parameters * 4 + 96;
  const weights = siteNames.map(() => 0.4 + 1.2 * random());
  const scenario = (which: ScenarioName): ScenarioResult => {
    const source = options.helps === false && which === "federated" ? base[kind].local : base[kind][which];
    const metrics = Object.fromEntries(
      Object.entries(source).map(([k, v]) => [k, v <= 1 ? Math.min(1, v + jitter(0.02)) : v * (1 + jitter(0.04))]),
    );
    return {
      metrics,
      perSite: siteNames.map((site, i) => ({
        site,
        examples: Math.round(1200 * weights[i]),
        tested: Math.round(400 * weights[i]),
        metrics: {
          [headline]:
            metrics[headline] <= 1 ? Math.max(0, Math.min(1, metrics[headline] + jitter(0.22))) : metrics[headline] * (1 + jitter(0.4)),
        },
      })),
      seconds: which === "centralised" ? 11.2 : 12 + 3 * random(),
      bytesUp: which === "federated" ? up * sites * rounds : 0,
      bytesDown: which === "federated" ? up * sites * rounds : 0,
      curves: curves(kind, which, random, options.hostile),
      model: { sha256: "9f".repeat(32), parameters },
    };
  };
  return {
    format: "millwright-result/1",
    federation: name("fleet"),
    task: kind,
    seed: options.seed ?? 7,
    headline: { metric: headline, better },
    scenarios: { centralised: scenario("centralised"), local: scenario("local"), federated: scenario("federated") },
    rounds: Array.from({ length: rounds }, (_, r) => ({
      round: r + 1,
      loss: 0.12 + 0.5 * 0.82 ** r + jitter(0.02),
      metrics: (kind === "failure" ? { f1: 0.8 * (1 - 0.75 ** (r + 1)) + jitter(0.03) } : {}) as Metrics,
      bytesUp: up * sites,
      bytesDown: up * sites,
      seconds: 0.6 + 0.1 * random(),
      memory: 48_000_000 + Math.round(2_000_000 * random()),
      included: r === 4 ? siteNames.slice(1) : siteNames,
      excluded: r === 4 ? [{ site: siteNames[0], reason: name("answered after the deadline of the round") }] : [],
      perSite: siteNames.map((site, i) => ({
        site,
        loss: 0.2,
        seconds: 0.05 * weights[i],
        bytesUp: up,
        bytesDown: up,
        memory: 40_000_000,
      })),
    })),
    partition: {
      sites: siteNames.map((site, i) => ({
        site,
        machines: Math.round(10 * weights[i]),
        train: Math.round(1200 * weights[i]),
        validation: Math.round(300 * weights[i]),
        test: Math.round(400 * weights[i]),
        ...(kind === "failure" ? { positives: Math.round(60 * weights[i] * random()) } : {}),
        ...(kind === "class" ? { classes: Array.from({ length: 6 }, () => Math.round(200 * random())) } : {}),
        ...(kind === "rul" ? { targetMean: 71.2 + jitter(9), targetSd: 41 + jitter(6) } : {}),
      })),
      ...(kind === "class" ? { classLabels: ["crazing", "inclusion", "patches", "pitted", "rolled-in", "scratches"].map(name) } : {}),
      skew: { quantity: 0.38, label: 0.21, feature: 0.14 },
    },
    references: [
      kind === "rul"
        ? {
            name: name("mean life"),
            explanation: name("predicts the mean remaining life of the training data"),
            metrics: { rmse: 41.2, mae: 35.1 },
          }
        : {
            name: name("hand rule"),
            explanation: name("error in the last day and the matching sensor shifted"),
            metrics: { f1: 0.74, accuracy: 0.4 },
          },
      ...(kind === "failure"
        ? [
            {
              name: name("ceiling"),
              explanation: name("what the generator itself allows anybody to know"),
              metrics: { f1: 0.91, prAuc: 0.95 },
            },
          ]
        : []),
    ],
    privacy: { claim: "none", explanation: name("Updates travel in the clear to the coordinator; nothing bounds what they reveal.") },
    model: { sha256: "9f".repeat(32), parameters },
    remarks: [
      name("The fleet is simulated; its constants follow the statistics of the Azure data."),
      name("Test positives are few: 212 windows."),
    ],
    file: {
      federation: name("fleet"),
      task: { kind, window: "24h", horizon: "24h", stride: "6h" },
      data: { use: "fleet" },
      sites: { use: "by", column: "site" },
      model: { use: "cnn-lstm", norm: "group" },
      training: { optimizer: { use: "sgd", learningRate: 0.05 }, epochs: 1 },
      rounds,
      seed: 7,
    },
    environment: {
      millwright: "0.1.0",
      kernels: "3c0ffee",
      node: "v20.20.2",
      platform: "linux x64",
      cpu: name("AMD EPYC"),
      workers: 2,
      date: "2026-11-22T02:00:00.000Z",
      seconds: 41.3,
    },
  };
}

function curves(kind: string, which: ScenarioName, random: () => number, hostile: string | undefined): ScenarioResult["curves"] {
  if (kind === "failure") {
    const power = { centralised: 9, local: 2.2, federated: 7.5 }[which];
    return {
      precisionRecall: Array.from({ length: 120 }, (_, i) => {
        const recall = (i + 1) / 120;
        return { recall, precision: Math.max(0.06, 1 - recall ** power * 0.94), threshold: 1 - recall };
      }),
      confusion: {
        labels: [hostile ?? "no failure", hostile ?? "failure"],
        counts: [
          [3461, 29],
          [49, 163],
        ],
      },
    };
  }
  if (kind === "rul") {
    return {
      residuals: Array.from({ length: 600 }, () => {
        const truth = Math.min(125, 145 * random());
        return { truth, predicted: Math.max(0, Math.min(128, truth + (random() + random() + random() - 1.5) * 30)) };
      }),
    };
  }
  const labels = ["crazing", "inclusion", "patches", "pitted", "rolled-in", "scratches"].map((l) => hostile ?? l);
  return { confusion: { labels, counts: labels.map((_, i) => labels.map((__, j) => Math.round((i === j ? 50 : 5) * (0.6 + random())))) } };
}
