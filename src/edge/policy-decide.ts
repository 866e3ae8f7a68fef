/**
 * Does the plant's policy permit this question or round, now? A pure function of the policy and the facts: the same on every machine and in
 * every replay. Order: pause, vetoes, obligations, code, prohibitions, permissions. What no permission covers is refused; what a plan does
 * not tell fails a permission and meets a prohibition.
 */
import type { Policy, PolicyRule } from "./policy.js";
import type { Facts } from "./policy-facts.js";
import { type Constraint, holds, type Term, terms, type Value } from "./policy-terms.js";
import { instantOf, instantText } from "./policy-time.js";

export type Decision = { readonly permit: true } | Refusal;

export interface Refusal {
  readonly permit: false;
  /** The place in the policy that refuses: "permission[0].constraint.members", "veto[1]", "pause". */
  readonly rule: string;
  readonly reason: string;
  /** The first moment at which the same request would be permitted if nothing else changes; absent where waiting does not help. */
  readonly until?: number;
}

/** Judges one request. `until` is searched for where only the clock stands in the way. */
export function decide(policy: Policy, facts: Facts): Decision {
  const found = judge(policy, facts);
  if (found.permit) return found;
  const until = firstPermitted(policy, facts, found);
  const { rule, reason } = found;
  return { permit: false, rule, reason, ...(until === undefined ? {} : { until }) };
}

/** A refusal and the earliest moment worth looking at again. */
interface Standing extends Refusal {
  readonly next?: number;
}

const mostSteps = 1000;

/** Steps from one moment at which something may change to the next, until the request is permitted or the clock no longer helps. */
function firstPermitted(policy: Policy, facts: Facts, first: Standing): number | undefined {
  let found: { readonly permit: true } | Standing = first;
  for (let step = 0, now = facts.now; step < mostSteps; step++) {
    if (found.permit) return now;
    if (found.next === undefined || !(found.next > now)) return undefined;
    now = found.next;
    found = judge(policy, { ...facts, now });
  }
  return undefined;
}

function judge(policy: Policy, facts: Facts): { readonly permit: true } | Standing {
  const { plan, request } = facts;
  if (facts.paused === true) return refuse("pause", `the plant is paused: the file ${policy.pause} is there; remove it to go on`);
  for (const [i, veto] of policy.veto.entries()) {
    const named = { federation: plan.federation, plan: plan.plan, run: request.run, round: request.round };
    const hit = Object.entries(veto).every(([key, value]) => value === undefined || named[key as keyof typeof named] === value);
    if (hit) return refuse(`veto[${i}]`, `the owner has vetoed ${inWords(veto)}`);
  }
  for (const [i, duty] of policy.obligation.entries()) {
    const rule = `obligation[${i}]`;
    if (duty.action === "reviewPolicy" && facts.now >= instantOf(duty.before))
      return refuse(rule, `the policy had to be reviewed before ${duty.before} and was not; review it and move the date`);
    if (duty.action === "obtainConsent" && !duty.given.includes(plan.plan))
      return refuse(rule, `nobody at the plant has consented to plan ${plan.plan} yet; read it and add its SHA-256 to ${rule}.given`);
  }
  const matched = policy.prohibition.flatMap((rule, i) => prohibits(rule, facts, `prohibition[${i}]`));
  const permitted = permission(policy, facts);
  if (matched.length === 0) return permitted;
  // Permitted no earlier than when every matching prohibition may have ended and some permission may hold.
  const waits = [...matched.map(({ next }) => next), ...(permitted.permit ? [] : [permitted.next])];
  const next = waits.every((wait) => wait !== undefined) ? Math.max(...waits) : undefined;
  return { permit: false, rule: matched[0].rule, reason: matched[0].reason, ...(next === undefined ? {} : { next }) };
}

function permission(policy: Policy, facts: Facts): { readonly permit: true } | Standing {
  const { action } = facts.request;
  const refusals: { readonly failing: number; readonly standing: Standing }[] = [];
  for (const [i, rule] of policy.permission.entries()) {
    if (!rule.action.includes(action)) continue;
    const failing = failures(rule, facts, `permission[${i}]`);
    if (failing.length === 0) return { permit: true };
    const waits = failing.map(({ next }) => next);
    const next = waits.every((wait) => wait !== undefined) ? Math.max(...waits) : undefined;
    const reason = failing.map((one) => one.reason).join("; ");
    refusals.push({
      failing: failing.length,
      standing: { permit: false, rule: failing[0].rule, reason, ...(next === undefined ? {} : { next }) },
    });
  }
  if (refusals.length === 0) return refuse("permission", `no rule permits to ${action}; what is not permitted is refused`);
  // Tells of the rule that was nearest to permitting; the earliest moment of any of them counts.
  const nearest = refusals.reduce((best, one) => (one.failing < best.failing ? one : best)).standing;
  const moments = refusals.flatMap(({ standing }) => (standing.next === undefined ? [] : [standing.next]));
  return { permit: false, rule: nearest.rule, reason: nearest.reason, ...(moments.length === 0 ? {} : { next: Math.min(...moments) }) };
}

interface Failure {
  readonly rule: string;
  readonly reason: string;
  readonly next?: number;
}

/** The constraints of a permission that do not hold. Code that a plan brings must be named by a constraint. */
function failures(rule: PolicyRule, facts: Facts, where: string): Failure[] {
  const failing: Failure[] = [];
  for (const [name, constraint] of constraintsOf(rule)) {
    const term = terms[name];
    const value = term.value(facts);
    if (value === "none" || (value !== "unknown" && holds(term, constraint, value, true))) continue;
    const next = value === "unknown" && name !== "epsilonPerYear" ? undefined : term.next?.(facts, constraint);
    failing.push({
      rule: `${where}.constraint.${name}`,
      reason: `${name} must be ${operatorWords(constraint)}, and ${valueWords(term, value)}`,
      ...(next === undefined ? {} : { next }),
    });
  }
  if (facts.plan.plugins.length > 0 && rule.constraint.plugin === undefined) {
    const reason = `the plan brings ${facts.plan.plugins.length} module(s) of code, and the rule names none (plugin: { isAnyOf: [SHA-256] })`;
    failing.push({ rule: `${where}.constraint.plugin`, reason });
  }
  return failing;
}

/** A prohibition meets a request where all of its constraints do; what is unknown meets it. */
function prohibits(rule: PolicyRule, facts: Facts, where: string): Failure[] {
  if (!rule.action.includes(facts.request.action)) return [];
  const met: string[] = [];
  const waits: number[] = [];
  for (const [name, constraint] of constraintsOf(rule)) {
    const term = terms[name];
    const value = term.value(facts);
    if (value === "none" || (value !== "unknown" && !holds(term, constraint, value, false))) return [];
    met.push(`${name} is ${operatorWords(constraint)} (${valueWords(term, value)})`);
    const next = term.next?.(facts, constraint);
    if (next !== undefined) waits.push(next);
  }
  const reason = `the owner prohibits to ${facts.request.action}${met.length === 0 ? "" : ` where ${met.join(" and ")}`}`;
  return [{ rule: where, reason, ...(waits.length === 0 ? {} : { next: Math.min(...waits) }) }];
}

const constraintsOf = (rule: PolicyRule): [string, Constraint][] =>
  Object.entries(rule.constraint).flatMap(([name, constraint]) => (constraint === undefined ? [] : [[name, constraint]]));

const refuse = (rule: string, reason: string): Standing => ({ permit: false, rule, reason });

const inWords = (veto: Policy["veto"][number]): string =>
  Object.entries(veto)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]))
    .join(", ");

const spoken: Readonly<Record<string, string>> = {
  eq: "",
  neq: "not ",
  lt: "less than ",
  lteq: "at most ",
  gt: "more than ",
  gteq: "at least ",
  isAnyOf: "one of ",
  isNoneOf: "none of ",
  isPartOf: "within ",
};

/** "at most 10", "one of failure, rul". */
export const operatorWords = (constraint: Constraint): string =>
  Object.entries(constraint)
    .flatMap(([operator, right]) => (right === undefined ? [] : [`${spoken[operator]}${Array.isArray(right) ? right.join(", ") : right}`]))
    .join(" and ");

function valueWords(term: Term, value: Value): string {
  if (value === "unknown") return "the plan does not tell";
  if (typeof value === "number") return `it is ${term.kind === "measure" ? value : instantText(value)}`;
  return value === "none" || value.length === 0 ? "there is none" : `it is ${value.join(", ")}`;
}
