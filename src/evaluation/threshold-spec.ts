/** The `threshold:` part of a federation file: how the line between "no" and "yes" is drawn. */
import { z } from "zod";

const on = z.enum(["training", "validation", "both"]).optional();
const probability = z.number().gt(0).lt(1);

const strategies = [
  /** The line of the best F1 over the whole range; the middle of it where several are as good. */
  z.strictObject({ use: z.literal("max-f1"), on }),
  /** A grid of probabilities; the middle of the widest run of the best F1. */
  z.strictObject({
    use: z.literal("plateau"),
    from: probability.default(0.05),
    to: probability.default(0.95),
    step: z.number().min(0.0001).max(0.5).default(0.01),
    on,
  }),
  /** Quantiles of the scores as candidates and a smoothed F1: for rare positives and few of them. */
  z.strictObject({
    use: z.literal("quantiles"),
    count: z.int().min(2).max(10_000).default(300),
    from: z.number().min(0).max(1).default(0.85),
    to: z.number().min(0).max(1).default(0.9999),
    /** Candidates averaged over; odd. */
    smooth: z
      .int()
      .min(1)
      .max(99)
      .refine((n) => n % 2 === 1, "expected an odd number of candidates")
      .default(5),
    on,
  }),
  z.strictObject({ use: z.literal("fixed"), value: z.number() }),
] as const;

function unknownStrategy(issue: { code?: string; input?: unknown }): string | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const input = issue.input;
  const use = typeof input === "object" && input !== null && "use" in input ? input.use : input;
  return `expected one of max-f1, plateau, quantiles, fixed as threshold, got ${JSON.stringify(use) ?? "nothing"}`;
}

/**
 * `max-f1`, `plateau`, `quantiles` (also as a word alone, with their defaults), `fixed` with a value, or a number.
 * `on` says on whose examples: training, validation (where there are some; else training), or both. Never the test examples.
 */
export const thresholdSchema = z.preprocess(
  (given) => (typeof given === "string" ? { use: given } : typeof given === "number" ? { use: "fixed", value: given } : given),
  z.discriminatedUnion("use", strategies, { error: unknownStrategy }).superRefine((spec, context) => {
    if ((spec.use === "plateau" || spec.use === "quantiles") && spec.from >= spec.to) {
      context.addIssue({ code: "custom", path: ["to"], message: `expected more than from (${spec.from}), got ${spec.to}` });
    }
  }),
);

export type ThresholdSpec = z.output<typeof thresholdSchema>;

export const defaultThreshold: ThresholdSpec = { use: "max-f1" };
