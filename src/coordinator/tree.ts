/** The tree of a signed plan as one node sees it: who reports to it, and how many sites each of them may stand for. */
import { fail } from "../core/errors.js";
import type { SignedPlan } from "../io/crypto/plan-envelope.js";
import type { Child } from "../round/node.js";

export type PlanMembers = SignedPlan["members"];

/** The node under nobody. Errors: PLAN_REFUSED unless there is exactly one. */
export function rootOf(members: PlanMembers): string {
  const roots = members.filter((one) => one.under === undefined && one.role === "aggregator");
  if (roots.length === 1) return roots[0].name;
  return fail("PLAN_REFUSED", { where: "plan.members", expected: "one aggregator under nobody", got: String(roots.length) });
}

/** Errors: PLAN_REFUSED where the plan does not name the node as an aggregator, or nobody reports to it. */
export function childrenOf(members: PlanMembers, node: string): readonly Child[] {
  const role = members.find((one) => one.name === node)?.role;
  if (role !== "aggregator") {
    fail("PLAN_REFUSED", {
      where: "plan.members",
      expected: `${node} as an aggregator`,
      got: role ?? "no such member",
      remedy: `name one of ${members.flatMap((one) => (one.role === "aggregator" ? [one.name] : [])).join(", ")}`,
    });
  }
  const below = new Map<string, string[]>();
  for (const { name, under } of members) if (under !== undefined) below.set(under, [...(below.get(under) ?? []), name]);
  const roles = new Map(members.map((one) => [one.name, one.role]));
  const sites = (name: string): number =>
    roles.get(name) === "site" ? 1 : (below.get(name) ?? []).reduce((sum, child) => sum + sites(child), 0);
  const children = (below.get(node) ?? []).sort().map((site) => ({ site, members: sites(site) }));
  if (children.length === 0 || children.some((child) => child.members === 0)) {
    fail("PLAN_REFUSED", { where: "plan.members", expected: `sites under ${node} and under every aggregator below it`, got: "none" });
  }
  return children;
}

/** Names of all sites below a node. */
export function sitesUnder(members: PlanMembers, node: string): readonly string[] {
  return members.filter((one) => one.under === node).flatMap((one) => (one.role === "site" ? [one.name] : sitesUnder(members, one.name)));
}
