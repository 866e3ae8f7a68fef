/**
 * A facility or a region without I/O: to its parent it is one big site, to its children a coordinator. A question is passed on and the
 * answers are added up. In a round it either forwards the un-normalised sum of its cohort, which gives the same model as a flat federation,
 * or runs rounds of its own under its own rule and forwards the finished change as one update of many members.
 *
 * Sub-round j of `rounds` in round r of the parent is round (r - 1) * rounds + j below. A second attempt of the parent's round is answered
 * with what is there; the sites are not asked twice. Nothing leaves before it is checked: finite, within range, enough members.
 */
import { encodeFixed } from "../aggregation/fixed-point.js";
import type { Partial, Rule } from "../aggregation/rule.js";
import { MillwrightError } from "../core/errors.js";
import { type Millis, millis } from "../core/quantities.js";
import { type CoordinatorEffect, type CoordinatorPlan, newCoordinator } from "./coordinator.js";
import type { FederationFile } from "./file.js";
import { keyOf, type Message, type Reply, type Request } from "./messages.js";
import { type Child, type Inclusion, type Node, type NodeEffect, type NodeInput, operator, type Waiting } from "./node.js";
import {
  type Cohort,
  cohortOf,
  drive,
  exclude,
  grown,
  include,
  inviteAll,
  joined,
  openWait,
  pendingOf,
  preparedAs,
  remind,
  wrongFacts,
} from "./node-cohort.js";
import { meanLoss, standingOf } from "./node-inclusion.js";
import { plannerOf, type QuorumSpec } from "./node-plan.js";
import { packRelay, unpackRelay } from "./node-snapshot.js";
import { addFacts, combineAnswers, readFacts, topics } from "./topics.js";

export interface RelayState extends Cohort {
  readonly kind: "relay";
  readonly since: Millis;
  /** What the parent asked last, while it is worked on. */
  readonly task?: Request;
  /** The latest question and round of the parent: what is older comes late. */
  readonly exchange: number;
  readonly round: number;
  /** What was said last, to be said again: an answer, and a contribution. */
  readonly answer?: Extract<Message, { type: "answer" }>;
  readonly contribution?: Extract<Message, { type: "update" | "partial" }>;
  /** Who was included in the rounds of its own so far. */
  readonly included: readonly (readonly Inclusion[])[];
  /** Attempts of rounds below so far, over all attempts of the parent's round, and how many of them belong to its earlier attempts. */
  readonly attempts: number;
  readonly earlier: number;
  /** The parent's question about examples: when the cohort grows it is answered again. */
  readonly told?: number;
  /** How many more rounds begin by telling it again: a reply on its way may have been replaced by a later one. */
  readonly retell?: number;
  readonly paused?: boolean;
}

export interface RelayOptions {
  readonly file: FederationFile;
  /** Its name at the parent. */
  readonly name: string;
  readonly children: readonly Child[];
  /** The rule it applies to its children, already loaded. */
  readonly rule: Rule;
  /** Rounds of its own for each of the parent's. */
  readonly rounds?: number;
  /** Whether it forwards the sum of its cohort (`rounds` is 1 and the rule is the parent's, and linear) or its finished change. */
  readonly forwards: "sum" | "change";
  readonly quorum?: QuorumSpec;
  readonly retry?: Millis;
  readonly patient?: boolean;
  /** Fewest sites that a contribution may stand for. */
  readonly minimumMembers?: number;
  /** Largest Euclidean norm of a child's change. */
  readonly normBound?: number;
}

/** Rounds at whose beginning a grown cohort is told again. */
const retellings = 2;

type Step = readonly [RelayState, readonly NodeEffect[]];
type Train = Extract<Request, { type: "train" }>;

/** The protocol of a relay, the state before its first input, and what can be done with its states. */
export function createRelay(options: RelayOptions): Node {
  const { file, name, rule } = options;
  const own = options.rounds ?? 1;
  const forwards = options.forwards === "sum" && own === 1 && rule.kind === "linear";
  const { quorum, retry, normBound } = options;
  const base = plannerOf({ file, rule, quorum, retry, normBound, patient: options.patient ?? true });

  /** A plan of this cohort for the task in hand. */
  function planFor(state: Pick<RelayState, "task" | "children" | "weights" | "earlier">): CoordinatorPlan {
    const plan = base(state);
    if (state.task?.type !== "train") return plan;
    const { round, learningRate } = state.task;
    return { ...plan, rounds: round * own, learningRate, firstAttempt: state.earlier + 1, ...(forwards ? { forwards } : {}) };
  }

  const start = { children: options.children, weights: {} };
  const initial: RelayState = {
    ...start,
    kind: "relay",
    since: millis(0),
    coordinator: newCoordinator(base(start)),
    joining: [],
    exchange: 0,
    round: 0,
    included: [],
    attempts: 0,
    earlier: 0,
  };

  function step(state: RelayState, input: NodeInput, now: Millis): Step {
    switch (input.type) {
      case "parent":
        return input.message.type === "ask" || input.message.type === "train" ? fromParent(state, input.message, now) : [state, []];
      case "timer": {
        const [next, effects] = drive(state, { type: "timer" }, now);
        return next === state ? [state, []] : settle(state, next, [...effects, ...remind(next)], now);
      }
      case "message": {
        if (input.from === operator) return input.message.type === "order" ? obey(state, input.message, now) : [state, []];
        const planner = (cohort: Pick<Cohort, "children" | "weights">) => planFor({ ...cohort, task: state.task, earlier: state.earlier });
        const { from, message } = input;
        const late = joined(state, from, message, planner, now) ?? grown(state, from, message, planner, now);
        if (late !== undefined) return admitted(state, late, now);
        const [next, effects] = drive(state, { type: "message", from: input.from, message: input.message }, now);
        return next === state ? [state, []] : settle(state, next, effects, now);
      }
      case "start":
        return [state, []];
    }
  }

  function fromParent(state: RelayState, message: Request, now: Millis): Step {
    if (message.type === "ask") {
      if (message.exchange < state.exchange) return [state, []];
      if (message.exchange === state.exchange) {
        if (state.answer?.exchange === message.exchange) return [state, [{ type: "reply", message: state.answer }]];
        if (state.task !== undefined) return [state, []];
      }
      return question({ ...state, exchange: message.exchange }, message, now);
    }
    if (message.round < state.round) return [state, []];
    if (message.round === state.round) {
      // The contribution does not depend on the attempt; it only has to say which one it answers.
      if (state.contribution?.round === message.round) {
        const { contribution, retell = 0 } = state;
        // The parent did not take it: it may not know how much the cohort grew. It is told first; the attempt after this one gets the sum.
        if (retell > 0 && message.attempt > contribution.attempt)
          return [{ ...state, retell: 0, contribution: { ...contribution, attempt: message.attempt } }, tell(state)];
        return [state, [{ type: "reply", message: { ...contribution, attempt: message.attempt } }]];
      }
      if (state.task?.type === "train") {
        if (message.attempt <= state.task.attempt) return [state, []];
        return [{ ...state, task: message }, []];
      }
      return train(state, message, now);
    }
    const { contribution: _, ...rest } = state;
    return train({ ...rest, round: message.round, attempts: 0 }, message, now);
  }

  function question(state: RelayState, message: Extract<Request, { type: "ask" }>, now: Millis): Step {
    const { task: _, ...idle } = state;
    const asked: RelayState = { ...idle, task: message, since: now };
    if (!topics.some((topic) => topic === message.topic)) {
      return refuse(
        asked,
        new MillwrightError("MESSAGE_INVALID", { where: "topic", expected: topics.join(", "), got: message.topic }),
        now,
      );
    }
    const [dropped] = drive(asked, { type: "drop" }, now);
    const { topic, body, values } = message;
    const [revised] = drive(dropped, { type: "revise", plan: planFor(asked) }, now);
    const [next, effects] = drive(revised, { type: "ask", topic, body, ...(values === undefined ? {} : { values }) }, now);
    return settle(
      topic === "prepare" ? { ...asked, scaler: body } : asked,
      topic === "prepare" ? { ...next, scaler: body } : next,
      effects,
      now,
    );
  }

  function train(state: RelayState, message: Train, now: Millis): Step {
    // Rounds that are run again must not be answered with what was said of an earlier model: their attempts go on counting.
    const begun: RelayState = { ...state, task: message, since: now, included: [], earlier: state.attempts };
    const first = (message.round - 1) * own + 1;
    try {
      const [dropped] = drive(begun, { type: "drop" }, now);
      const plan = planFor(begun);
      const [next, effects] = drive(dropped, { type: "begin", plan, model: message.values, round: first }, now);
      const { retell = 0 } = state;
      const [settled, out] = settle(retell > 0 ? { ...begun, retell: retell - 1 } : begun, next, effects, now);
      return [settled, retell > 0 ? [...tell(begun), ...out] : out];
    } catch (error) {
      if (error instanceof MillwrightError) return refuse(begun, error, now);
      throw error;
    }
  }

  function settle(before: RelayState, cohort: Cohort, effects: readonly CoordinatorEffect[], now: Millis): Step {
    let state: RelayState = { ...before, ...cohortOf(cohort) };
    const { attempt, open } = state.coordinator;
    if (open?.request.type === "train") state = { ...state, attempts: Math.max(state.attempts, attempt) };
    const out: NodeEffect[] = [];
    const follow = ([next, more]: Step): void => {
      state = next;
      out.push(...more);
    };
    for (const effect of effects) {
      try {
        if (effect.type === "send" || effect.type === "timer") out.push(effect);
        else if (effect.type === "failed") follow(refuse(state, effect.error, now));
        else if (effect.type === "answered") follow(answered(state, effect.topic, effect.answers, now));
        else if (effect.type === "finished") follow(finished(state, effect.model, now));
        else {
          const { partial, model, ...closed } = effect.round;
          state = { ...state, included: [...state.included, closed.included] };
          out.push({ type: "closed", round: partial === undefined ? { ...closed, model } : closed });
          if (partial !== undefined) follow(summed(state, partial, closed.included, now));
        }
      } catch (error) {
        if (!(error instanceof MillwrightError)) throw error;
        follow(refuse(state, error, now));
      }
    }
    return [state, out];
  }

  function answered(state: RelayState, topic: string, answers: ReadonlyMap<string, unknown>, now: Millis): Step {
    const { exchange } = state.task as Extract<Request, { type: "ask" }>;
    let next = state;
    if (topic === "prepare") {
      const told = state.children.map((child) => [child, readFacts(answers.get(child.site))] as const);
      for (const [child, facts] of told) {
        const got = wrongFacts(child, facts);
        if (got !== undefined)
          throw new MillwrightError(facts.train < 1 ? "DATA_EMPTY" : "PLAN_REFUSED", {
            where: child.site,
            expected: "facts that fit the plan",
            got,
          });
      }
      const total = told.map(([, facts]) => facts).reduce(addFacts);
      const below = state.coordinator.exchange;
      const prepared = Object.fromEntries(told.map(([{ site }, facts]) => [site, preparedAs(below, facts)]));
      next = {
        ...state,
        total,
        told: exchange,
        prepared,
        weights: Object.fromEntries(told.map(([{ site }, { train: most }]) => [site, most])),
      };
    }
    const [invited, invitations] = inviteAll(next);
    const answer = { type: "answer", exchange, from: name, body: combineAnswers(topic, answers) } as const;
    const { task: _, ...idle } = { ...next, ...invited };
    return [{ ...idle, answer, since: now }, [{ type: "reply", message: answer }, ...(invitations as readonly NodeEffect[])]];
  }

  /** The cohort's sum, as it goes up. */
  function summed(state: RelayState, partial: Partial, included: readonly Inclusion[], now: Millis): Step {
    for (let i = 0; i < partial.sums.length; i++) {
      if (!Number.isSafeInteger(partial.sums[i]))
        throw new MillwrightError("SUM_OVERFLOW", {
          where: `sum ${i}`,
          expected: "an exact whole number below 2^53",
          got: String(partial.sums[i]),
        });
    }
    const { members } = standingOf([included]);
    const { weight, sums } = partial;
    return contribute(state, { type: "partial", ...head(state), members, weight, loss: meanLoss(included), included, sums }, now);
  }

  /** The change that the rounds of its own made, as one update. Errors: UPDATE_OUT_OF_RANGE, NOT_FINITE. */
  function finished(state: RelayState, model: Float32Array, now: Millis): Step {
    const { values } = state.task as Train;
    const change = new Float32Array(model.length);
    for (let i = 0; i < change.length; i++) change[i] = model[i] - values[i];
    const update = encodeFixed(change, planFor(state).format);
    const { members, weight, loss } = standingOf(state.included);
    return contribute(state, { type: "update", ...head(state), members, weight, loss, update, rounds: state.included }, now);
  }

  function head(state: RelayState) {
    const { round, attempt } = state.task as Train;
    return { round, attempt, from: name };
  }

  function contribute(state: RelayState, contribution: NonNullable<RelayState["contribution"]>, now: Millis): Step {
    const least = options.minimumMembers ?? 1;
    if (contribution.members < least)
      throw new MillwrightError("ROUND_ABANDONED", {
        where: name,
        expected: `at least ${least} members`,
        got: String(contribution.members),
      });
    const { task: _, ...idle } = state;
    return [{ ...idle, contribution, included: [], since: now }, [{ type: "reply", message: contribution }]];
  }

  /** Says no to the parent, and is ready for the next question. A refusal is not kept: asked again, it tries again. */
  function refuse(state: RelayState, error: MillwrightError, now: Millis): Step {
    const [dropped] = drive(state, { type: "drop" }, now);
    const { task, ...idle } = { ...state, ...dropped };
    if (task === undefined) return [{ ...idle, since: now }, []];
    const message: Reply = { type: "refuse", answers: keyOf(task), from: name, code: error.code, text: error.message.slice(0, 2000) };
    return [{ ...idle, included: [], since: now }, [{ type: "reply", message }]];
  }

  /** A cohort that grew is told to the parent, which then lets it count for more. */
  function admitted(state: RelayState, [cohort, effects]: readonly [Cohort, readonly CoordinatorEffect[]], now: Millis): Step {
    if (cohort === state) return [state, []];
    const [next, out] = settle(state, cohort, effects, now);
    if (cohort.total === state.total || state.told === undefined) return [next, out];
    return [{ ...next, retell: retellings }, [...out, ...tell(next)]];
  }

  function tell(state: RelayState): NodeEffect[] {
    if (state.told === undefined || state.total === undefined) return [];
    return [{ type: "reply", message: { type: "answer", exchange: state.told, from: name, body: state.total } }];
  }

  function obey(state: RelayState, { order, site, members }: Extract<Message, { type: "order" }>, now: Millis): Step {
    const planner = (cohort: Pick<Cohort, "children" | "weights">) => planFor({ ...cohort, task: state.task, earlier: state.earlier });
    if (order === "pause" || order === "resume") {
      if ((order === "pause") === (state.paused === true)) return [state, []];
      const { paused: _, ...rest } = state;
      const [next, effects] = drive(rest, { type: order === "pause" ? "hold" : "continue" }, now);
      return settle({ ...rest, ...(order === "pause" ? { paused: true } : {}), since: now }, next, effects, now);
    }
    if (site === undefined || site === operator || order === "stop") return [state, []];
    const child: Child = { site, members: members ?? 1 };
    const [next, effects] =
      order === "exclude" ? exclude(state, site, planner, now) : include(state, child, state.exchange > 0, planner, now);
    return next === state ? [state, []] : settle(state, next, effects, now);
  }

  return {
    initial,
    step: (state, input, now) => step(mine(state), input, now),
    snapshot: (state) => packRelay(mine(state)),
    restore: (bytes) => unpackRelay(bytes, planFor),
    waiting: (state) => waitingOf(mine(state)),
    pending: (state) => pendingOf(mine(state)),
    roster: (state) => mine(state).children.map((child) => ({ ...child, weight: mine(state).weights[child.site] })),
  };
}

function mine(state: { readonly kind: string }): RelayState {
  if (state.kind !== "relay") throw new MillwrightError("INTERNAL", { where: "node", expected: "the state of a relay", got: state.kind });
  return state as RelayState;
}

function waitingOf(state: RelayState): Waiting {
  const what = state.paused === true ? "the operator: this node is paused" : "a task from the parent";
  return openWait(state) ?? { what, since: state.since, answered: [], missing: [], refused: [] };
}
