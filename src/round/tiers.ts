/**
 * `tiers:` of a federation file: the tree of the enterprise (ISA-95: enterprise, region or area, site, device), with sites of the
 * federation as leaves. A tier is a server to its children and a client to its parent. What a tier does not say it takes from above:
 * the rule; no rounds of its own; three quarters of the time that its parent has.
 */
import { z } from "zod";
import { type RuleSpec, ruleSchema } from "../aggregation/registry.js";
import { parseBandwidth } from "../core/bucket.js";
import { parseDuration } from "../core/duration.js";
import type { ErrorDetail } from "../core/errors.js";
import { MillwrightError } from "../core/errors.js";
import type { FederationFile } from "./file.js";
import type { QuorumSpec } from "./node-plan.js";
import { quorumSchema } from "./quorum.js";

export const tierLimits = { depth: 16, tiers: 10_000 } as const;

export interface TierSpec {
  readonly rule?: RuleSpec;
  readonly rounds: number;
  readonly quorum?: QuorumSpec;
  readonly bandwidth?: string;
  readonly minimumMembers?: number;
  readonly normBound?: number;
  readonly children: readonly (string | Readonly<Record<string, TierSpec>>)[];
}

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "a name of letters, digits, dots, dashes and underscores");
/** A site's name, with * for any characters. */
const pattern = z.string().min(1).max(256);

const tierMap: z.ZodType<Readonly<Record<string, TierSpec>>> = z.lazy(() => z.record(name, tierSchema));
const tierSchema: z.ZodType<TierSpec> = z.strictObject({
  rule: ruleSchema.optional(),
  rounds: z.int().min(1).max(1000).default(1).describe("rounds of its own for each of the parent's"),
  quorum: quorumSchema.optional(),
  bandwidth: z
    .string()
    .refine((text) => parseBandwidth(text) !== undefined, 'a bandwidth with a unit, such as "2Mbit/s" or "500 kB/s"')
    .optional()
    .describe("what models and updates may use of the link to the parent"),
  minimumMembers: z.int().min(1).max(1_000_000).optional().describe("sites without which nothing is forwarded"),
  normBound: z.number().positive().optional().describe("largest Euclidean norm of a child's change"),
  children: z.union([z.array(z.union([pattern, tierMap])), tierMap.transform((map) => [map])]),
});

/** Deeper than any tree that is allowed, and far from where reading it recursively would end the stack. */
const mostNesting = 100;

function nestsWithin(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostNesting) return false;
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return true;
}

export const tiersSchema = z
  .unknown()
  .refine(nestsWithin, { message: `expected at most ${tierLimits.depth} levels`, abort: true })
  .pipe(tierMap);

/** A node of the tree as it runs. */
export interface Tier {
  readonly name: string;
  /** Links to the root: 0 for the root itself. */
  readonly depth: number;
  readonly rule: RuleSpec;
  readonly rounds: number;
  /** The sum of its cohort, or its finished change. */
  readonly forwards: "sum" | "change";
  readonly quorum?: QuorumSpec;
  /** Bytes per second of the link to its parent. */
  readonly bandwidth?: number;
  readonly minimumMembers?: number;
  readonly normBound?: number;
  readonly children: readonly (Tier | string)[];
  /** Sites below. */
  readonly sites: readonly string[];
}

export interface TierFaults {
  readonly faults: readonly ErrorDetail[];
  readonly warnings: readonly ErrorDetail[];
}

/** Name of the root where the file has tiers: nobody else may have it. */
export const rootName = "enterprise";

/** A file without tiers: every site reports to the root. */
export function flatTree(file: FederationFile, sites: readonly string[]): Tier {
  return { name: rootName, depth: 0, rule: file.aggregate, rounds: 1, forwards: "change", children: sites, sites };
}

/** The tree of a file over the sites that there are. Errors: PLAN_REFUSED with every fault found. */
export function resolveTiers(file: FederationFile, sites: readonly string[], linear: (rule: RuleSpec) => boolean = isMean): Tier {
  const { tree, faults } = readTiers(file, sites, linear);
  if (faults.length > 0) throw new MillwrightError("PLAN_REFUSED", faults[0], faults);
  return tree;
}

/** Whether a rule adds up: known for those that the file can name; a module's has to be loaded. */
const isMean = (rule: RuleSpec): boolean => rule.use === "mean";

/** The tree and everything that is wrong with it; the tree is usable where there are no faults. */
export function readTiers(
  file: FederationFile,
  sites: readonly string[],
  linear: (rule: RuleSpec) => boolean = isMean,
): { readonly tree: Tier; readonly faults: readonly ErrorDetail[]; readonly warnings: readonly ErrorDetail[] } {
  if (file.tiers === undefined) return { tree: flatTree(file, sites), faults: [], warnings: [] };
  const faults: ErrorDetail[] = [];
  const warnings: ErrorDetail[] = [];
  const placeOf = new Map<string, string>();
  const names = new Set<string>([rootName, ...sites]);
  const claims = claimed(file.tiers, sites);
  let tiers = 0;

  function place(site: string, where: string): string[] {
    const before = placeOf.get(site);
    if (before === undefined) {
      placeOf.set(site, where);
      return [site];
    }
    faults.push({ where, expected: `site ${site} once`, got: `also under ${before}`, remedy: "name it, or match it, in one place" });
    return [];
  }

  function build(map: Readonly<Record<string, TierSpec>>, parent: Omit<Tier, "children" | "sites">, where: string): Tier[] {
    return Object.entries(map).flatMap(([tierName, spec]) => {
      const at = `${where}.${tierName}`;
      const depth = parent.depth + 1;
      if (++tiers > tierLimits.tiers || depth >= tierLimits.depth) {
        const expected = `at most ${tierLimits.tiers} tiers and ${tierLimits.depth} levels`;
        if (faults.length === 0 || faults[faults.length - 1].expected !== expected) faults.push({ where: at, expected, got: "more" });
        return [];
      }
      if (names.has(tierName)) faults.push({ where: at, expected: "a name that no other tier or site has", got: tierName });
      names.add(tierName);
      return [fill(tierName, spec, parent, depth, at)];
    });
  }

  function fill(tierName: string, spec: TierSpec, parent: Omit<Tier, "children" | "sites">, depth: number, at: string): Tier {
    const rule = spec.rule ?? parent.rule;
    const same = JSON.stringify(rule) === JSON.stringify(parent.rule);
    const forwards = same && spec.rounds === 1 && linear(rule) ? "sum" : "change";
    const self = {
      name: tierName,
      depth,
      rule,
      rounds: spec.rounds,
      forwards,
      quorum: spec.quorum ?? quorumBelow(parent.quorum ?? file.quorum, spec.rounds),
      ...(spec.bandwidth === undefined ? {} : { bandwidth: parseBandwidth(spec.bandwidth) }),
      ...(spec.minimumMembers === undefined ? {} : { minimumMembers: spec.minimumMembers }),
      ...(spec.normBound === undefined ? {} : { normBound: spec.normBound }),
    } as const;
    const children = spec.children.flatMap((child): (Tier | string)[] => {
      if (typeof child !== "string") return build(child, self, at);
      const found = claims.get(child) ?? [];
      if (found.length === 0)
        faults.push({ where: at, expected: "a site of the federation", got: child, remedy: `sites are ${shown(sites)}` });
      return found.flatMap((site) => place(site, at));
    });
    const below = children.flatMap((child) => (typeof child === "string" ? [child] : child.sites));
    if (children.length === 0) faults.push({ where: at, expected: "at least one child", got: "none" });
    if (spec.minimumMembers !== undefined && spec.minimumMembers > below.length)
      faults.push({ where: `${at}.minimumMembers`, expected: `at most the ${below.length} sites below`, got: String(spec.minimumMembers) });
    if (forwards === "change") warnings.push(notFlat(at, spec, same));
    return { ...self, children, sites: below };
  }

  const head = { name: rootName, depth: 0, rule: file.aggregate, rounds: 1, forwards: "change", quorum: file.quorum } as const;
  const children = build(file.tiers, head, "tiers");
  const left = sites.filter((site) => !placeOf.has(site));
  if (left.length > 0) faults.push({ where: "tiers", expected: "every site in one place", got: `no place for ${shown(left)}` });
  if (children.length === 0) faults.push({ where: "tiers", expected: "at least one tier", got: "none" });
  return { tree: { ...head, children, sites: children.flatMap((child) => child.sites) }, faults, warnings };
}

function notFlat(where: string, { rounds }: TierSpec, same: boolean): ErrorDetail {
  const why = rounds > 1 ? `${rounds} rounds of its own` : same ? "a rule that does not add up" : "a rule of its own";
  return { where, expected: "sums that are forwarded as they are", got: `${why}: the model is not that of the flat federation` };
}

/** Three quarters of what the parent has, shared by the rounds; one attempt, because the parent tries again. */
function quorumBelow(parent: QuorumSpec | undefined, rounds: number): QuorumSpec {
  const { goal, minimum, deadline } = parent ?? quorumSchema.parse({});
  const own = Math.max(1, Math.floor((parseDuration(deadline, "quorum.deadline") * 3) / 4 / rounds));
  return { goal, minimum, deadline: `${own}ms`, attempts: 1 };
}

/** Sites by the pattern that a leaf is written as; a plain name goes before a pattern, so that it can be an exception to one. */
function claimed(tiers: Readonly<Record<string, TierSpec>>, sites: readonly string[]): Map<string, string[]> {
  const patterns = new Set<string>();
  const visit = (map: Readonly<Record<string, TierSpec>>, depth: number): void => {
    if (depth > tierLimits.depth) return;
    for (const tier of Object.values(map))
      for (const child of tier.children) {
        if (typeof child === "string") patterns.add(child);
        else visit(child, depth + 1);
      }
  };
  visit(tiers, 0);
  const there = new Set(sites);
  const plain = new Set([...patterns].filter((one) => there.has(one)));
  const found = new Map<string, string[]>();
  for (const one of patterns) {
    if (plain.has(one)) found.set(one, [one]);
    else if (one.includes("*"))
      found.set(
        one,
        sites.filter((site) => !plain.has(site) && matches(one, site)),
      );
  }
  return found;
}

/** Whether a text is what a pattern with * says; linear in the text for each part, never a regular expression from a file. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const last = parts.length - 1;
  if (!text.startsWith(parts[0]) || text.length < parts[0].length + parts[last].length || !text.endsWith(parts[last])) return false;
  let at = parts[0].length;
  for (const part of parts.slice(1, last)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - parts[last].length;
}

const shown = (names: readonly string[]): string => `${names.slice(0, 5).join(", ")}${names.length > 5 ? ", ..." : ""}`;

/** All tiers below a node, parents before their children. */
export function tiersBelow(tree: Tier): readonly Tier[] {
  return tree.children.flatMap((child) => (typeof child === "string" ? [] : [child, ...tiersBelow(child)]));
}

/** The children of a node as its protocol knows them. */
export function childrenOfTier(tier: Tier): readonly { readonly site: string; readonly members: number }[] {
  return tier.children.map((child) =>
    typeof child === "string" ? { site: child, members: 1 } : { site: child.name, members: child.sites.length },
  );
}
