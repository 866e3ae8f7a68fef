/**
 * Experiments of paper 0 (Bataineh et al.: federated learning for predictive maintenance, figures 5 to 7). Each is a federation file with
 * one thing varied; the paper's own data and exact settings are not public, so its claims are compared, not its figures.
 */
import { clientFindings, type Finding, historyFindings, localFindings } from "./findings.js";
import type { Point } from "./result.js";

export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** What the paper reports, in our words. */
  readonly claim: string;
  /** What is varied: the label of the axis and its values. */
  readonly axis: { readonly label: string; readonly values: readonly number[] };
  /** Which scenarios are compared. */
  readonly scenarios: readonly ("centralised" | "local" | "federated")[];
  readonly vary: (file: Readonly<Record<string, unknown>>, value: number) => Record<string, unknown>;
  /** Which of the paper's claims the points bear out. */
  readonly judge: (points: readonly Point[]) => readonly Finding[];
}

const partOf = (file: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> =>
  (file[name] ?? {}) as Record<string, unknown>;

export const experiments: readonly Experiment[] = [
  {
    name: "paper-0/fig5",
    title: "History window against quality and runtime, all data pooled (figure 5)",
    claim: "A longer history raises accuracy and precision, recall is high throughout, and training takes longer.",
    axis: { label: "hours of history", values: [6, 12, 24, 36, 48] },
    scenarios: ["centralised", "federated"],
    vary: (file, hours) => ({ ...file, task: { ...partOf(file, "task"), window: `${hours}h` } }),
    judge: historyFindings,
  },
  {
    name: "paper-0/fig6",
    title: "Number of clients against quality and runtime (figure 6)",
    claim: "More clients shorten training at each client and cost little accuracy; from 7 to 19 clients accuracy hardly changes.",
    axis: { label: "clients", values: [1, 3, 5, 7, 10, 13, 16, 19] },
    scenarios: ["federated"],
    vary: (file, clients) => ({ ...file, sites: { use: "iid", count: clients } }),
    judge: clientFindings,
  },
  {
    name: "paper-0/fig7",
    title: "Ten models trained on local data only (figure 7)",
    claim: "Models trained on local data alone are less accurate than the global model, and differ from client to client.",
    axis: { label: "clients", values: [10] },
    scenarios: ["centralised", "local", "federated"],
    vary: (file, clients) => ({ ...file, sites: { use: "iid", count: clients } }),
    judge: localFindings,
  },
];

/** Files that the experiments can start from: the built-in fleet, or real machines with the same network. */
export const bases: Readonly<Record<string, string>> = { fleet: "fleet.yaml", "azure-pdm": "azure-pdm-cnn-lstm.yaml" };

/** The same file made small enough to try an experiment in a minute; what comes out says nothing about the paper. */
export function quickFile(file: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const data = partOf(file, "data");
  return { ...file, rounds: 2, ...(data.use === "fleet" ? { data: { ...data, machines: 20, days: 45 } } : {}) };
}

/** First, middle and last value. */
export function quickValues(values: readonly number[]): readonly number[] {
  return [...new Set([values[0], values[values.length >> 1], values[values.length - 1]])];
}
