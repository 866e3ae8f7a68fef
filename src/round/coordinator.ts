/**
 * The coordinator's side of the conversation, without I/O. It asks questions and runs rounds; both are closed by a goal count, or
 * at the deadline if the minimum has answered; otherwise the attempt is abandoned and tried again (Bonawitz et al. 2019, section 2.2).
 * A site that dies, is slow, repeats itself or answers an old question delays nobody beyond the deadline.
 *
 * Running sums and answers are added to in place: a state is stepped once.
 */
import { checkCapacity, type FixedPoint } from "../aggregation/fixed-point.js";
import type { Partial, Rule } from "../aggregation/rule.js";
import { MillwrightError } from "../core/errors.js";
import type { Protocol } from "../core/protocol.js";
import { type Millis, millis } from "../core/quantities.js";
import { keyOf, type Message, type Reply, type Request } from "./messages.js";
import type { Inclusion } from "./node.js";
import { addContribution, combine, overclaimed, unacceptable } from "./node-contribution.js";
import { meanLoss } from "./node-inclusion.js";
import { excludedReason, refusedAlike, tooFew } from "./node-reasons.js";
import { answerFault, readFacts } from "./topics.js";

export interface CoordinatorPlan {
  readonly sites: readonly string[];
  readonly rounds: number;
  readonly rule: Rule;
  readonly format: FixedPoint;
  /** Learning rate of round r = 1..rounds at index r-1. */
  readonly learningRates: readonly number[];
  /** One learning rate for all rounds instead: a relay's, told by its parent. */
  readonly learningRate?: number;
  /** Answers after which a round closes, and with which it may close at the deadline. */
  readonly goal: number;
  readonly minimum: number;
  readonly deadline: Millis;
  /** Unanswered questions are repeated this often. */
  readonly retry: Millis;
  /** Attempts of one round or question before the run fails. */
  readonly attempts: number;
  /** Number of the first attempt of every round: above 1 where earlier ones may still be answered. */
  readonly firstAttempt?: number;
  /** A question without a last attempt: it waits, by name, until everybody has answered or was excluded. */
  readonly patient?: boolean;
  /** Largest weight a site may claim: its number of training examples as told before round 1. */
  readonly weights: Readonly<Record<string, number>>;
  /** Sites that a child may stand for where it is a relay; 1 where it is not named. */
  readonly members?: Readonly<Record<string, number>>;
  /** The un-normalised sum of the round goes to a parent, which finishes it: there is one round, and it leaves no model. */
  readonly forwards?: boolean;
  /** Largest Euclidean norm of an update's float values. */
  readonly normBound?: number;
}

export interface Open {
  readonly request: Request;
  /** Who was asked, and how many answers close it; later changes of the plan do not reach it. */
  readonly sites: readonly string[];
  readonly goal: number;
  readonly minimum: number;
  readonly openedAt: Millis;
  readonly closesAt: Millis;
  /** When the timer that counts rings; timers of rounds that are over ring too and mean nothing. */
  readonly wakesAt: Millis;
  readonly answers: ReadonlyMap<string, Reply>;
  /** Running sum of a linear rule: memory does not grow with the number of sites. */
  readonly partial?: Partial;
}

export interface CoordinatorState {
  readonly plan: CoordinatorPlan;
  readonly model: Float32Array;
  readonly round: number;
  readonly exchange: number;
  readonly attempt: number;
  /** Between rounds no new one is opened. */
  readonly held?: boolean;
  readonly open?: Open;
}

export type CoordinatorInput =
  | { readonly type: "ask"; readonly topic: string; readonly body: unknown; readonly values?: Float32Array }
  | {
      readonly type: "begin";
      readonly plan: CoordinatorPlan;
      readonly model: Float32Array;
      readonly round: number;
    }
  | { readonly type: "message"; readonly from: string; readonly message: Message }
  | { readonly type: "timer" }
  /** Who takes part, from the next question or round on. A site that is gone is not waited for any longer in the open one. */
  | { readonly type: "revise"; readonly plan: CoordinatorPlan }
  /** Opens no round after this one, until `continue`. */
  | { readonly type: "hold" }
  | { readonly type: "continue" }
  /** Forgets what is open. */
  | { readonly type: "drop" };

export interface ClosedRound {
  readonly round: number;
  readonly attempt: number;
  readonly model: Float32Array;
  readonly loss: number;
  readonly included: readonly Inclusion[];
  readonly excluded: readonly { readonly site: string; readonly reason: string }[];
  /** Where the plan forwards sums: the sum of the round. */
  readonly partial?: Partial;
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
        const { topic, body, values } = input;
        const asked = { ...state, exchange, attempt: 1 };
        return open(asked, { type: "ask", exchange, topic, body, ...(values === undefined ? {} : { values }) }, now);
      }
      case "begin": {
        const total = input.plan.sites.reduce((sum, site) => sum + (input.plan.weights[site] ?? 0), 0);
        checkCapacity(input.plan.format, Math.max(1, total));
        const { plan, model, round } = input;
        return startRound({ ...state, plan, model, round, attempt: plan.firstAttempt ?? 1 }, now);
      }
      case "message":
        return receive(state, input.from, input.message, now);
      case "timer":
        return tick(state, now);
      case "revise":
        return revise(state, input.plan, now);
      case "hold":
        return [{ ...state, held: true }, []];
      case "continue": {
        const { held, ...rest } = state;
        return held === true && state.open === undefined && state.round > 0 ? startRound(rest, now) : [rest, []];
      }
      case "drop": {
        const { open: _, ...rest } = state;
        return [rest, []];
      }
    }
  },
};

function startRound(state: CoordinatorState, now: Millis): Step {
  const { open: _, ...idle } = state;
  if (state.round > state.plan.rounds) return [{ ...idle, round: 0 }, [{ type: "finished", model: state.model }]];
  if (state.held === true) return [idle, []];
  const learningRate = state.plan.learningRate ?? state.plan.learningRates[state.round - 1];
  return open(state, { type: "train", round: state.round, attempt: state.attempt, learningRate, values: state.model }, now);
}

function open(state: CoordinatorState, request: Request, now: Millis): Step {
  const { sites, goal, minimum, deadline } = state.plan;
  const closesAt = millis(now + deadline);
  const sends = sites.map((to): CoordinatorEffect => ({ type: "send", to, message: request }));
  const wakesAt = nextWake(closesAt, state, now);
  const opened: Open = { request, sites, goal, minimum, openedAt: now, closesAt, wakesAt, answers: new Map() };
  return [{ ...state, open: opened }, [...sends, { type: "timer", at: wakesAt }]];
}

function nextWake(closesAt: Millis, state: CoordinatorState, now: Millis): Millis {
  return millis(Math.min(closesAt, now + state.plan.retry));
}

function receive(state: CoordinatorState, from: string, message: Message, now: Millis): Step {
  const { open: current } = state;
  if (current === undefined || message.type === "ask" || message.type === "train" || message.type === "order") return [state, []];
  // A late or repeated answer, or one in another's name, changes nothing.
  if (message.from !== from || !current.sites.includes(from) || keyOf(message) !== keyOf(current.request) || current.answers.has(from))
    return [state, []];
  // An update is no answer to a question, whatever key it carries.
  if ((message.type === "answer") !== (current.request.type === "ask") && message.type !== "refuse") return [state, []];
  let accepted: Reply = message;
  let partial = current.partial;
  if (message.type === "update" || message.type === "partial") {
    const reason = unacceptable(state.plan, state.model.length, message);
    if (reason !== undefined) accepted = { type: "refuse", answers: keyOf(message), from, code: "MESSAGE_INVALID", text: reason };
    else [partial, accepted] = addContribution(state.plan, partial, message);
  }
  if (message.type === "answer" && current.request.type === "ask") {
    const earlier = [...current.answers.values()].find((one) => one.type === "answer")?.body;
    const { topic } = current.request;
    const fault = answerFault(topic, message.body, earlier);
    const reason = fault ?? (topic === "prepare" ? overclaimed(state.plan, from, readFacts(message.body)) : undefined);
    if (reason !== undefined) accepted = { type: "refuse", answers: keyOf(message), from, code: "MESSAGE_INVALID", text: reason };
  }
  // In place, like the sum: a copy for every answer is most of the work where thousands answer.
  (current.answers as Map<string, Reply>).set(from, accepted);
  return closeIfDone({ ...state, open: { ...current, partial } }, now);
}

/** Closes when enough have answered, or nobody is left who could. */
function closeIfDone(state: CoordinatorState, now: Millis): Step {
  const current = state.open as Open;
  const useful = countUseful(current.answers);
  const everybody = current.answers.size === current.sites.length;
  const asking = current.request.type === "ask";
  // A patient question waits for those who refused, because what they lack can be mended; not where nobody can, all for one reason.
  if (asking && state.plan.patient === true) {
    const hopeless = useful === 0 && refusedAlike(current, useful, current.sites.length) !== undefined;
    if (useful === current.sites.length || hopeless) return close(state, now);
    return [state, []];
  }
  if (useful >= (asking ? current.sites.length : current.goal) || everybody) return close(state, now);
  return [state, []];
}

function countUseful(answers: Open["answers"]): number {
  let useful = 0;
  for (const answer of answers.values()) if (answer.type !== "refuse") useful++;
  return useful;
}

function tick(state: CoordinatorState, now: Millis): Step {
  const current = state.open;
  if (current === undefined || now < current.wakesAt) return [state, []];
  if (now >= current.closesAt && !(current.request.type === "ask" && state.plan.patient === true)) return close(state, now);
  const patient = now >= current.closesAt;
  // Those who could not are asked again; whoever answered is not.
  const answers = patient ? new Map([...current.answers].filter(([, answer]) => answer.type !== "refuse")) : current.answers;
  const closesAt = patient ? millis(now + state.plan.deadline) : current.closesAt;
  const silent = current.sites.filter((site) => !answers.has(site));
  const repeats = silent.map((to): CoordinatorEffect => ({ type: "send", to, message: current.request }));
  const wakesAt = nextWake(closesAt, state, now);
  return [{ ...state, open: { ...current, answers, closesAt, wakesAt } }, [...repeats, { type: "timer", at: wakesAt }]];
}

/** A question forgets who left; a round keeps the update that it has, and waits no longer for one that it has not. */
function revise(state: CoordinatorState, plan: CoordinatorPlan, now: Millis): Step {
  const current = state.open;
  if (current === undefined) return [{ ...state, plan }, []];
  const asking = current.request.type === "ask";
  const gone = current.sites.filter((site) => !plan.sites.includes(site) && (asking || !current.answers.has(site)));
  if (gone.length === 0) return [{ ...state, plan }, []];
  const sites = current.sites.filter((site) => !gone.includes(site));
  const answers = new Map([...current.answers].filter(([site]) => !gone.includes(site)));
  const goal = Math.min(current.goal, Math.max(1, sites.length));
  const minimum = Math.min(current.minimum, Math.max(1, sites.length));
  return closeIfDone({ ...state, plan, open: { ...current, sites, answers, goal, minimum } }, now);
}

function close(state: CoordinatorState, now: Millis): Step {
  const current = state.open as Open;
  const useful = countUseful(current.answers);
  // Questions need everybody: a scaler that forgot a site would be another scaler after a restart.
  const needed = current.request.type === "ask" ? Math.max(1, current.sites.length) : Math.max(current.minimum, state.plan.rule.minimum);
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
  const counted = current.sites.flatMap((site) => {
    const answer = current.answers.get(site);
    return answer?.type === "update" || answer?.type === "partial" ? [answer] : [];
  });
  const included = counted.map((one): Inclusion => inclusionOf(one));
  const head = { round: state.round, attempt: state.attempt, loss: meanLoss(included), included };
  const excluded = current.sites.flatMap((site) => excludedReason(site, current));
  if (plan.forwards === true) {
    const { open: _, ...idle } = state;
    const partial = current.partial as Partial;
    return [{ ...idle, round: 0 }, [{ type: "closed", round: { ...head, excluded, model: state.model, partial } }]];
  }
  const change = combine(plan, current.partial, counted);
  const model = new Float32Array(state.model.length);
  for (let i = 0; i < model.length; i++) model[i] = state.model[i] + change[i];
  const [next, effects] = startRound({ ...state, model, round: state.round + 1, attempt: plan.firstAttempt ?? 1 }, now);
  return [next, [{ type: "closed", round: { ...head, excluded, model } }, ...effects]];
}

function inclusionOf(one: Extract<Reply, { type: "update" | "partial" }>): Inclusion {
  const { from: site, loss, members } = one;
  if (one.type === "partial") {
    const weight = one.included.reduce((sum, below) => sum + below.weight, 0);
    return { site, weight, loss, members, rounds: [one.included] };
  }
  return { site, weight: one.weight, loss, members, ...(one.rounds === undefined ? {} : { rounds: one.rounds }) };
}

function abandon(state: CoordinatorState, useful: number, needed: number, now: Millis): Step {
  const current = state.open as Open;
  const patient = current.request.type === "ask" && state.plan.patient === true;
  const tried = current.request.type === "ask" ? state.attempt : state.attempt + 1 - (state.plan.firstAttempt ?? 1);
  if (patient || tried >= state.plan.attempts) {
    const error =
      refusedAlike(current, useful, needed) ?? tooFew(current, useful, needed, { deadline: state.plan.deadline, attempt: tried });
    return [{ ...state, open: undefined }, [{ type: "failed", error }]];
  }
  const next = { ...state, attempt: state.attempt + 1 };
  if (current.request.type === "train") return startRound(next, now);
  const exchange = state.exchange + 1;
  return open({ ...next, exchange }, { ...current.request, exchange }, now);
}
