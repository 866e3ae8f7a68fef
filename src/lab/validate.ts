/**
 * The figures of a round, on the validation examples of all sites. They show how training goes; the test examples play no part.
 * The threshold of a yes-or-no task is chosen on the same validation examples, so its F1 is a little hopeful. Reconstructions are judged
 * by their loss: what is normal for a machine is known at the end only.
 */

import { agreeOnThreshold } from "../evaluation/threshold.js";
import { defaultThreshold } from "../evaluation/threshold-spec.js";
import { defaultLoss } from "../training/spec.js";
import { judge, probabilities, type Scored } from "./judge.js";
import { predict } from "./predict.js";
import type { Metrics } from "./result.js";
import type { Laboratory, PreparedSite } from "./scenarios.js";
import { sharedExamples } from "./shared.js";

export async function validationMetrics(lab: Laboratory, sites: readonly PreparedSite[], values: Float32Array): Promise<Metrics> {
  const { setup, task } = lab;
  const examples = sites.map((site) => site.validation).filter(({ count }) => count > 0);
  if (setup.outputs.kind === "reconstruction") return { loss: await meanLoss(lab, examples, values) };
  const scored = await Promise.all(
    examples.map(async (one): Promise<Scored> => ({ examples: one, outputs: await predict(lab, one, values) })),
  );
  if (setup.outputs.kind !== "binary") return judge(scored, setup.outputs, task, undefined).metrics;
  const told = scored.map((one) => ({ scores: probabilities(one.outputs), labels: one.examples.targets }));
  const { threshold } = agreeOnThreshold(setup.file.threshold ?? defaultThreshold, told);
  return judge(scored, setup.outputs, task, threshold).metrics;
}

/** Mean over all examples, summed in the order of the sites. */
async function meanLoss(
  { setup, hooks }: Laboratory,
  examples: readonly PreparedSite["validation"][],
  values: Float32Array,
): Promise<number> {
  const { model, file } = setup;
  const loss = file.training.loss ?? defaultLoss("reconstruction");
  const all = await Promise.all(
    examples.map(async (one) => {
      const result = await hooks.executor.run({ kind: "evaluate", model, values, data: sharedExamples(one, model, true), loss });
      return { sum: (result.loss ?? 0) * one.count, count: one.count };
    }),
  );
  return all.reduce((total, one) => total + one.sum, 0) / all.reduce((total, one) => total + one.count, 0);
}
