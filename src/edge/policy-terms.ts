/**
 * The left operands of a plant's policy: what each is called, what it means, which operators it takes, and its value for a request.
 * purpose, recipient, dateTime and timeOfDay are used as the ODRL vocabulary (W3C, 2018) has them; the rest is Millwright's profile.
 * A new term is one line here: schema, decision, explanation and documentation follow.
 */
import { z } from "zod";
import type { Facts, PastShare } from "./policy-facts.js";
import {
  day,
  dayOf,
  instantOf,
  instantSchema,
  inWindows,
  nextBorder,
  nextMidnight,
  weekdayOf,
  weekdays,
  windowSchema,
} from "./policy-time.js";
import { parseSize, sizeSchema } from "./site-file-values.js";

export type Right = string | number | readonly (string | number)[];
/** Operator -> right operand; every one must hold. */
export type Constraint = Readonly<Record<string, Right | undefined>>;

/** "none": the term says nothing about this request. "unknown": it would, but the plan does not tell. */
export type Value = readonly string[] | number | "none" | "unknown";

export interface Term {
  readonly kind: "names" | "measure" | "windows" | "moment";
  /** Completes "where ...": the subject of the sentence that explains it. */
  readonly means: string;
  readonly schema: z.ZodType<Constraint>;
  readonly value: (facts: Facts) => Value;
  /** The next moment at which the value may change by itself; undefined where waiting does not help. */
  readonly next?: (facts: Facts, constraint: Constraint) => number | undefined;
}

const atLeastOne = { error: "at least one operator" };
const someOf = <T extends z.ZodRawShape>(shape: T): z.ZodType<Constraint> =>
  z
    .strictObject(shape)
    .partial()
    .refine((value) => Object.values(value).some((right) => right !== undefined), atLeastOne) as unknown as z.ZodType<Constraint>;

const operators = {
  names: ["isAnyOf", "isNoneOf", "eq", "neq"],
  measure: ["eq", "neq", "lt", "lteq", "gt", "gteq"],
  windows: ["isPartOf"],
  moment: ["lt", "lteq", "gt", "gteq"],
} as const;
const each = (kind: keyof typeof operators, schema: z.ZodType, list?: z.ZodType): z.ZodType<Constraint> =>
  someOf(
    Object.fromEntries(operators[kind].map((name) => [name, name.startsWith("is") ? (list ?? z.array(schema).min(1).max(1000)) : schema])),
  );

const text = z.string().min(1).max(256);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in 64 hexadecimal digits");

const names = (means: string, value: Term["value"], schema: z.ZodType = text): Term => ({
  kind: "names",
  means,
  schema: each("names", schema),
  value,
});
const measure = (means: string, value: Term["value"], next?: Term["next"], schema: z.ZodType = z.number().min(0)): Term => ({
  kind: "measure",
  means,
  schema: each("measure", schema),
  value,
  ...(next === undefined ? {} : { next }),
});
const bytes = z.union([z.number().min(0), sizeSchema.transform((size) => parseSize(size, "bytes"))], {
  error: 'a size such as "20MB", or a number of bytes',
});

/** Of the same UTC day. What lies in the future was written before the clock was put back; it counts, so that a clock wins nothing. */
const today = (facts: Facts): readonly PastShare[] => facts.history.filter(({ at }) => dayOf(at) >= dayOf(facts.now));
const year = 365 * day;
const thisYear = (facts: Facts): readonly PastShare[] => facts.history.filter(({ at }) => at > facts.now - year);

/** Different rounds among what has left, this one included; a repeated attempt is the same round. */
function rounds(shares: readonly PastShare[], { request }: Facts): number {
  const known = new Set(shares.filter(({ round }) => round !== undefined).map(({ run, round }) => `${run} ${round}`));
  if (request.round !== undefined) known.add(`${request.run} ${request.round}`);
  return known.size;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const midnight: Term["next"] = (facts) => (today(facts).length === 0 ? undefined : nextMidnight(facts.now));

function bytesPerRound({ request, history }: Facts): Value {
  if (request.bytes === undefined) return request.stage === "work" ? "none" : "unknown";
  // An attempt that is repeated leaves again.
  const before = history.filter(({ run, round }) => request.round !== undefined && run === request.run && round === request.round);
  return request.bytes + sum(before.map((share) => share.bytes));
}

/** The claims of all runs of the last 365 days and of this plan; unknown where one of them claims nothing. */
function epsilonPerYear(facts: Facts): Value {
  const claims = new Map<string, number | undefined>();
  for (const { run, epsilon } of thisYear(facts)) claims.set(run, epsilon);
  claims.set(facts.request.run, facts.plan.epsilon);
  const all = [...claims.values()];
  return all.every((claim) => claim !== undefined) ? sum(all) : "unknown";
}

export const terms: Readonly<Record<string, Term>> = {
  purpose: names("what the model is for (the task: failure, rul, anomaly, class, value)", ({ plan }) => [plan.purpose]),
  federation: names("the federation", ({ plan }) => [plan.federation]),
  plan: names("the SHA-256 of the signed plan", ({ plan }) => [plan.plan], sha256),
  rule: names("the rule of aggregation", ({ plan }) => [plan.rule]),
  plugin: names("the SHA-256 of each module of code in the plan", ({ plan }) => plan.plugins, sha256),
  recipient: names("the node that gets what leaves", ({ request }) => [request.recipient]),
  topic: names('the topic of a question; a round has the topic "update"', ({ request }) => [request.topic ?? "update"]),
  members: measure("the fewest sites that a closed round mixes", ({ plan }) => plan.members ?? "unknown"),
  round: measure("the number of the round", ({ request }) => request.round ?? "none"),
  roundsPerRun: measure("rounds of one run, this one included", (facts) =>
    rounds(
      facts.history.filter(({ run }) => run === facts.request.run),
      facts,
    ),
  ),
  roundsPerDay: measure("rounds of one UTC day, this one included", (facts) => rounds(today(facts), facts), midnight),
  bytesPerRound: measure("bytes that leave in one round (every attempt counts) or for one question", bytesPerRound, undefined, bytes),
  bytesPerDay: measure(
    "bytes that leave in one UTC day",
    (facts) => {
      if (facts.request.bytes === undefined) return facts.request.stage === "work" ? "none" : "unknown";
      return facts.request.bytes + sum(today(facts).map((share) => share.bytes));
    },
    midnight,
    bytes,
  ),
  epsilonPerRun: measure("the epsilon that the plan claims for the whole run", ({ plan }) => plan.epsilon ?? "unknown"),
  epsilonPerYear: measure("the epsilons that the plans of the last 365 days claim, added", epsilonPerYear, (facts) => {
    const ends = thisYear(facts).flatMap(({ at, run }) => (run === facts.request.run ? [] : [at + year]));
    return ends.length === 0 ? undefined : Math.min(...ends);
  }),
  timeOfDay: {
    kind: "windows",
    means: "the time of day in UTC",
    schema: each("windows", windowSchema),
    value: ({ now }) => now,
    next: ({ now }, { isPartOf }) => nextBorder(now, isPartOf as readonly string[]),
  },
  weekday: {
    ...names("the day of the week in UTC", ({ now }) => [weekdayOf(now)], z.enum(weekdays)),
    next: ({ now }) => nextMidnight(now),
  },
  dateTime: {
    kind: "moment",
    means: "the date and time in UTC",
    schema: each("moment", instantSchema),
    value: ({ now }) => now,
    next: ({ now }, constraint) => {
      // One millisecond later for the operators that exclude or include the moment itself.
      const ahead = Object.values(constraint).flatMap((right) =>
        right === undefined ? [] : [instantOf(right as string), instantOf(right as string) + 1],
      );
      const later = ahead.filter((at) => at > now);
      return later.length === 0 ? undefined : Math.min(...later);
    },
  },
};

/** Whether a constraint holds. `strict`: every name must fit (a permission); else one that fits is enough (a prohibition). */
export function holds(term: Term, constraint: Constraint, value: Exclude<Value, "none" | "unknown">, strict: boolean): boolean {
  return Object.entries(constraint).every(([operator, right]) => right === undefined || compare(term, operator, value, right, strict));
}

function compare(term: Term, operator: string, value: readonly string[] | number, right: Right, strict: boolean): boolean {
  if (typeof value !== "number") {
    const listed: readonly unknown[] = Array.isArray(right) ? right : [right];
    const fits = (one: string): boolean => listed.includes(one) === (operator === "isAnyOf" || operator === "eq");
    return strict ? value.every(fits) : value.some(fits);
  }
  if (term.kind === "windows") return inWindows(value, right as readonly string[]);
  const limit = term.kind === "moment" ? instantOf(right as string) : (right as number);
  switch (operator) {
    case "eq":
      return value === limit;
    case "neq":
      return value !== limit;
    case "lt":
      return value < limit;
    case "lteq":
      return value <= limit;
    case "gt":
      return value > limit;
    default:
      return value >= limit;
  }
}
