/**
 * A root as several nodes, so that several processes share its work: members are dealt to shards, each shard adds up what its members send
 * and hands the exact sum to the root. That is a tier like any other, whose place on the network is another process of the same engine;
 * the sums are whole numbers, so the model is the one that a single process makes, byte for byte. Rules that need to see single updates
 * have one node.
 */
import type { Rule } from "../aggregation/rule.js";
import { parseDuration } from "../core/duration.js";
import { fail } from "../core/errors.js";
import type { RoundRow } from "../core/record.js";
import type { FederationFile } from "../round/file.js";
import { quorumDefaults } from "../round/file.js";
import type { Child, Inclusion, Node } from "../round/node.js";
import { meanLoss } from "../round/node-inclusion.js";
import type { ModuleModelOf } from "../round/node-plan.js";
import { createRelay } from "../round/node-relay.js";
import { createRoot } from "../round/node-root.js";

export interface EngineRole {
  /** Names its run, its lease, its board and its inbox. */
  readonly slug: string;
  /** Its name at the parent; the root's is that of the tree. */
  readonly name: string;
  readonly node: Node;
  readonly children: readonly Child[];
  /** The share of its members that must be here for its clock to run. */
  readonly minimum: number;
  readonly parent?: EngineRole;
}

export interface EngineShape {
  readonly root: EngineRole;
  /** Empty where the root takes replies itself. */
  readonly shards: readonly EngineRole[];
  readonly roles: readonly EngineRole[];
  /** Who counts this member's replies. */
  readonly of: (member: string) => EngineRole | undefined;
}

export const engineLimits = { shards: 64 } as const;
/** No member can have a name that begins so. */
const mark = "@";

/** Errors: PLAN_REFUSED. */
export function engineShape(options: {
  readonly file: FederationFile;
  readonly children: readonly Child[];
  readonly rule: Rule;
  readonly model?: ModuleModelOf;
  readonly shards: number;
  readonly name: string;
}): EngineShape {
  const { file, children, rule, shards, model } = options;
  if (!Number.isInteger(shards) || shards < 0 || shards > Math.min(engineLimits.shards, children.length)) {
    fail("PLAN_REFUSED", {
      where: "engine.shards",
      expected: `0 to ${Math.min(engineLimits.shards, children.length)} (members: ${children.length})`,
      got: String(shards),
    });
  }
  if (shards > 0 && rule.kind !== "linear") {
    fail("PLAN_REFUSED", {
      where: "engine.shards",
      expected: "a rule that only adds up",
      got: `rule ${rule.name}, which needs to see every update`,
      remedy: "run the engine with shards: 0: one process aggregates, and another takes over when it dies",
    });
  }
  const quorum = file.quorum ?? quorumDefaults;
  const dealt = Array.from({ length: shards }, (_, shard) => children.filter((_child, i) => i % shards === shard));
  const members = (some: readonly Child[]): number => some.reduce((sum, one) => sum + one.members, 0);
  const own = dealt.map((some, i): Child => ({ site: `${mark}shard-${i + 1}`, members: members(some) }));
  const root: EngineRole = {
    slug: "root",
    name: options.name,
    node: createRoot({
      file,
      seed: file.seed,
      children: shards === 0 ? children : own,
      rule,
      ...(model === undefined ? {} : { model }),
    }),
    children: shards === 0 ? children : own,
    minimum: quorum.minimum,
  };
  // As in any tier: three quarters of the parent's time, one attempt, because the parent tries again.
  const deadline = Math.max(1, Math.floor((parseDuration(quorum.deadline, "quorum.deadline") * 3) / 4));
  const below = { goal: quorum.goal, minimum: quorum.minimum, deadline: `${deadline}ms`, attempts: 1 };
  const roles = dealt.map((some, i): EngineRole => {
    const { site: name } = own[i];
    const node = createRelay({ file, name, children: some, rule, rounds: 1, forwards: "sum", quorum: below });
    return { slug: `shard-${i + 1}`, name, node, children: some, minimum: quorum.minimum, parent: root };
  });
  const home = new Map(roles.flatMap((role) => role.children.map(({ site }) => [site, role] as const)));
  if (shards === 0) for (const { site } of children) home.set(site, root);
  return { root, shards: roles, roles: [root, ...roles], of: (member) => home.get(member) };
}

/** The run of a role in the record. The root's is the federation's. */
export const runOf = (run: string, role: EngineRole): string => (role.parent === undefined ? run : `${run}/${role.slug}`);

/**
 * A round of the root as the record of a single process would have it: members instead of shards, in their order. `excludedBelow` tells why a
 * shard that counted left somebody out.
 */
export function flatRound(row: RoundRow, shape: EngineShape, excludedBelow: ReadonlyMap<string, RoundRow["excluded"]>): RoundRow {
  if (shape.shards.length === 0) return row;
  const told = new Map((row.included as readonly Inclusion[]).map((one) => [one.site, one]));
  const outside = new Map(row.excluded.map((one) => [one.site, one.reason]));
  const counted = new Map<string, Inclusion>();
  const left: { site: string; reason: string }[] = [];
  for (const shard of shape.shards) {
    const one = told.get(shard.name);
    for (const below of one?.rounds?.[0] ?? []) counted.set(below.site, below);
    if (one !== undefined) left.push(...(excludedBelow.get(shard.name) ?? []));
    else for (const { site } of shard.children) left.push({ site, reason: outside.get(shard.name) ?? "its shard did not answer" });
  }
  const included = [...counted.values()].sort((a, b) => order(shape, a.site) - order(shape, b.site));
  return { ...row, included, loss: meanLoss(included), excluded: left.sort((a, b) => order(shape, a.site) - order(shape, b.site)) };
}

/** Members were dealt one by one: place in the shard, then the shard. */
function order({ shards }: EngineShape, site: string): number {
  const shard = shards.findIndex((one) => one.children.some((child) => child.site === site));
  if (shard < 0) return Number.MAX_SAFE_INTEGER;
  return shards[shard].children.findIndex((child) => child.site === site) * shards.length + shard;
}
