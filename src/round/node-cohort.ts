/**
 * The children of a node and the conversation with them: who takes part, what each may claim, who is on the way in. Root and relay are
 * the same here. A child that leaves is not waited for any longer; one that comes late is given the scaler first, tells how many
 * examples it has, and takes part from the next round on.
 */
import { checkCapacity } from "../aggregation/fixed-point.js";
import { MillwrightError } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import { type CoordinatorEffect, type CoordinatorPlan, type CoordinatorState, coordinatorProtocol } from "./coordinator.js";
import { keyOf, type Message, type Request } from "./messages.js";
import type { Child, Waiting } from "./node.js";
import { excludedReason } from "./node-reasons.js";
import { addFacts, answerFault, type Facts, readFacts } from "./topics.js";

export interface Joining extends Child {
  readonly since: Millis;
  /** The question it was asked; absent while there is nothing to ask yet. */
  readonly exchange?: number;
  /** Why it was not let in. */
  readonly reason?: string;
}

export interface Cohort {
  readonly coordinator: CoordinatorState;
  readonly children: readonly Child[];
  /** Training examples that each child told. */
  readonly weights: Readonly<Record<string, number>>;
  readonly joining: readonly Joining[];
  /** What each child said of its examples, and to which question: a cohort that grew says it again. */
  readonly prepared?: Readonly<Record<string, Prepared>>;
  /** The scaler, as it was sent to everybody. */
  readonly scaler?: unknown;
  /** What the children told of their examples, together. */
  readonly total?: Facts;
}

export interface Prepared {
  readonly exchange: number;
  readonly members: number;
  readonly train: number;
}

/** The plan of the next question or round for these children. */
export type Planner = (cohort: Pick<Cohort, "children" | "weights">) => CoordinatorPlan;
export type CohortStep = readonly [Cohort, readonly CoordinatorEffect[]];

/** Children that may wait to be let in. */
const mostJoining = 10_000;

/** The part of a node's state that the conversation changes; the rest is its own. */
export function cohortOf({ coordinator, children, weights, joining, prepared, scaler, total }: Cohort): Cohort {
  return {
    coordinator,
    children,
    weights,
    joining,
    ...(prepared === undefined ? {} : { prepared }),
    ...(scaler === undefined ? {} : { scaler }),
    ...(total === undefined ? {} : { total }),
  };
}

export function drive(cohort: Cohort, input: Parameters<typeof coordinatorProtocol.step>[1], now: Millis): CohortStep {
  const [coordinator, effects] = coordinatorProtocol.step(cohort.coordinator, input, now);
  return [coordinator === cohort.coordinator ? cohort : { ...cohort, coordinator }, effects];
}

/** Fractions of a quorum as numbers of `count` children. */
export function quorumOf(quorum: { readonly goal: number; readonly minimum: number }, count: number): { goal: number; minimum: number } {
  return { goal: Math.max(1, Math.ceil(quorum.goal * count)), minimum: Math.max(1, Math.ceil(quorum.minimum * count)) };
}

/** Largest weights and memberships by child, for a plan. */
export function claimsOf({
  children,
  weights,
}: Pick<Cohort, "children" | "weights">): Pick<CoordinatorPlan, "sites" | "weights" | "members"> {
  const cohorts = children.filter(({ members }) => members > 1);
  return {
    sites: children.map(({ site }) => site),
    weights,
    ...(cohorts.length === 0 ? {} : { members: Object.fromEntries(cohorts.map(({ site, members }) => [site, members])) }),
  };
}

export function exclude(cohort: Cohort, site: string, planner: Planner, now: Millis): CohortStep {
  const joining = cohort.joining.filter((one) => one.site !== site);
  if (!cohort.children.some((child) => child.site === site))
    return [joining.length === cohort.joining.length ? cohort : { ...cohort, joining }, []];
  const { [site]: _, ...weights } = cohort.weights;
  const next = { ...cohort, joining, weights, children: cohort.children.filter((child) => child.site !== site) };
  return drive(next, { type: "revise", plan: planner(next) }, now);
}

/** Lets a child in: before there is a scaler at once, later after it was prepared. */
export function include(cohort: Cohort, child: Child, begun: boolean, planner: Planner, now: Millis): CohortStep {
  const known = cohort.children.some(({ site }) => site === child.site) || cohort.joining.some(({ site }) => site === child.site);
  if (known || cohort.joining.length >= mostJoining) return [cohort, []];
  if (!begun) {
    const next = { ...cohort, children: [...cohort.children, child] };
    return drive(next, { type: "revise", plan: planner(next) }, now);
  }
  return inviteAll({ ...cohort, joining: [...cohort.joining, { ...child, since: now }] });
}

/** Asks those who wait to be let in, once there is a scaler to give them. */
export function inviteAll(cohort: Cohort): CohortStep {
  if (cohort.total === undefined) return [cohort, []];
  let { exchange } = cohort.coordinator;
  const effects: CoordinatorEffect[] = [];
  const joining = cohort.joining.map((one) => {
    if (one.exchange !== undefined) return one;
    exchange++;
    effects.push({ type: "send", to: one.site, message: invitation(exchange, cohort) });
    return { ...one, exchange };
  });
  if (effects.length === 0) return [cohort, []];
  return [{ ...cohort, joining, coordinator: { ...cohort.coordinator, exchange } }, effects];
}

function invitation(exchange: number, cohort: Cohort): Request {
  return { type: "ask", exchange, topic: "prepare", body: cohort.scaler };
}

/** The answer of somebody on the way in. */
export function joined(cohort: Cohort, from: string, message: Message, planner: Planner, now: Millis): CohortStep | undefined {
  const one = cohort.joining.find(({ site }) => site === from);
  if (one?.exchange === undefined || (message.type !== "answer" && message.type !== "refuse")) return undefined;
  if (message.from !== from || keyOf(message) !== `exchange ${one.exchange}`) return undefined;
  const reason = message.type === "refuse" ? `${message.code}: ${message.text}` : unfit(cohort, one, message.body, planner);
  if (reason !== undefined) {
    if (one.reason === reason) return [cohort, []];
    return [{ ...cohort, joining: cohort.joining.map((other) => (other === one ? { ...one, reason } : other)) }, []];
  }
  const facts = readFacts((message as Extract<Message, { type: "answer" }>).body);
  const { since: _s, exchange: _e, reason: _r, ...child } = one;
  const next = {
    ...cohort,
    joining: cohort.joining.filter((other) => other !== one),
    children: [...cohort.children, child],
    weights: { ...cohort.weights, [from]: facts.train },
    total: cohort.total === undefined ? facts : addFacts(cohort.total, facts),
    prepared: { ...cohort.prepared, [from]: preparedAs(one.exchange, facts) },
  };
  return drive(next, { type: "revise", plan: planner(next) }, now);
}

export const preparedAs = (exchange: number, { members, train }: Facts): Prepared => ({ exchange, members, train });

/** A relay whose cohort grew says what it has now; what it says too much is not believed. */
export function grown(cohort: Cohort, from: string, message: Message, planner: Planner, now: Millis): CohortStep | undefined {
  const before = cohort.prepared?.[from];
  const child = cohort.children.find(({ site }) => site === from);
  if (message.type !== "answer" || message.from !== from || before?.exchange !== message.exchange) return undefined;
  if (child === undefined || cohort.total === undefined || cohort.coordinator.open?.request.type === "ask") return undefined;
  if (unfit(cohort, child, message.body, planner) !== undefined) return [cohort, []];
  const facts = readFacts(message.body);
  if (facts.train === before.train && facts.members === before.members) return [cohort, []];
  const { total } = cohort;
  const next = {
    ...cohort,
    weights: { ...cohort.weights, [from]: facts.train },
    total: { ...total, train: total.train + facts.train - before.train, members: total.members + facts.members - before.members },
    prepared: { ...cohort.prepared, [from]: preparedAs(message.exchange, facts) },
  };
  return drive(next, { type: "revise", plan: planner(next) }, now);
}

function unfit(cohort: Cohort, child: Child, body: unknown, planner: Planner): string | undefined {
  const fault = answerFault("prepare", body, cohort.total);
  if (fault !== undefined) return fault;
  const facts = readFacts(body);
  const wrong = wrongFacts(child, facts);
  if (wrong !== undefined) return wrong;
  const weights = { ...cohort.weights, [child.site]: facts.train };
  try {
    checkCapacity(
      planner(cohort).format,
      Object.values(weights).reduce((sum, one) => sum + one, 0),
    );
    return undefined;
  } catch (error) {
    if (error instanceof MillwrightError) return error.message;
    throw error;
  }
}

/** What a child may not say of itself. */
export function wrongFacts(child: Child, facts: Facts): string | undefined {
  if (facts.train < 1) return "DATA_EMPTY: expected at least one training example, got none";
  if (facts.members > child.members) return `MESSAGE_INVALID: expected up to ${child.members} members, got ${facts.members}`;
  return undefined;
}

/** Tells those on the way in again: their question may have been lost. */
export function remind(cohort: Cohort): readonly CoordinatorEffect[] {
  return cohort.joining.flatMap((one): CoordinatorEffect[] =>
    one.exchange === undefined ? [] : [{ type: "send", to: one.site, message: invitation(one.exchange, cohort) }],
  );
}

const invitations = new WeakMap<Cohort, readonly { readonly to: string; readonly message: Request }[]>();

/** What is open, and for whom. The same cohort gives the same messages. */
export function pendingOf(cohort: Cohort): readonly { readonly to: string; readonly message: Request }[] {
  const kept = invitations.get(cohort);
  if (kept !== undefined) return kept;
  const { open } = cohort.coordinator;
  const asked = open === undefined ? [] : open.sites.filter((site) => !open.answers.has(site)).map((to) => ({ to, message: open.request }));
  const invited = cohort.joining.flatMap((one) =>
    one.exchange === undefined || one.reason !== undefined ? [] : [{ to: one.site, message: invitation(one.exchange, cohort) }],
  );
  const pending = [...asked, ...invited];
  invitations.set(cohort, pending);
  return pending;
}

/** What the children are waited for; undefined where nothing is open. */
export function openWait({ coordinator, joining }: Cohort): Waiting | undefined {
  const { open } = coordinator;
  if (open === undefined) return undefined;
  const { request } = open;
  const what = request.type === "train" ? `round ${request.round}, attempt ${request.attempt}: updates` : request.topic;
  const answered = open.sites.filter((site) => open.answers.has(site) && open.answers.get(site)?.type !== "refuse");
  return {
    what,
    since: open.openedAt,
    until: open.closesAt,
    answered,
    missing: open.sites.filter((site) => !open.answers.has(site)),
    refused: [
      ...open.sites.flatMap((site) => (open.answers.get(site)?.type === "refuse" ? excludedReason(site, open) : [])),
      ...joining.flatMap(({ site, reason }) => (reason === undefined ? [] : [{ site, reason }])),
    ],
  };
}
