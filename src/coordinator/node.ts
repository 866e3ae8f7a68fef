/** The protocol that a node of a plan runs: the root's script, or a relay under its tier's own terms. */
import { buildRule, type RuleSpec } from "../aggregation/registry.js";
import type { Rule } from "../aggregation/rule.js";
import { loadPinned, moduleModelOf } from "../edge/plan-modules.js";
import type { SignedPlan } from "../io/crypto/plan-envelope.js";
import { callPlugin } from "../io/plugin.js";
import { parseFederation } from "../round/file.js";
import type { Node } from "../round/node.js";
import { createRelay } from "../round/node-relay.js";
import { createRoot } from "../round/node-root.js";
import { childrenOfTier } from "../round/tiers.js";
import { rootName, tierOf } from "./plan-members.js";

/** Errors: PLAN_REFUSED, PLUGIN_INVALID. `folder` holds the modules that the plan pins. */
export async function nodeOf(plan: SignedPlan, name: string, folder: string): Promise<Node> {
  const file = parseFederation(plan.file, "signed plan");
  const tier = tierOf(file, plan.members, name);
  const children = childrenOfTier(tier);
  const rule = await ruleOf(plan, tier.rule, folder);
  if (name === rootName) {
    const model = await moduleModelOf(file, plan, folder);
    return createRoot({ file, seed: file.seed, children, rule, ...(model === undefined ? {} : { model }) });
  }
  const { rounds, forwards, quorum, minimumMembers, normBound } = tier;
  return createRelay({
    file,
    name,
    children,
    rule,
    rounds,
    forwards,
    ...(quorum === undefined ? {} : { quorum }),
    ...(minimumMembers === undefined ? {} : { minimumMembers }),
    ...(normBound === undefined ? {} : { normBound }),
  });
}

export async function ruleOf(plan: SignedPlan, spec: RuleSpec, folder: string): Promise<Rule> {
  if (spec.use === "mean") return buildRule(spec);
  const { use, ...options } = spec;
  return buildRule(spec, await callPlugin(use, await loadPinned(plan, use, folder, "(options) => Rule"), options));
}
