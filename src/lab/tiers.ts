/** The tree of a federation file in the simulated world: every tier runs the relay that a facility's server runs. */
import type { Rule } from "../aggregation/rule.js";
import { parseDuration } from "../core/duration.js";
import { type Millis, millis } from "../core/quantities.js";
import { type FederationFile, quorumDefaults } from "../round/file.js";
import { createRelay } from "../round/node-relay.js";
import { childrenOfTier, type Tier, tiersBelow } from "../round/tiers.js";
import type { RoundResult, TiersResult } from "./result.js";
import type { WorldTree } from "./world.js";

export interface TierPlan {
  readonly file: FederationFile;
  readonly tree: Tier;
  /** Every tier's rule, loaded, by the tier's name. */
  readonly rules: ReadonlyMap<string, Rule>;
}

/** Unanswered questions are repeated this often in the simulated world, whose messages are pushed and can be lost. */
export function retryOf(deadline: Millis): Millis {
  return millis(Math.max(1000, deadline / 10));
}

/** Who reports to the root, and for whom. */
export function topOf({ tree }: TierPlan): { readonly site: string; readonly members: number; readonly sites: readonly string[] }[] {
  return tree.children.map((child) =>
    typeof child === "string"
      ? { site: child, members: 1, sites: [child] }
      : { site: child.name, members: child.sites.length, sites: child.sites },
  );
}

/** One relay per tier below the root. */
export function worldTree({ file, tree, rules }: TierPlan): WorldTree {
  const parents = new Map<string, string>();
  const relays = tiersBelow(tree).map((tier) => {
    for (const child of childrenOfTier(tier)) parents.set(child.site, tier.name);
    const quorum = tier.quorum ?? file.quorum ?? quorumDefaults;
    const node = createRelay({
      file,
      name: tier.name,
      children: childrenOfTier(tier),
      rule: rules.get(tier.name) as Rule,
      rounds: tier.rounds,
      forwards: tier.forwards,
      quorum,
      retry: retryOf(parseDuration(quorum.deadline, `tiers.${tier.name}.quorum.deadline`)),
      patient: false,
      minimumMembers: tier.minimumMembers,
      normBound: tier.normBound,
    });
    return { name: tier.name, node, bandwidth: tier.bandwidth };
  });
  return { relays, parents };
}

interface Bytes {
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/**
 * Bytes over the links between tiers in a whole run, and what every site by itself would have sent over the same links. `before` is
 * what each link carried before round 1, `flat` the bytes of one site to the root by the site's name.
 */
export function tiersResult(
  tree: Tier,
  rounds: readonly RoundResult[],
  before: ReadonlyMap<string, Bytes>,
  flat: (site: string) => Bytes,
): TiersResult {
  const parents = new Map<string, string>();
  for (const tier of [tree, ...tiersBelow(tree)]) for (const child of childrenOfTier(tier)) parents.set(child.site, tier.name);
  const links = tiersBelow(tree).map(({ name, sites }) => {
    const carried = rounds.flatMap((round) => round.tiers?.links.filter((link) => link.name === name) ?? []);
    const { bytesUp, bytesDown } = total([...carried, ...(before.has(name) ? [before.get(name) as Bytes] : [])]);
    return { name, parent: parents.get(name) as string, sites: sites.length, bytesUp, bytesDown };
  });
  return { links, wan: total(links), flat: total(tiersBelow(tree).flatMap(({ sites }) => sites.map(flat))) };
}

function total(all: readonly Bytes[]): Bytes {
  return {
    bytesUp: all.reduce((sum, one) => sum + one.bytesUp, 0),
    bytesDown: all.reduce((sum, one) => sum + one.bytesDown, 0),
  };
}
