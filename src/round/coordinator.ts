/**
 * The coordinator's side of the conversation, without I/O. It asks questions and runs rounds; both are closed by a goal count, or
 * at the deadline if the minimum has answered; otherwise the attempt is abandoned and tried again (Bonawitz et al. 2019, section 2.2).
 * A site that dies, is slow, repeats itself or answers an old question delays nobody beyond the deadline.
 */
import { aggregate, finishLinear } from "../aggregation/aggregate.js";
import { checkCapacity, type FixedPoint, largestUnits } from "../aggregation/fixed-point.js";
import type { Contribution, Partial, Rule } from "../aggregation/rule.js";
import { codes, type ErrorCode, MillwrightError } from "../core/errors.js";
import type { Protocol } from "../core/protocol.js";
import { type Millis, millis, weight } from "../core/quantities.js";
import { keyOf, type Message } from "./messages.js";

export interface CoordinatorPlan {
  readonly sites: readonly string[];
  readonly rounds: number;
  readonly rule: Rule;
  readonly format: FixedPoint;
  /** Learning rate of round r = 1..rounds at index r-1. */
  readonly learningRates: readonly number[];
  /** Answers after which a round closes, and with which it may close at the deadline. */
  readonly goal: number;
  readonly minimum: number;
  readonly deadline: Millis;
  /** Unanswered questions are repeated this often. */
  readonly retry: Millis;
  /** Attempts of one round or question before the run fails. */
  readonly attempts: number;
  /** Largest weight a site may claim: its number of training examples as told before round 1. */
  readonly weights: Readonly<Record<string, number>>;
}

interface Open {
  readonly request: Extract<Message, { type: "ask" | "train" }>;
  readonly closesAt: Millis;
  /** When the timer that counts rings; timers of rounds that are over ring too and mean nothing. */
  readonly wakesAt: Millis;
  readonly answers: ReadonlyMap<string, Extract<Message, { type: "answer" | "update" | "refuse" }>>;
  /** Running sum of a linear rule: memory does not grow with the number of sites. */
  readonly partial?: Partial;
}

export interface CoordinatorState {
  readonly plan: CoordinatorPlan;
  readonly model: Float32Array;
  readonly round: number;
  readonly exchange: number;
  readonly attempt: number;
  readonly open?: Open;
}

export type CoordinatorInput =
  | { readonly type: "ask"; readonly topic: string; readonly body: unknown }
  | { readonly type: "begin"; readonly plan: CoordinatorPlan; readonly model: Float32Array; readonly round: number }
  | { readonly type: "message"; readonly from: string; readonly message: Message }
  | { readonly type: "timer" };

export interface ClosedRound {
  readonly round: number;
  readonly model: Float32Array;
  readonly loss: number;
  readonly included: readonly { readonly site: string; readonly weight: number; readonly loss: number }[];
  readonly excluded: readonly { readonly site: string; readonly reason: string }[];
}

export type CoordinatorEffect =
  | { readonly type: "send"; readonly to: string; readonly message: Message }
  | { readonly type: "timer"; readonly at: Millis }
  | { readonly type: "answered"; readonly topic: string; readonly answers: ReadonlyMap<string, unknown> }
  | { readonly type: "closed"; readonly round: ClosedRound }
  | { readonly type: "finished"; readonly model: Float32Array }
  | { readonly type: "failed"; readonly error: MillwrightError };

type Step = readonly [CoordinatorState, readonly CoordinatorEffect[]];

export function newCoordinator(plan: CoordinatorPlan): CoordinatorState {
  return { plan, model: new Float32Array(0), round: 0, exchange: 0, attempt: 1 };
}

export const coordinatorProtocol: Protocol<CoordinatorState, CoordinatorInput, CoordinatorEffect> = {
  step(state, input, now) {
    switch (input.type) {
      case "ask": {
        const exchange = state.exchange + 1;
        return open({ ...state, exchange }, { type: "ask", exchange, topic: input.topic, body: input.body }, now);
      }
      case "begin": {
        const total = input.plan.sites.reduce((sum, site) => sum + (input.plan.weights[site] ?? 0), 0);
        checkCapacity(input.plan.format, Math.max(1, total));
        return startRound({ ...state, plan: input.plan, model: input.model, round: input.round, attempt: 1 }, now);
      }
      case "message":
        return receive(state, input.from, input.message, now);
      case "timer":
        return tick(state, now);
    }
  },
};

function startRound(state: CoordinatorState, now: Millis): Step {
  if (state.round > state.plan.rounds) return [{ ...state, open: undefined }, [{ type: "finished", model: state.model }]];
  const learningRate = state.plan.learningRates[state.round - 1];
  return open(state, { type: "train", round: state.round, attempt: state.attempt, learningRate, values: state.model }, now);
}

function open(state: CoordinatorState, request: Open["request"], now: Millis): Step {
  const closesAt = millis(now + state.plan.deadline);
  const sends = state.plan.sites.map((to): CoordinatorEffect => ({ type: "send", to, message: request }));
  const wakesAt = nextWake(closesAt, state, now);
  return [{ ...state, open: { request, closesAt, wakesAt, answers: new Map() } }, [...sends, { type: "timer", at: wakesAt }]];
}

function nextWake(closesAt: Millis, state: CoordinatorState, now: Millis): Millis {
  return millis(Math.min(closesAt, now + state.plan.retry));
}

function receive(state: CoordinatorState, from: string, message: Message, now: Millis): Step {
  const { open: current, plan } = state;
  if (current === undefined || message.type === "ask" || message.type === "train") return [state, []];
  // A late or repeated answer, or one in another's name, changes nothing.
  if (message.from !== from || !plan.sites.includes(from) || keyOf(message) !== keyOf(current.request) || current.answers.has(from))
    return [state, []];
  let accepted: Extract<Message, { type: "answer" | "update" | "refuse" }> = message;
  let partial = current.partial;
  if (message.type === "update") {
    const reason = unacceptable(state, message);
    if (reason !== undefined) {
      accepted = { type: "refuse", answers: keyOf(message), from, code: "MESSAGE_INVALID", text: reason };
    } else if (plan.rule.kind === "linear") {
      const lifted = plan.rule.lift(contributionOf(message));
      partial = partial === undefined ? lifted : plan.rule.add(partial, lifted);
      // The sum holds it now; keeping the vector too would make memory grow with the sites.
      accepted = { ...message, update: new Int32Array(0) };
    }
  }
  const answers = new Map(current.answers).set(from, accepted);
  const next = { ...state, open: { ...current, answers, partial } };
  const served = countUseful(answers);
  if (served >= plan.goal || answers.size === plan.sites.length) return close(next, now);
  return [next, []];
}

/** Why an update cannot count, or undefined where it can. */
function unacceptable(state: CoordinatorState, message: Extract<Message, { type: "update" }>): string | undefined {
  if (message.update.length !== state.model.length) return `expected ${state.model.length} values, got ${message.update.length}`;
  const most = state.plan.weights[message.from] ?? 0;
  if (message.weight < 1 || message.weight > most) return `expected a weight from 1 to ${most}, got ${message.weight}`;
  if (message.members !== 1) return `expected one member, got ${message.members}`;
  const limit = largestUnits(state.plan.format);
  for (const value of message.update) if (value > limit || value < -limit) return `expected coordinates up to ${limit}, got ${value}`;
  return undefined;
}

function contributionOf(message: Extract<Message, { type: "update" }>): Contribution {
  const { from, round, members, update } = message;
  return { from, round, members, weight: weight(message.weight), update };
}

function countUseful(answers: Open["answers"]): number {
  let useful = 0;
  for (const answer of answers.values()) if (answer.type !== "refuse") useful++;
  return useful;
}

function tick(state: CoordinatorState, now: Millis): Step {
  const current = state.open;
  if (current === undefined || now < current.wakesAt) return [state, []];
  if (now >= current.closesAt) return close(state, now);
  const silent = state.plan.sites.filter((site) => !current.answers.has(site));
  const repeats = silent.map((to): CoordinatorEffect => ({ type: "send", to, message: current.request }));
  const wakesAt = nextWake(current.closesAt, state, now);
  return [{ ...state, open: { ...current, wakesAt } }, [...repeats, { type: "timer", at: wakesAt }]];
}

function close(state: CoordinatorState, now: Millis): Step {
  const current = state.open as Open;
  const useful = countUseful(current.answers);
  // Questions need everybody: a scaler that forgot a site would be another scaler after a restart.
  const needed = current.request.type === "ask" ? state.plan.sites.length : Math.max(state.plan.minimum, state.plan.rule.minimum);
  if (useful < needed) return abandon(state, useful, needed, now);
  if (current.request.type === "ask") {
    const answers = new Map([...current.answers].map(([site, answer]) => [site, answer.type === "answer" ? answer.body : undefined]));
    return [{ ...state, open: undefined, attempt: 1 }, [{ type: "answered", topic: current.request.topic, answers }]];
  }
  try {
    return closeRound(state, current, now);
  } catch (error) {
    if (error instanceof MillwrightError) return [{ ...state, open: undefined }, [{ type: "failed", error }]];
    throw error;
  }
}

function closeRound(state: CoordinatorState, current: Open, now: Millis): Step {
  const { plan } = state;
  const updates = plan.sites.flatMap((site) => {
    const answer = current.answers.get(site);
    return answer?.type === "update" ? [answer] : [];
  });
  const change =
    plan.rule.kind === "linear" && current.partial !== undefined
      ? finishLinear(plan.rule, current.partial, plan.format)
      : aggregate(plan.rule, updates.map(contributionOf), plan.format);
  const model = new Float32Array(state.model.length);
  for (let i = 0; i < model.length; i++) model[i] = state.model[i] + change[i];
  const total = updates.reduce((sum, one) => sum + one.weight, 0);
  const loss = updates.reduce((sum, one) => sum + one.loss * one.weight, 0) / total;
  const round: ClosedRound = {
    round: state.round,
    model,
    loss,
    included: updates.map(({ from, weight: counted, loss: own }) => ({ site: from, weight: counted, loss: own })),
    excluded: plan.sites.flatMap((site) => excludedReason(site, current)),
  };
  const [next, effects] = startRound({ ...state, model, round: state.round + 1, attempt: 1 }, now);
  return [next, [{ type: "closed", round }, ...effects]];
}

function excludedReason(site: string, current: Open): { site: string; reason: string }[] {
  const answer = current.answers.get(site);
  if (answer === undefined) return [{ site, reason: "no answer before the round closed" }];
  return answer.type === "refuse" ? [{ site, reason: `${answer.code}: ${answer.text.replace(`${answer.code}: `, "")}` }] : [];
}

function abandon(state: CoordinatorState, useful: number, needed: number, now: Millis): Step {
  const current = state.open as Open;
  if (state.attempt >= state.plan.attempts) {
    const error = refusedAlike(state, useful, needed) ?? tooFew(state, useful, needed);
    return [{ ...state, open: undefined }, [{ type: "failed", error }]];
  }
  const next = { ...state, attempt: state.attempt + 1 };
  if (current.request.type === "train") return startRound(next, now);
  const exchange = state.exchange + 1;
  return open({ ...next, exchange }, { ...current.request, exchange }, now);
}

function tooFew({ plan, open: current, attempt }: CoordinatorState, useful: number, needed: number): MillwrightError {
  const { request } = current as Open;
  const reasons = plan.sites.flatMap((site) => excludedReason(site, current as Open).map(({ reason }) => `${site}: ${reason}`));
  return new MillwrightError("ROUND_ABANDONED", {
    where: keyOf(request),
    expected: `${needed} of ${plan.sites.length} sites to answer within ${plan.deadline} ms`,
    got: `${useful} after ${attempt} attempts (${listed(reasons)})`,
    remedy: "look at the sites named here, or lower quorum.minimum",
  });
}

/** Sites that all say no for the same reason have found what is wrong: their code is the code of the error. */
function refusedAlike({ plan, open: current }: CoordinatorState, useful: number, needed: number): MillwrightError | undefined {
  const { answers, request } = current as Open;
  const refusals = plan.sites.flatMap((site) => {
    const answer = answers.get(site);
    return answer?.type === "refuse" ? [answer] : [];
  });
  const code = refusals[0]?.code;
  const silent = plan.sites.length - answers.size;
  if (code === undefined || silent > 0 || !Object.hasOwn(codes, code) || refusals.some((one) => one.code !== code)) return undefined;
  return new MillwrightError(code as ErrorCode, {
    where: keyOf(request),
    expected: `${needed} of ${plan.sites.length} sites to do it`,
    got: `${useful}; ${listed(refusals.map(({ from, text }) => `${from}: ${text.replace(`${code}: `, "")}`))}`,
  });
}

function listed(reasons: readonly string[]): string {
  return `${reasons.slice(0, 5).join("; ")}${reasons.length > 5 ? "; ..." : ""}`;
}
