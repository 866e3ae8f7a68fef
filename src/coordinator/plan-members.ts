/** Who takes part, from a federation file: the tree of its tiers, or everybody under the root. This is what a plan is signed over. */
import { fail } from "../core/errors.js";
import type { SignedPlan } from "../io/crypto/plan-envelope.js";
import type { FederationFile } from "../round/file.js";
import { resolveTiers, rootName, type Tier, type TierSpec } from "../round/tiers.js";

export type PlanMembers = SignedPlan["members"];

/**
 * The members of a plan. Sites are those of `sites`, else the leaves that the tiers name, else the numbered sites of the partition.
 * Errors: PLAN_REFUSED where the file leaves it open who takes part.
 */
export function membersOf(file: FederationFile, given: { readonly org: string; readonly sites?: readonly string[] }): PlanMembers {
  const { org } = given;
  const found: PlanMembers = [];
  const walk = (tier: Tier, under: string | undefined): void => {
    found.push({ name: tier.name, org, role: "aggregator", ...(under === undefined ? {} : { under }) });
    for (const child of tier.children) {
      if (typeof child === "string") found.push({ name: child, org, role: "site", under: tier.name });
      else walk(child, tier.name);
    }
  };
  walk(resolveTiers(file, sitesOf(file, given.sites)), undefined);
  return found;
}

/** The tier of a node in a plan, with its children. Errors: PLAN_REFUSED where the plan has no aggregator of that name. */
export function tierOf(file: FederationFile, members: PlanMembers, node: string): Tier {
  const sites = members.flatMap((one) => (one.role === "site" ? [one.name] : []));
  const find = (tier: Tier): Tier | undefined => {
    if (tier.name === node) return tier;
    for (const child of tier.children) {
      const found = typeof child === "string" ? undefined : find(child);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return (
    find(resolveTiers(file, sites)) ??
    fail("PLAN_REFUSED", {
      where: "plan.members",
      expected: `one of the aggregators ${members.flatMap((one) => (one.role === "aggregator" ? [one.name] : [])).join(", ")}`,
      got: node,
    })
  );
}

export { rootName };

function sitesOf(file: FederationFile, given: readonly string[] | undefined): readonly string[] {
  if (given !== undefined && given.length > 0) return given;
  const named = file.tiers === undefined ? [] : leaves(file.tiers);
  if (named.length > 0) return named;
  const count = "count" in file.sites ? file.sites.count : undefined;
  if (count !== undefined) {
    const digits = String(count).length;
    return Array.from({ length: count }, (_, i) => `site-${String(i + 1).padStart(digits, "0")}`);
  }
  return fail("PLAN_REFUSED", {
    where: "sites",
    expected: "to know who takes part",
    got: `sites: use: ${file.sites.use}, and no tiers that name them`,
    remedy: "name them with --sites plant-1,plant-2, or in tiers:",
  });
}

/** Names that stand in the tiers as they are; a pattern needs sites to match. */
function leaves(tiers: Readonly<Record<string, TierSpec>>): string[] {
  return Object.values(tiers).flatMap(({ children }) =>
    children.flatMap((child) => (typeof child !== "string" ? leaves(child) : child.includes("*") ? [] : [child])),
  );
}
