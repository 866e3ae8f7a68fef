/** A relay by itself: to its parent one big site, whatever comes late, twice or out of order, and whatever its children do. */
import { describe, expect, it } from "vitest";
import { mean } from "../../src/aggregation/mean.js";
import type { Rule } from "../../src/aggregation/rule.js";
import { millis } from "../../src/core/quantities.js";
import { parseFederation } from "../../src/round/file.js";
import type { Message } from "../../src/round/messages.js";
import type { Node, NodeEffect, NodeState } from "../../src/round/node.js";
import { createRelay, type RelayOptions } from "../../src/round/node-relay.js";
import { smallFederation } from "../support/small-federation.js";

const file = parseFederation({ ...smallFederation, quorum: { goal: 1, minimum: 0.5, deadline: "10s", attempts: 1 } });
const children = ["a", "b", "c"].map((site) => ({ site, members: 1 }));
const facts = { members: 1, train: 10, validation: 2, test: 3, inputs: { x: [2] }, outputs: { kind: "number", width: 1 } } as const;

/** A relay that was asked and has answered how many examples there are. */
function prepared(options: Partial<RelayOptions> = {}) {
  const node = createRelay({ file, name: "hall", children, rule: mean(), forwards: "sum", ...options });
  const bench = onBench(node);
  bench.parent({ type: "ask", exchange: 4, topic: "prepare", body: { scaler: 1 } });
  for (const { site } of children) bench.from(site, { type: "answer", exchange: 1, from: site, body: facts });
  return bench;
}

function onBench(node: Node) {
  let state: NodeState = node.initial;
  let now = 0;
  let last: readonly NodeEffect[] = [];
  const give = (input: Parameters<Node["step"]>[1]): readonly NodeEffect[] => {
    [state, last] = node.step(state, input, millis(now));
    return last;
  };
  return {
    node,
    state: () => state,
    replies: () => last.flatMap((effect) => (effect.type === "reply" ? [effect.message] : [])),
    sent: () => last.flatMap((effect) => (effect.type === "send" ? [effect] : [])),
    closed: () => last.flatMap((effect) => (effect.type === "closed" ? [effect.round] : [])),
    parent: (message: Message) => give({ type: "parent", message }),
    from: (site: string, message: Message) => give({ type: "message", from: site, message }),
    wait: (ms: number) => {
      now += ms;
      return give({ type: "timer" });
    },
  };
}

const train = (round: number, attempt = 1): Message => ({
  type: "train",
  round,
  attempt,
  learningRate: 0.5,
  values: Float32Array.of(1, 2),
});
const update = (from: string, value: number, round = 1, attempt = 1): Message => ({
  type: "update",
  round,
  attempt,
  from,
  members: 1,
  weight: 10,
  loss: 0.25,
  update: Int32Array.of(value, -value),
});

describe("a relay", () => {
  it("answers for its cohort as one big site would, and says it again when asked again", () => {
    const bench = prepared();
    const answer = { type: "answer", exchange: 4, from: "hall", body: { ...facts, members: 3, train: 30, validation: 6, test: 9 } };
    expect(bench.replies()).toEqual([answer]);
    const before = bench.state();
    bench.parent({ type: "ask", exchange: 4, topic: "prepare", body: { scaler: 1 } });
    expect(bench.replies()).toEqual([answer]);
    bench.parent({ type: "ask", exchange: 3, topic: "statistics", body: {} });
    expect(bench.replies()).toEqual([]);
    expect(bench.state()).toBe(before);
    expect(bench.node.waiting(before).what).toBe("a task from the parent");
  });

  it("forwards the un-normalised sum, names its members, and answers a second attempt without asking again", () => {
    const bench = prepared();
    bench.parent(train(1));
    expect(bench.sent().map(({ to, message }) => [to, message.type])).toEqual([
      ["a", "train"],
      ["b", "train"],
      ["c", "train"],
    ]);
    bench.from("c", update("c", 3));
    bench.from("a", update("a", 1));
    bench.from("b", update("b", 2));
    const sum = { type: "partial", round: 1, attempt: 1, from: "hall", members: 3, weight: 30, loss: 0.25 };
    expect(bench.replies()).toMatchObject([{ ...sum, sums: Float64Array.of(60, -60) }]);
    const [{ model, included }] = bench.closed();
    expect([model, included.map(({ site }) => site)]).toEqual([undefined, ["a", "b", "c"]]);
    bench.parent(train(1, 2));
    expect(bench.sent()).toEqual([]);
    expect(bench.replies()).toMatchObject([{ ...sum, attempt: 2 }]);
  });

  it("answers with the attempt that its parent has reached meanwhile, and leaves a round that is over", () => {
    const bench = prepared();
    bench.parent(train(1));
    bench.parent(train(1, 2));
    expect(bench.sent()).toEqual([]);
    for (const site of ["a", "b", "c"]) bench.from(site, update(site, 1));
    expect(bench.replies()).toMatchObject([{ type: "partial", round: 1, attempt: 2 }]);
    bench.parent(train(2));
    bench.from("a", update("a", 1, 2));
    bench.parent(train(3));
    expect(bench.sent().map(({ message }) => (message as { round: number }).round)).toEqual([3, 3, 3]);
    bench.from("b", update("b", 1, 2));
    expect(bench.replies()).toEqual([]);
    bench.parent(train(2));
    expect(bench.replies()).toEqual([]);
    expect(bench.node.waiting(bench.state())).toMatchObject({ what: "round 3, attempt 1: updates", missing: ["a", "b", "c"] });
  });

  it("says no with a code when too few answer, and the next attempt cannot be answered with what was said of an earlier one", () => {
    const bench = prepared({ rounds: 2, forwards: "change" });
    bench.parent(train(1));
    for (const site of ["a", "b", "c"]) bench.from(site, update(site, 1 << 20, 1));
    for (const site of ["a"]) bench.from(site, update(site, 1, 2));
    bench.wait(10_000);
    expect(bench.replies()).toMatchObject([{ type: "refuse", answers: "round 1 attempt 1", from: "hall", code: "ROUND_ABANDONED" }]);
    bench.parent(train(1, 2));
    expect(bench.sent()[0].message).toMatchObject({ type: "train", round: 1, attempt: 2 });
    for (const site of ["a", "b", "c"]) bench.from(site, update(site, 3 << 20, 1, 2));
    expect(bench.sent()[0].message).toMatchObject({ type: "train", round: 2, attempt: 2 });
    // What was kept for the first attempt of this round was trained on another model.
    const before = bench.state();
    bench.from("a", update("a", 1, 2, 1));
    expect(bench.state()).toBe(before);
    for (const site of ["a", "b"]) bench.from(site, update(site, 1 << 20, 2, 2));
    bench.wait(10_000);
    const [reply] = bench.replies();
    expect(reply).toMatchObject({
      type: "update",
      round: 1,
      attempt: 2,
      members: 3,
      weight: 30,
      update: Int32Array.of(4 << 20, -(4 << 20)),
    });
    expect((reply as Extract<Message, { type: "update" }>).rounds?.map((round) => round.map(({ site }) => site))).toEqual([
      ["a", "b", "c"],
      ["a", "b"],
    ]);
  });

  it("forwards nothing that stands for too few, is out of range, or that its rule cannot give", () => {
    const few = prepared({ minimumMembers: 3 });
    few.parent(train(1));
    few.from("a", update("a", 1));
    few.from("b", update("b", 1));
    few.wait(10_000);
    expect(few.replies()).toMatchObject([{ type: "refuse", code: "ROUND_ABANDONED" }]);
    const wide: Rule = { kind: "whole", name: "wide", minimum: 1, aggregate: () => Float32Array.of(33, 0) };
    const broken: Rule = { kind: "whole", name: "broken", minimum: 1, aggregate: () => Float32Array.of(Number.NaN, 0) };
    for (const [rule, code] of [
      [wide, "UPDATE_OUT_OF_RANGE"],
      [broken, "NOT_FINITE"],
    ] as const) {
      const bench = prepared({ rule, forwards: "change" });
      bench.parent(train(1));
      for (const site of ["a", "b", "c"]) bench.from(site, update(site, 1));
      expect(bench.replies()).toMatchObject([{ type: "refuse", code }]);
      expect(bench.node.waiting(bench.state()).what).toBe("a task from the parent");
    }
  });

  it("leaves out a child whose change is too long", () => {
    const bench = prepared({ normBound: 0.5 });
    bench.parent(train(1));
    bench.from("a", update("a", 1 << 24));
    bench.from("b", update("b", 1));
    bench.from("c", update("c", 1));
    expect(bench.replies()).toMatchObject([{ type: "partial", members: 2, weight: 20 }]);
    expect(bench.closed()[0].excluded).toEqual([{ site: "a", reason: expect.stringMatching(/norm up to 0.5/) }]);
  });

  it("refuses a question that it does not know, and one whose answers do not go together", () => {
    const bench = prepared();
    bench.parent({ type: "ask", exchange: 5, topic: "rows", body: {} });
    expect(bench.replies()).toMatchObject([{ type: "refuse", answers: "exchange 5", code: "MESSAGE_INVALID" }]);
    bench.parent({ type: "ask", exchange: 6, topic: "prepare", body: {} });
    const { exchange } = bench.sent()[0].message as Extract<Message, { type: "ask" }>;
    bench.from("a", { type: "answer", exchange, from: "a", body: facts });
    bench.from("b", { type: "answer", exchange, from: "b", body: { ...facts, inputs: { x: [3] } } });
    bench.from("c", { type: "answer", exchange, from: "c", body: { ...facts, __proto__: null, more: 1 } });
    expect(bench.replies()).toEqual([]);
    expect(bench.node.waiting(bench.state())).toMatchObject({ answered: ["a"], missing: [], refused: [{ site: "b" }, { site: "c" }] });
    // Asked again after the deadline, and mended.
    bench.wait(10_000);
    expect(bench.sent().map(({ to }) => to)).toEqual(["b", "c"]);
    for (const site of ["b", "c"]) bench.from(site, { type: "answer", exchange, from: site, body: facts });
    expect(bench.replies()).toMatchObject([{ type: "answer", exchange: 6 }]);
  });
});
