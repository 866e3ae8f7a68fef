/** The outbox: every message and topic has its meaning, bytes are those that leave, and a dry run does what a run would do. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describe as tellOf } from "../../src/edge/outbox.js";
import { dryRun } from "../../src/edge/outbox-dry-run.js";
import { topicMeanings } from "../../src/edge/outbox-topics.js";
import { parsePolicy } from "../../src/edge/policy.js";
import { decide } from "../../src/edge/policy-decide.js";
import { historyOf, planFacts, requestFacts } from "../../src/edge/policy-facts.js";
import { parseSiteFile } from "../../src/edge/site-file.js";
import { sitePart } from "../../src/edge/site-file-data.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import type { FederationFile } from "../../src/round/file.js";
import { encodeMessage, type Message, type Request } from "../../src/round/messages.js";
import { createSiteWork, type SiteWork } from "../../src/round/site-work.js";
import { topics } from "../../src/round/topics.js";
import { root } from "../shape/sources.js";
import { temporaryFolder } from "../support/folder.js";
import { federation, writeFederation } from "./plants.js";

const folder = await temporaryFolder();
mkdirSync(join(folder, "plants"));
// A threshold by quantiles asks every kind of question.
const file = writeFederation(join(folder, "plants"), { threshold: { use: "quantiles" } });

async function workOf(plan: FederationFile): Promise<SiteWork> {
  const part = await sitePart(parseSiteFile({ site: "plant-2", data: "federation" }), plan, { folder });
  return createSiteWork({ site: "plant-2", part, file: plan, seed: "7/train", executor: inlineExecutor() });
}

const messages: { readonly [T in Message["type"]]: Extract<Message, { type: T }> } = {
  ask: { type: "ask", exchange: 1, topic: "statistics", body: {} },
  answer: { type: "answer", exchange: 1, from: "plant-2", body: {} },
  train: { type: "train", round: 1, attempt: 1, learningRate: 0.1, values: new Float32Array(3) },
  update: {
    type: "update",
    round: 1,
    attempt: 1,
    from: "plant-2",
    members: 1,
    weight: 3310,
    loss: 0.5,
    update: new Int32Array(12345).fill(1),
  },
  partial: {
    type: "partial",
    round: 1,
    attempt: 1,
    from: "facility-a",
    members: 2,
    weight: 20,
    loss: 0.5,
    included: [
      { site: "plant-1", weight: 10, loss: 0.5, members: 1 },
      { site: "plant-2", weight: 10, loss: 0.5, members: 1 },
    ],
    sums: new Float64Array(3),
  },
  refuse: { type: "refuse", answers: "round 1 attempt 1", from: "plant-2", code: "POLICY_REFUSED", text: "the plant's policy: pause" },
  order: { type: "order", order: "pause" },
};

describe("every message", () => {
  it("of the protocol stands in this test", () => {
    const source = readFileSync(join(root, "src/round/messages.ts"), "utf8");
    const union = source.slice(source.indexOf("export type Message"), source.indexOf("/** pause, resume"));
    const types = [...union.matchAll(/readonly type: "(\w+)"/g)].map(([, type]) => type);
    expect(types.length).toBeGreaterThan(4);
    expect(Object.keys(messages).sort()).toEqual([...new Set(types)].sort());
  });
  it.each(Object.entries(messages))("%s: what, meaning, bytes, and every field that leaves", (_, message) => {
    const told = tellOf(message);
    expect(told.what.length).toBeGreaterThan(5);
    expect(told.meaning.length).toBeGreaterThan(20);
    expect(told.bytes).toBe(encodeMessage(message).length);
    const carried = Object.keys(message).filter((key) => !["type", "body", "values"].includes(key));
    for (const key of carried) expect(told.fields.map(({ name }) => name)).toContain(key);
  });
  it("an update says how much of what", () => {
    const told = tellOf(messages.update, { epochs: 2 });
    expect(told.what).toBe("change of 12,345 weights after 2 epochs on 3,310 windows");
    expect(told.meaning).toContain("It can leak training data: no privacy is claimed");
  });
  it("an answer to a question that this version does not know is not prettified", () => {
    const told = tellOf({ ...messages.answer, body: { secret: 7 } }, { request: { ...messages.ask, topic: "novel" } });
    expect(told.what).toContain('"novel"');
    expect(told.fields.at(-1)?.value).toBe('{"secret":7}');
  });
});

/** The first argument, which must be there. */
const needed = <T>(value: T | undefined): T => value ?? expect.fail("nothing there");

describe("a dry run", () => {
  it("has a meaning for every topic, of the answer that the site's work really gives", async () => {
    expect(Object.keys(topicMeanings).sort()).toEqual([...topics].sort());
    const asked: Request[] = [];
    const { work } = await workOf(file);
    const found = await dryRun({
      file,
      work: (request) => {
        asked.push(request);
        return work(request);
      },
    });
    expect(found.items.map(({ step }) => step).sort()).toEqual([...topics, "round"].sort());
    for (const { leaves } of found.items) {
      const { what, meaning, bytes, fields } = needed(leaves);
      expect(what).not.toContain("not known");
      expect(meaning.length).toBeGreaterThan(20);
      expect(bytes).toBeGreaterThan(0);
      expect(JSON.stringify(fields)).not.toContain("undefined");
    }
    const [statistics, prepare, round] = ["statistics", "prepare", "round"].map((step) =>
      needed(found.items.find((item) => item.step === step)?.leaves),
    );
    expect(statistics.what).toMatch(/^sums, counts and smallest\/largest value of \d+ columns$/);
    expect(statistics.fields.find(({ name }) => name === "scale/pressure")?.value).toMatch(/^96 values, /);
    expect(prepare.fields.find(({ name }) => name === "train")?.value).toBe("32");
    expect(round.what).toMatch(/^change of \d+ weights after 1 epoch on 32 windows$/);
    const once = found.items.reduce((sum, { leaves, step }) => sum + (step === "round" ? 0 : needed(leaves).bytes), 0);
    expect(found.bytes).toBe(once + file.rounds * round.bytes);
  });

  it.each([
    ["value", { task: { kind: "value", target: "pressure", window: "4h", horizon: "1h" }, model: "gru" }],
    [
      "class",
      {
        task: { kind: "class", target: "mode", window: "4h" },
        data: { ...(federation().data as object), inputs: ["pressure", "temperature"] },
      },
    ],
    ["rul", { task: { kind: "rul", window: "4h", cap: 20, evaluate: "all" } }],
  ])("describes the answers of a %s task too", async (_, more) => {
    const plan = federation(more);
    const found = await dryRun({ file: plan, work: (await workOf(plan)).work });
    for (const { leaves } of found.items) expect(JSON.stringify(needed(leaves).fields)).not.toContain("undefined");
    expect(found.items.map(({ step }) => step)).toEqual(["statistics", "prepare", "round", "evaluation"]);
  });

  it("stops where the policy refuses, before the work or before it leaves", async () => {
    const plan = planFacts(file, { sha256: "a".repeat(64), cohort: 3 });
    const policy = parsePolicy({
      policy: "p",
      permission: [{ action: "answer" }, { action: "train", constraint: { bytesPerRound: { lteq: 10 } } }],
      prohibition: [
        { action: "answer", constraint: { topic: { isAnyOf: ["histogram"] } } },
        { action: "answer", constraint: { topic: { eq: "prepare" }, bytesPerRound: { gt: 5 } } },
      ],
    });
    let worked = 0;
    const { work } = await workOf(file);
    const found = await dryRun({
      file,
      work: (request) => {
        worked++;
        return work(request);
      },
      decide: (request, bytes) => decide(policy, { plan, request: requestFacts(request, "r1", "region", bytes), history: [], now: 0 }),
    });
    const refused = Object.fromEntries(found.items.map(({ step, refused }) => [step, refused?.rule]));
    expect(refused).toMatchObject({
      statistics: undefined,
      prepare: "prohibition[1]",
      round: "permission[1].constraint.bytesPerRound",
      histogram: "prohibition[0]",
    });
    expect(found.bytes).toBeUndefined();
    // Statistics, prepare and the evaluation were worked on; the round and the histogram never were.
    expect(worked).toBe(3);
  });
});

describe("the history of a policy", () => {
  it("counts what was written down, sent or not, and no refusals", () => {
    const entry = { at: 5, federation: "line-7", plan: "a", bytes: 10 };
    const history = historyOf([
      { ...entry, action: "train", round: 3 },
      { ...entry, action: "answer", topic: "statistics" },
      { ...entry, action: "refuse" },
    ]);
    expect(history.map(({ action, run }) => `${action} ${run}`)).toEqual(["train a", "answer a"]);
  });
  it("knows the bytes of a round before it is trained", () => {
    expect(requestFacts(messages.train, "a", "b")).toMatchObject({ stage: "work", bytes: 12, round: 1 });
    expect(requestFacts(messages.ask, "a", "b", 99)).toMatchObject({ stage: "send", bytes: 99, topic: "statistics" });
  });
});
