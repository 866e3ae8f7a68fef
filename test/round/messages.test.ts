/** Contributions as bytes: exact sums come back exactly, whatever is not one is refused, and nobody counts who must not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultFixedPoint } from "../../src/aggregation/fixed-point.js";
import { mean } from "../../src/aggregation/mean.js";
import type { Rule } from "../../src/aggregation/rule.js";
import { MillwrightError } from "../../src/core/errors.js";
import { millis } from "../../src/core/quantities.js";
import { type CoordinatorPlan, type CoordinatorState, coordinatorProtocol, newCoordinator } from "../../src/round/coordinator.js";
import { decodeMessage, encodeMessage, type Message } from "../../src/round/messages.js";
import type { Inclusion } from "../../src/round/node.js";
import { inclusionLimits } from "../../src/round/node-inclusion.js";
import { int64Bytes, int64From } from "../../src/wire/numbers.js";

const leaf = (site: string, weight = 10): Inclusion => ({ site, weight, loss: 0.5, members: 1 });
const partial: Extract<Message, { type: "partial" }> = {
  type: "partial",
  round: 1,
  attempt: 1,
  from: "north",
  members: 2,
  weight: 20,
  loss: 0.5,
  included: [leaf("a"), leaf("b")],
  sums: Float64Array.of(-1, 0, 2 ** 33 + 5),
};
const change: Extract<Message, { type: "update" }> = {
  type: "update",
  round: 1,
  attempt: 1,
  from: "north",
  members: 2,
  weight: 20,
  loss: 0.5,
  update: Int32Array.of(1, 2, 3),
  rounds: [[leaf("a")], [leaf("a"), leaf("b")]],
};
const messages: readonly Message[] = [
  partial,
  change,
  { type: "ask", exchange: 9, topic: "evaluation", body: { threshold: 0.5 }, values: Float32Array.of(1, 2) },
  { type: "order", order: "include", site: "late", members: 3 },
];

describe("contributions as bytes", () => {
  it.each(messages.map((message) => [message.type, message] as const))("%s comes back as it was", (_, message) => {
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  it("hold every whole number below 2^53, and no other", () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger(), { maxLength: 20 }), (numbers) => {
        const sums = Float64Array.from(numbers, (one) => one + 0);
        expect(int64From(int64Bytes(sums), sums.length)).toEqual(sums);
      }),
    );
    for (const extreme of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -1, 4294967295, -4294967296])
      expect(int64From(int64Bytes(Float64Array.of(extreme)), 1)[0]).toBe(extreme);
    for (const wrong of [2 ** 53, 0.5, Number.NaN, -(2 ** 53)]) expect(() => int64Bytes(Float64Array.of(wrong))).toThrow(/SUM_OVERFLOW/);
    for (const high of [0x00200000, 0x7fffffff, -0x00200001]) {
      const bytes = new Uint8Array(Int32Array.of(0, high).buffer);
      expect(() => int64From(bytes, 1)).toThrow(/MESSAGE_INVALID/);
    }
    expect(() => int64From(new Uint8Array(Int32Array.of(0, -0x00200000).buffer), 1)).toThrow(/MESSAGE_INVALID/);
  });

  it("refuse inclusions that are too many, too deep, doubled or no inclusions", () => {
    const nested = (depth: number): Inclusion => (depth === 0 ? leaf("a") : { ...leaf("t"), rounds: [[nested(depth - 1)]] });
    const sent = (included: unknown): Message => ({ ...partial, included: included as readonly Inclusion[] });
    const wrong: readonly [unknown, RegExp][] = [
      [[nested(inclusionLimits.depth)], /LIMIT_EXCEEDED.*levels/],
      [[leaf("a"), leaf("a")], /MESSAGE_INVALID/],
      [[], /MESSAGE_INVALID/],
      [[{ ...leaf("a"), weight: 0 }], /MESSAGE_INVALID/],
      [[{ ...leaf("a"), members: 2 }], /MESSAGE_INVALID/],
      [[{ ...leaf("a"), extra: 1 }], /MESSAGE_INVALID/],
      [[{ ...leaf("a"), loss: null }], /MESSAGE_INVALID/],
      [[null], /MESSAGE_INVALID/],
      [
        new Array(inclusionLimits.entries + 1).fill(0).map((_, i) => ({ site: String(i), weight: 1, loss: 0, members: 1 })),
        /LIMIT_EXCEEDED/,
      ],
    ];
    for (const [included, error] of wrong) expect(() => decodeMessage(encodeMessage(sent(included)))).toThrow(error);
    expect(decodeMessage(encodeMessage(sent([nested(inclusionLimits.depth - 1)])))).toMatchObject({ type: "partial" });
  });

  it("survive mutated bytes: a message or a coded error, nothing else", () => {
    const samples = messages.map(encodeMessage);
    fc.assert(
      fc.property(
        fc.nat(samples.length - 1),
        fc.array(fc.tuple(fc.nat(800), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(600),
        (which, edits, cut) => {
          const bytes = samples[which].slice();
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          try {
            decodeMessage(cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(MillwrightError);
          }
        },
      ),
      { numRuns: 4000 },
    );
  });
});

const median: Rule = {
  kind: "coordinate",
  name: "median",
  minimum: 1,
  combine: (values) => [...values].sort((a, b) => a - b)[values.length >> 1],
};

function opened(overrides: Partial<CoordinatorPlan> = {}): CoordinatorState {
  const plan: CoordinatorPlan = {
    sites: ["north", "south"],
    rounds: 2,
    rule: mean(),
    format: defaultFixedPoint,
    learningRates: [0.1, 0.1],
    goal: 2,
    minimum: 1,
    deadline: millis(1000),
    retry: millis(1000),
    attempts: 1,
    weights: { north: 30, south: 10 },
    members: { north: 2 },
    ...overrides,
  };
  const begin = { type: "begin", plan, model: new Float32Array(3), round: 1 } as const;
  return coordinatorProtocol.step(newCoordinator(plan), begin, millis(0))[0];
}

/** Why a message of "north" does not count; undefined where it does. */
function refusal(message: Message, overrides: Partial<CoordinatorPlan> = {}): string | undefined {
  const [state] = coordinatorProtocol.step(opened(overrides), { type: "message", from: "north", message }, millis(1));
  const answer = state.open?.answers.get("north");
  return answer?.type === "refuse" ? answer.text : undefined;
}

describe("a contribution of many members", () => {
  it("counts where it is what it says", () => {
    expect(refusal(partial)).toBeUndefined();
    expect(refusal(change)).toBeUndefined();
  });

  it("does not count where it says more than was told before round 1, or something else", () => {
    const limit = 32 * 2 ** 24;
    const wrong: readonly [Message, RegExp, Partial<CoordinatorPlan>?][] = [
      [{ ...partial, sums: new Float64Array(4) }, /expected 3 values, got 4/],
      [{ ...partial, weight: 31 }, /weight from 1 to 30/],
      [{ ...partial, weight: 0 }, /weight from 1 to 30/],
      [{ ...partial, included: [leaf("a", 20), leaf("b", 20)] }, /up to 30 examples, got 40/],
      [{ ...partial, members: 1 }, /up to 2 members, as named, got 1/],
      [{ ...partial, members: 3, included: [leaf("a"), leaf("b"), leaf("c")] }, /up to 2 members/],
      [{ ...partial, sums: Float64Array.of(0, 0, limit * 20 + 1) }, /coordinates up to/],
      [partial, /needs to see them/, { rule: median }],
      [partial, /up to 1 members/, { members: {} }],
      [change, /up to 1 members/, { members: {} }],
      [{ ...change, weight: 19 }, /weight of the named members \(20\), got 19/],
      [{ ...change, rounds: undefined }, /expected one member, got 2/],
      [{ ...change, update: Int32Array.of(0, 0, limit + 1) }, /coordinates up to/],
      [{ ...change, update: Int32Array.of(0, 0, 2 ** 24) }, /norm up to 0.5/, { normBound: 0.5 }],
    ];
    for (const [message, reason, plan] of wrong) expect(refusal(message, plan)).toMatch(reason);
  });

  it("that comes in another's name, late, again or as an answer to a question changes nothing", () => {
    const state = opened();
    for (const message of [
      { ...partial, from: "south" },
      { ...partial, attempt: 2 },
      { ...partial, round: 2 },
    ] as const)
      expect(coordinatorProtocol.step(state, { type: "message", from: "north", message }, millis(1))[0]).toBe(state);
    const [once] = coordinatorProtocol.step(state, { type: "message", from: "north", message: partial }, millis(1));
    const sums = Array.from(once.open?.partial?.sums ?? []);
    expect(coordinatorProtocol.step(once, { type: "message", from: "north", message: partial }, millis(2))[0]).toBe(once);
    expect(Array.from(once.open?.partial?.sums ?? [])).toEqual(sums);
    // The sum that arrived is whoever sent it's own: a second contribution must not be added into it.
    const update = {
      type: "update",
      round: 1,
      attempt: 1,
      from: "south",
      members: 1,
      weight: 10,
      loss: 1,
      update: Int32Array.of(7, 7, 7),
    } as const;
    const [, effects] = coordinatorProtocol.step(once, { type: "message", from: "south", message: update }, millis(3));
    expect(effects.some(({ type }) => type === "closed")).toBe(true);
    expect(Array.from(partial.sums)).toEqual([-1, 0, 2 ** 33 + 5]);
    expect(update.update).toEqual(Int32Array.of(7, 7, 7));
  });
});
