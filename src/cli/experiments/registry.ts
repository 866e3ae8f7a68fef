/**
 * Experiments of paper 0 (Bataineh et al.: federated learning for predictive maintenance, figures 5 to 7) on the built-in fleet. Each is the
 * fleet's federation file with one thing varied; the paper's own data and exact settings are not public, so trends are compared, not figures.
 */

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
}

const taskOf = (file: Readonly<Record<string, unknown>>): Record<string, unknown> => file.task as Record<string, unknown>;

export const experiments: readonly Experiment[] = [
  {
    name: "paper-0/fig5",
    title: "History window against quality and runtime, all data pooled (figure 5)",
    claim: "A longer history improves accuracy, precision and recall, and costs time.",
    axis: { label: "hours of history", values: [6, 12, 24, 36, 48] },
    scenarios: ["centralised", "federated"],
    vary: (file, hours) => ({ ...file, task: { ...taskOf(file), window: `${hours}h` } }),
  },
  {
    name: "paper-0/fig6",
    title: "Number of clients against quality and runtime (figure 6)",
    claim: "More clients shorten the time per round and cost little accuracy; from 7 to 19 clients the change is shallow.",
    axis: { label: "clients", values: [1, 4, 7, 10, 13, 16, 19] },
    scenarios: ["federated"],
    vary: (file, clients) => ({ ...file, sites: { use: "iid", count: clients } }),
  },
  {
    name: "paper-0/fig7",
    title: "Ten models trained on local data only (figure 7)",
    claim: "Models trained on local data alone stay below the global model.",
    axis: { label: "clients", values: [10] },
    scenarios: ["centralised", "local", "federated"],
    vary: (file, clients) => ({ ...file, sites: { use: "iid", count: clients } }),
  },
];
