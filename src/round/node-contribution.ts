/**
 * What comes up to a node in a round: whether it can count, and how it is added. A linear rule adds each contribution to a running sum
 * when it comes and forgets it; other rules keep the updates until the round closes.
 */
import { aggregate, finishLinear } from "../aggregation/aggregate.js";
import { checkCapacity, decodeFixed, largestUnits } from "../aggregation/fixed-point.js";
import type { Contribution, Partial } from "../aggregation/rule.js";
import { MillwrightError } from "../core/errors.js";
import { weight } from "../core/quantities.js";
import type { CoordinatorPlan } from "./coordinator.js";
import type { Reply } from "./messages.js";
import { leavesOf, standingOf } from "./node-inclusion.js";
import type { Facts } from "./topics.js";

export type Counted = Extract<Reply, { type: "update" | "partial" }>;

/** Why what a child says of its examples is not believed: it stands for more members than it has, or for more than sums can hold. */
export function overclaimed(plan: CoordinatorPlan, from: string, facts: Facts): string | undefined {
  const most = plan.members?.[from] ?? 1;
  if (facts.members > most) return `MESSAGE_INVALID: expected up to ${most} members, got ${facts.members}`;
  try {
    checkCapacity(plan.format, Math.max(1, facts.train));
    return undefined;
  } catch (error) {
    if (error instanceof MillwrightError) return error.message;
    throw error;
  }
}

/** Why a contribution cannot count, or undefined where it can. */
export function unacceptable(plan: CoordinatorPlan, length: number, one: Counted): string | undefined {
  const values = one.type === "update" ? one.update : one.sums;
  if (values.length !== length) return `expected ${length} values, got ${values.length}`;
  const most = plan.weights[one.from] ?? 0;
  if (one.weight < 1 || one.weight > most) return `expected a weight from 1 to ${most}, got ${one.weight}`;
  const wrong = one.type === "update" ? wrongUpdate(plan, one) : wrongPartial(plan, one, most);
  if (wrong !== undefined) return wrong;
  // A sum of factor * update is at most the sum of factors times the largest update.
  const limit = largestUnits(plan.format) * (one.type === "partial" ? one.weight : 1);
  // By index: an iterator over a million numbers takes ten times as long.
  for (let i = 0; i < values.length; i++) {
    if (values[i] > limit || values[i] < -limit) return `expected coordinates up to ${limit}, got ${values[i]}`;
  }
  if (plan.normBound !== undefined) {
    const norm = normOf(one, plan);
    if (norm > plan.normBound) return `expected a norm up to ${plan.normBound}, got ${norm}`;
  }
  return undefined;
}

function wrongUpdate(plan: CoordinatorPlan, one: Extract<Counted, { type: "update" }>): string | undefined {
  if (one.rounds === undefined) return one.members === 1 ? undefined : `expected one member, got ${one.members}`;
  const standing = standingOf(one.rounds);
  const wrong = wrongMembers(plan, one, standing.members);
  if (wrong !== undefined) return wrong;
  return standing.weight === one.weight ? undefined : `expected the weight of the named members (${standing.weight}), got ${one.weight}`;
}

function wrongPartial(plan: CoordinatorPlan, one: Extract<Counted, { type: "partial" }>, most: number): string | undefined {
  if (plan.rule.kind !== "linear") return `expected an update (rule ${plan.rule.name} needs to see them), got a sum`;
  const standing = standingOf([one.included]);
  const wrong = wrongMembers(plan, one, standing.members);
  if (wrong !== undefined) return wrong;
  const leaves = leavesOf(one.included).size;
  if (leaves !== one.members) return `expected ${one.members} different sites, got ${leaves}`;
  return standing.weight <= most ? undefined : `expected members with up to ${most} examples, got ${standing.weight}`;
}

function wrongMembers(plan: CoordinatorPlan, one: Counted, named: number): string | undefined {
  const most = plan.members?.[one.from] ?? 1;
  return named === one.members && named <= most
    ? undefined
    : `expected up to ${most} members, as named, got ${one.members} (named: ${named})`;
}

function normOf(one: Counted, plan: CoordinatorPlan): number {
  const floats = one.type === "update" ? decodeFixed(one.update, plan.format) : decodeFixed(one.sums, plan.format, one.weight);
  let sum = 0;
  for (const value of floats) sum += value * value;
  return Math.sqrt(sum);
}

/**
 * The running sum with one more contribution, and what of it is kept. Errors are those of a user's rule. The sum passed in is not to be
 * used again.
 */
export function addContribution(plan: CoordinatorPlan, sum: Partial | undefined, one: Counted): readonly [Partial | undefined, Counted] {
  const { rule } = plan;
  if (rule.kind !== "linear") return [sum, one];
  if (one.type === "partial") {
    const told: Partial = { sums: one.sums, weight: one.weight, members: one.members };
    // The message may be sent again by whoever holds it: its numbers are not ours to add to.
    const next =
      sum === undefined ? { ...told, sums: one.sums.slice() } : rule.accumulate === undefined ? rule.add(sum, told) : addInPlace(sum, told);
    return [next, { ...one, sums: new Float64Array(0) }];
  }
  const kept = { ...one, update: new Int32Array(0) };
  const contribution = contributionOf(one);
  if (sum === undefined) return [rule.lift(contribution), kept];
  if (rule.accumulate !== undefined) return [rule.accumulate(sum, contribution), kept];
  return [rule.add(sum, rule.lift(contribution)), kept];
}

function addInPlace(into: Partial, one: Partial): Partial {
  const { sums } = into;
  for (let i = 0; i < sums.length; i++) sums[i] += one.sums[i];
  return { sums, weight: into.weight + one.weight, members: into.members + one.members };
}

/** The change of the model that a round's contributions make. Errors: those of `aggregate`. */
export function combine(plan: CoordinatorPlan, sum: Partial | undefined, counted: readonly Counted[]): Float32Array {
  const { rule, format } = plan;
  if (rule.kind === "linear" && sum !== undefined) return finishLinear(rule, sum, format);
  const updates = counted.flatMap((one) => (one.type === "update" ? [contributionOf(one)] : []));
  return aggregate(rule, updates, format);
}

function contributionOf(one: Extract<Counted, { type: "update" }>): Contribution {
  const { from, round, members, update } = one;
  return { from, round, members, weight: weight(one.weight), update };
}
