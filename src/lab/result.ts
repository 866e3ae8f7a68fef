/** The result of a simulated federation, as written by `simulate --json` and read by `report`. Absent metrics are left out, never zero. */
import type { Inclusion } from "../round/node.js";

/** centralised: all data pooled; local: every site alone; federated: the sites together. */
export type ScenarioName = "centralised" | "local" | "federated";

/** Metric by name: f1, precision, recall, accuracy, macroF1, rocAuc, prAuc, rmse, mae, rmseUncapped, maeUncapped, nasaScore, nasaScoreUncapped, far, mar, loss, threshold, ... */
export type Metrics = Readonly<Record<string, number>>;
export interface Spread {
  readonly mean: number;
  readonly sd: number;
  readonly values: readonly number[];
}

/** A scenario's model judged on the test data of one site. */
export interface SiteResult {
  readonly site: string;
  readonly examples: number;
  /** Test examples and positives at this site. */
  readonly tested: number;
  readonly metrics: Metrics;
}

export interface Curves {
  /** Points of the precision-recall curve, thinned to at most 400. */
  readonly precisionRecall?: readonly { readonly recall: number; readonly precision: number; readonly threshold: number }[];
  /** Rows are truth, columns prediction. */
  readonly confusion?: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] };
  /** Truth against prediction for regression, thinned to at most 1,000 points, in the units of the target. */
  readonly residuals?: readonly { readonly truth: number; readonly predicted: number }[];
}

/** What one scenario reached on the test data of all sites. Seconds are those of training, summed over sites; bytes are of real messages. */
export interface ScenarioResult {
  readonly metrics: Metrics;
  /** Scenario "local" only: every test example answered by the model of its own site, all answers counted together. */
  readonly ownMachines?: Metrics;
  readonly perSite: readonly SiteResult[];
  readonly seconds: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly curves: Curves;
  readonly model?: { readonly sha256: string; readonly parameters: number };
}

/** One round of the federation. Seconds are wall-clock time on this machine; bytes are of real messages. */
export interface RoundResult {
  readonly round: number;
  readonly loss: number;
  /** Metrics on the validation data where the file asks for them; the test data is used for the final figure only. */
  readonly metrics: Metrics;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly seconds: number;
  /** Largest memory of a worker while training, in bytes. */
  readonly memory: number;
  /** SHA-256 of the global model after the round. */
  readonly model?: string;
  /** Where the file has tiers: who counted at each of them, and the bytes of their links to their parents. */
  readonly tiers?: {
    readonly included: readonly Inclusion[];
    readonly links: readonly { readonly name: string; readonly bytesUp: number; readonly bytesDown: number }[];
  };
  readonly included: readonly string[];
  readonly excluded: readonly { readonly site: string; readonly reason: string }[];
  readonly perSite: readonly {
    readonly site: string;
    /** Absent where the site was not included. */
    readonly loss?: number;
    readonly seconds: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
    readonly memory: number;
  }[];
}

/** The links of a tree of tiers over a whole run, beside the links that the flat federation would need over the same distance. */
export interface TiersResult {
  readonly links: readonly {
    readonly name: string;
    readonly parent: string;
    /** Sites below. */
    readonly sites: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
  }[];
  /** All links between tiers; the links of the sites to their tier stay on their own premises. */
  readonly wan: { readonly bytesUp: number; readonly bytesDown: number };
  /** Every site by itself over the same distance: once for each tier above it. */
  readonly flat: { readonly bytesUp: number; readonly bytesDown: number };
}

/** How a partition falls: numbers per site, for the picture and for `data partition`. */
export interface PartitionSummary {
  readonly sites: readonly {
    readonly site: string;
    /** Machines with examples; 0 where no column tells machines apart. */
    readonly machines: number;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly positives?: number;
    readonly classes?: readonly number[];
    readonly targetMean?: number;
    readonly targetSd?: number;
  }[];
  readonly classLabels?: readonly string[];
  /** Skew as numbers: quantity (coefficient of variation), label (mean Jensen-Shannon distance to the whole, in [0, 1]), feature (mean standardised shift). */
  readonly skew: Readonly<Record<string, number>>;
}

/** A hand rule or a ceiling beside the models, judged on the same test data. */
export interface Reference {
  readonly name: string;
  readonly explanation: string;
  readonly metrics: Metrics;
}

/** Everything a run found, in plain JSON: result.json of a run folder. */
export interface SimulationResult {
  readonly format: "millwright-result/1";
  readonly federation: string;
  readonly task: string;
  readonly seed: number;
  /** The metric by which scenarios are compared, and whether more or less of it is better. */
  readonly headline: { readonly metric: string; readonly better: "higher" | "lower" };
  readonly scenarios: Partial<Readonly<Record<ScenarioName, ScenarioResult>>>;
  readonly rounds: readonly RoundResult[];
  readonly partition: PartitionSummary;
  /** Where the file has tiers. */
  readonly tiers?: TiersResult;
  /** Hand rules and ceilings that are printed beside the models. */
  readonly references: readonly Reference[];
  readonly privacy: { readonly claim: "none"; readonly explanation: string };
  readonly model: { readonly sha256: string; readonly parameters: number };
  /** What a reader should know before believing the figures: negative results, caveats of the data. */
  readonly remarks: readonly string[];
  readonly file: unknown;
  readonly environment: {
    readonly millwright: string;
    readonly kernels: string;
    readonly node: string;
    readonly platform: string;
    readonly cpu: string;
    readonly workers: number;
    readonly date: string;
    readonly seconds: number;
  };
}

/** With --seeds N: one result per seed and mean, sd over them for every metric of every scenario. */
export interface SeedsResult {
  readonly format: "millwright-seeds/1";
  readonly federation: string;
  readonly headline: SimulationResult["headline"];
  readonly scenarios: Partial<
    Readonly<Record<ScenarioName, { readonly metrics: Readonly<Record<string, Spread>>; readonly seconds: Spread }>>
  >;
  readonly runs: readonly SimulationResult[];
}
