/**
 * The root of a federation without I/O, from the first question to the released model: statistics, scaler, windows, rounds, threshold,
 * figures. It holds no data: the model is built from the shapes that the sites tell, its first values are drawn from the plan's seed.
 *
 * Everybody on the roster answers every question, or is excluded by the operator; rounds close by their quorum. Who comes late takes part
 * from the next round after it was given the scaler. Nothing here depends on a clock but deadlines.
 */
import type { Rule } from "../aggregation/rule.js";
import { fail, MillwrightError } from "../core/errors.js";
import { type Millis, millis } from "../core/quantities.js";
import { seeded } from "../core/random.js";
import { fitScaler, type Scaler } from "../data/pipeline.js";
import { unpackStatistic } from "../data/statistic-wire.js";
import { type ChosenThreshold, chooseThreshold, needsHistogram, thresholdCandidates } from "../evaluation/threshold.js";
import { defaultThreshold } from "../evaluation/threshold-spec.js";
import { initialise } from "../model/init.js";
import { createBundle } from "./bundle.js";
import { checkPlan, refuseFaults } from "./check.js";
import { type CoordinatorEffect, newCoordinator } from "./coordinator.js";
import type { FederationFile } from "./file.js";
import type { Message } from "./messages.js";
import { type Child, type Node, type NodeEffect, type NodeInput, operator, type Release, type Waiting } from "./node.js";
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
import { meanModel } from "./node-mean.js";
import { dataPlanOf, type ModuleModelOf, modelFor, plannerOf } from "./node-plan.js";
import { packRoot, unpackRoot } from "./node-snapshot.js";
import { addFacts, type ChosenOn, combineAnswers, type Facts, readCounts, readFacts, readHistogram } from "./topics.js";
import { toldFigures, unpackScores } from "./topics-scores.js";

export type RootPhase = "new" | "statistics" | "prepare" | "rounds" | "histogram" | "threshold" | "evaluation" | "released" | "failed";

export interface RootState extends Cohort {
  readonly kind: "root";
  readonly phase: RootPhase;
  /** When the phase began, and why it is the last one. */
  readonly since: Millis;
  readonly error?: string;
  readonly paused?: boolean;
  /** The last global models, oldest first, without the first values. */
  readonly recent: readonly Float32Array[];
  readonly rounds: number;
  /** Candidates of a threshold that were made from the sites' scores. */
  readonly candidates?: readonly number[];
  readonly threshold?: ChosenThreshold;
}

export interface RootOptions {
  readonly file: FederationFile;
  readonly seed: number;
  readonly children: readonly Child[];
  /** The rule of the file, already loaded. */
  readonly rule: Rule;
  readonly model?: ModuleModelOf;
  /** Unanswered questions are repeated this often; default: never, for whoever pulls. */
  readonly retry?: Millis;
  /** Whether questions wait for as long as it takes (default), or fail after the attempts of the file's quorum. */
  readonly patient?: boolean;
}

type Step = readonly [RootState, readonly NodeEffect[]];

/** The protocol of a root, the state before its first input, and what can be done with its states. */
export function createRoot(options: RootOptions): Node {
  const { file, seed, rule } = options;
  const planner = plannerOf({ file, rule, retry: options.retry, patient: options.patient ?? true });
  const spec = file.threshold ?? defaultThreshold;
  const average = file.average?.last ?? 1;
  const start = { children: options.children, weights: {} };
  const initial: RootState = {
    ...start,
    kind: "root",
    phase: "new",
    since: millis(0),
    coordinator: newCoordinator(planner(start)),
    joining: [],
    recent: [],
    rounds: 0,
  };

  function step(state: RootState, input: NodeInput, now: Millis): Step {
    if (state.phase === "released" || state.phase === "failed") return [state, []];
    switch (input.type) {
      case "start":
        return state.phase === "new" ? ask(state, "statistics", "statistics", {}, now) : [state, []];
      case "timer": {
        const [next, effects] = drive(state, { type: "timer" }, now);
        return next === state ? [state, []] : settle(state, next, [...effects, ...remind(next)], now);
      }
      case "message": {
        if (input.from === operator) return input.message.type === "order" ? obey(state, input.message, now) : [state, []];
        const { from, message } = input;
        const late = joined(state, from, message, planner, now) ?? grown(state, from, message, planner, now);
        if (late !== undefined) return late[0] === state ? [state, []] : settle(state, late[0], late[1], now);
        const [next, effects] = drive(state, { type: "message", from: input.from, message: input.message }, now);
        return next === state ? [state, []] : settle(state, next, effects, now);
      }
      case "parent":
        return [state, []];
    }
  }

  /** What the conversation with the children brought about, in the order in which it happened. */
  function settle(before: RootState, cohort: Cohort, effects: readonly CoordinatorEffect[], now: Millis): Step {
    let state: RootState = { ...before, ...(cohortOf(cohort) as Pick<RootState, keyof Cohort>) };
    const out: NodeEffect[] = [];
    for (const effect of effects) {
      if (effect.type === "send" || effect.type === "timer") out.push(effect);
      else if (effect.type === "closed") {
        const { round } = effect;
        state = { ...state, recent: [...state.recent, round.model].slice(-average), rounds: round.round };
        const { partial: _, ...closed } = round;
        out.push({ type: "closed", round: closed });
      } else {
        try {
          const [next, more] =
            effect.type === "failed"
              ? failed(state, effect.error, now)
              : effect.type === "finished"
                ? judged(state, now)
                : answered(state, effect.answers, now);
          state = next;
          out.push(...more);
        } catch (error) {
          if (!(error instanceof MillwrightError)) throw error;
          const [next, more] = failed(state, error, now);
          state = next;
          out.push(...more);
        }
      }
    }
    return [state, out];
  }

  function ask(state: RootState, phase: RootPhase, topic: string, body: unknown, now: Millis, values?: Float32Array): Step {
    const [next, effects] = drive(state, { type: "ask", topic, body, ...(values === undefined ? {} : { values }) }, now);
    return settle({ ...state, phase, since: now }, next, effects, now);
  }

  function failed(state: RootState, error: MillwrightError, now: Millis): Step {
    const [next] = drive(state, { type: "drop" }, now);
    return [{ ...state, ...next, phase: "failed", since: now, error: error.message, joining: [] }, [{ type: "failed", error }]];
  }

  function answered(state: RootState, answers: ReadonlyMap<string, unknown>, now: Millis): Step {
    switch (state.phase) {
      case "statistics": {
        const scaler = fitScaler(unpackStatistic(combineAnswers("statistics", answers)));
        return ask({ ...state, scaler }, "prepare", "prepare", scaler, now);
      }
      case "prepare":
        return prepared(state, answers, now);
      case "histogram": {
        const histogram = readHistogram(combineAnswers("histogram", answers));
        const scored = histogram.positives.some((n) => n > 0) || histogram.negatives.some((n) => n > 0);
        if (!scored) return evaluated({ ...state, threshold: { threshold: 0.5, reason: "no example to choose by: 0.5" } }, now);
        return counted({ ...state, candidates: Array.from(thresholdCandidates(spec, histogram)) }, now);
      }
      case "threshold": {
        const counts = readCounts(combineAnswers("threshold", answers));
        const threshold = chooseThreshold(spec, candidatesOf(state), counts);
        return evaluated({ ...state, threshold }, now);
      }
      case "evaluation":
        return released(state, combineAnswers("evaluation", answers), now);
      default:
        return fail("INTERNAL", { where: "root", expected: "no answers", got: `answers in phase ${state.phase}` });
    }
  }

  function prepared(state: RootState, answers: ReadonlyMap<string, unknown>, now: Millis): Step {
    const told = state.children.map((child) => {
      const facts = readFacts(answers.get(child.site));
      const wrong = wrongFacts(child, facts);
      if (wrong !== undefined) fail("PLAN_REFUSED", { where: `prepare of ${child.site}`, expected: "facts that fit the plan", got: wrong });
      return [child.site, facts] as const;
    });
    const total = told.map(([, facts]) => facts).reduce(addFacts);
    const model = modelFor(file, total, options.model);
    const counts = told.map(([site, { train, validation, test, positives }]) => ({
      site,
      train,
      validation,
      test,
      ...(positives === undefined ? {} : { positives }),
    }));
    // The tree of sites was checked with the file; what reports here may be relays.
    refuseFaults(
      checkPlan({ ...file, tiers: undefined }, { sites: counts.map(({ site }) => site), outputs: total.outputs, model, rule, counts }),
    );
    const weights = Object.fromEntries(told.map(([site, { train }]) => [site, train]));
    const { exchange } = state.coordinator;
    const said = Object.fromEntries(told.map(([site, facts]) => [site, preparedAs(exchange, facts)]));
    const ready: RootState = { ...state, weights, total, prepared: said, phase: "rounds", since: now };
    const values = initialise(model, seeded(seed, "initial values"));
    const [begun, effects] = drive(ready, { type: "begin", plan: planner(ready), model: values, round: 1 }, now);
    const [asked, invitations] = inviteAll(begun);
    return settle(ready, asked, [...effects, ...invitations], now);
  }

  /** After the last round: a threshold where the task has one, then the figures. */
  function judged(state: RootState, now: Millis): Step {
    if ((state.total as Facts).outputs.kind !== "binary") return evaluated(state, now);
    if (needsHistogram(spec)) return ask(state, "histogram", "histogram", { on: chosenOn(state) }, now, meanModel(state.recent));
    return counted(state, now);
  }

  function counted(state: RootState, now: Millis): Step {
    const body = { on: chosenOn(state), candidates: state.candidates ?? null };
    return ask(state, "threshold", "threshold", body, now, meanModel(state.recent));
  }

  function evaluated(state: RootState, now: Millis): Step {
    return ask(state, "evaluation", "evaluation", { threshold: state.threshold?.threshold ?? null }, now, meanModel(state.recent));
  }

  function candidatesOf(state: RootState): Float64Array {
    return state.candidates === undefined ? thresholdCandidates(spec) : Float64Array.from(state.candidates);
  }

  function chosenOn(state: RootState): ChosenOn {
    return examplesToChooseOn(spec, (state.total as Facts).validation > 0);
  }

  function released(state: RootState, scores: unknown, now: Millis): Step {
    const total = state.total as Facts;
    const bundle = createBundle({
      federation: file.federation,
      model: modelFor(file, total, options.model),
      values: meanModel(state.recent),
      data: dataPlanOf(file),
      scaler: state.scaler as Scaler,
      outputs: total.outputs,
      threshold: state.threshold?.threshold,
      answers: total.answers,
    });
    const metrics = scores === null ? {} : toldFigures(unpackScores(scores));
    const release: Release = { bundle, metrics, rounds: state.rounds };
    return [{ ...state, phase: "released", since: now }, [{ type: "released", release }]];
  }

  function obey(state: RootState, { order, site, members }: Extract<Message, { type: "order" }>, now: Millis): Step {
    switch (order) {
      case "pause": {
        if (state.paused === true) return [state, []];
        const [next] = drive(state, { type: "hold" }, now);
        return [{ ...state, ...next, paused: true, since: now }, []];
      }
      case "resume": {
        if (state.paused !== true) return [state, []];
        const { paused: _, ...rest } = state;
        const [next, effects] = drive(rest, { type: "continue" }, now);
        return settle({ ...rest, since: now }, next, effects, now);
      }
      case "stop": {
        const got = "an order to stop";
        return failed(state, new MillwrightError("ABORTED", { where: "run", expected: "to run to the end", got }), now);
      }
      case "exclude": {
        if (site === undefined) return [state, []];
        const [next, effects] = exclude(state, site, planner, now);
        return next === state ? [state, []] : settle(state, next, effects, now);
      }
      case "include": {
        if (site === undefined || site === operator) return [state, []];
        const child: Child = { site, members: members ?? 1 };
        const [next, effects] = include(state, child, state.phase !== "new", planner, now);
        return next === state ? [state, []] : settle(state, next, effects, now);
      }
    }
  }

  return {
    initial,
    step: (state, input, now) => step(own(state), input, now),
    snapshot: (state) => packRoot(own(state)),
    restore: (bytes) => unpackRoot(bytes, planner),
    waiting: (state) => waitingOf(own(state)),
    pending: (state) => pendingOf(own(state)),
    roster: (state) => own(state).children.map((child) => ({ ...child, weight: own(state).weights[child.site] })),
  };
}

function own(state: { readonly kind: string }): RootState {
  if (state.kind !== "root") fail("INTERNAL", { where: "node", expected: "the state of a root", got: state.kind });
  return state as RootState;
}

/** Validation examples where there are some, else training examples; what the file asks for goes first. */
export function examplesToChooseOn(spec: { readonly use: string; readonly on?: string }, hasValidation: boolean): ChosenOn {
  const on = spec.on ?? (hasValidation ? "validation" : "training");
  return { training: !(on === "validation" && hasValidation), validation: on !== "training" && hasValidation };
}

function waitingOf(state: RootState): Waiting {
  const idle = (what: string): Waiting => ({ what, since: state.since, answered: [], missing: [], refused: [] });
  if (state.phase === "new") return idle("the start of the run");
  if (state.phase === "released") return idle("nothing: the run is over");
  if (state.phase === "failed") return idle(`nothing: the run failed (${state.error ?? "unknown"})`);
  return openWait(state) ?? idle(state.paused === true ? "the operator: the run is paused" : "nothing");
}
