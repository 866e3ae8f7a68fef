/** A plant whose coordinator went bad: what it is asked to believe, to run and to tell, and what comes out of it. */
import { afterEach, describe, expect, it } from "vitest";
import type { NextAnswer } from "../../src/coordinator/exchange.js";
import type { MillwrightError } from "../../src/core/errors.js";
import { millis } from "../../src/core/quantities.js";
import type { Reply, Route } from "../../src/core/route.js";
import { addStatistics, fitScaler, siteStatistic } from "../../src/data/pipeline.js";
import { httpsLink } from "../../src/edge/https-link.js";
import type { Link } from "../../src/edge/link.js";
import { moduleModelOf } from "../../src/edge/plan-modules.js";
import { createPlant } from "../../src/edge/plant.js";
import { type Policy, parsePolicy } from "../../src/edge/policy.js";
import { generateKey, publicPem, sha256 } from "../../src/io/crypto/keys.js";
import { type SignedPlan, signPlan } from "../../src/io/crypto/plan-envelope.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { memoryDisk } from "../../src/io/disk/memory.js";
import { memoryBlobs } from "../../src/io/store/blobs-memory.js";
import { openJournal } from "../../src/io/store/journal.js";
import { loadStoreKey } from "../../src/io/store/key.js";
import { kernelVersion } from "../../src/kernels/instance.js";
import { decodeMessage, encodeMessage, keyOf, type Message, type Request } from "../../src/round/messages.js";
import { dataPlanOf } from "../../src/round/node-plan.js";
import { bench as wire } from "../io/transport/support.js";
import { settle, virtualClock } from "../support/virtual-clock.js";
import { executor, file, partsOfFile } from "./world.js";

const [planKey, stranger] = [generateKey("ed25519"), generateKey("ed25519")];
const parts = await partsOfFile();
const [part] = parts;
const site = part.site;
const scaler = fitScaler(parts.map((one) => siteStatistic(one, dataPlanOf(file))).reduce(addStatistics));
const permissive = parsePolicy({ policy: "p", permission: [{ action: "any" }] });

const planOf = (more: Partial<SignedPlan> = {}): SignedPlan => ({
  ...{ format: "millwright-plan/1", federation: file.federation, sequence: 5, notBefore: 0, file: JSON.parse(JSON.stringify(file)) },
  ...{ kernels: kernelVersion, plugins: {}, members: [{ name: "enterprise", org: "a", role: "aggregator" }] },
  ...{
    members: [
      ...parts.map((one) => ({ name: one.site, org: "a", role: "site" as const, under: "enterprise" })),
      { name: "enterprise", org: "a", role: "aggregator" as const },
    ],
  },
  ...more,
});

const stops: AbortController[] = [];
afterEach(() => {
  for (const one of stops.splice(0)) one.abort();
});

/** A plant over a link that says whatever `tell` says; `requests` are handed out one after the other, answered or not. */
async function plant(given: { policy?: () => { policy: Policy; paused: boolean }; plans?: () => string } = {}) {
  const clock = virtualClock();
  const disk = memoryDisk();
  const key = await loadStoreKey({ disk, random: systemRandom });
  const journal = await openJournal({ disk, key, random: systemRandom });
  const stop = new AbortController();
  stops.push(stop);
  const events: { readonly kind: string; readonly code?: string; readonly text?: string; readonly rule?: string }[] = [];
  const halted: unknown[] = [];
  const told: Message[] = [];
  const state: { plan: string; requests: Request[]; polls: number; fetched: number } = {
    ...{ plan: signPlan(planOf(), [planKey]), requests: [], polls: 0, fetched: 0 },
  };
  const text = given.plans ?? (() => state.plan);
  const link: Link = {
    plan: async () => new TextEncoder().encode(text()),
    async next({ have }, signal): Promise<NextAnswer> {
      state.polls++;
      const quiet: NextAnswer = { state: "running", plan: sha256(text()), waiting: "", retryAfterMs: 0 };
      const [request] = state.requests;
      if (request === undefined || keyOf(request) === have)
        return new Promise((resolve, reject) => {
          const aborted = () => {
            cancel();
            reject(new Error("aborted"));
          };
          const cancel = clock.at(millis(clock.now() + 25_000), () => {
            signal.removeEventListener("abort", aborted);
            resolve(quiet);
          });
          signal.addEventListener("abort", aborted);
        });
      const bytes = encodeMessage(request);
      return { ...quiet, task: { key: keyOf(request), kind: request.type, sha256: sha256(bytes), size: bytes.length } };
    },
    async fetch() {
      state.fetched++;
      return encodeMessage(state.requests[0]);
    },
    async reply(_, { bytes }) {
      told.push(decodeMessage(bytes));
      state.requests.shift();
      return { counts: true, retryAfterMs: 0 };
    },
  };
  const made = await createPlant({
    ...{ link, journal, blobs: memoryBlobs(), clock, random: () => 0.5, executor, once: false, signal: stop.signal },
    identity: { name: site, federation: file.federation, trust: { plan: [publicPem(planKey)], release: [] } } as never,
    policy: async () => given.policy?.() ?? { policy: permissive, paused: false },
    part: async () => part,
    module: (one, plan) => moduleModelOf(one, plan, "."),
    log: (event) => void events.push(event as never),
    halted: (error) => halted.push(error),
  });
  made.run().catch((error) => halted.push(error));
  const until = async (holds: () => boolean) => {
    for (let i = 0; i < 4000 && !holds(); i++) {
      await settle();
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 10 === 9) await clock.advance(1000);
    }
    expect(holds()).toBe(true);
  };
  /** Asks, whatever was answered before, and gives what came. */
  const ask = async (request: Request): Promise<Message> => {
    const before = told.length;
    state.requests = [request];
    await until(() => told.length > before);
    return told[before];
  };
  return { clock, events, halted, told, state, until, ask, plant: made };
}

const question = (exchange: number, topic: string, body: unknown, values?: Float32Array): Request => ({
  ...{ type: "ask", exchange, topic, body },
  ...(values === undefined ? {} : { values }),
});
const train = (round: number, values: Float32Array, learningRate = 0.01): Request => ({
  type: "train",
  round,
  attempt: 1,
  learningRate,
  values,
});
const codeOf = (message: Message): string => (message.type === "refuse" ? message.code : message.type);

describe("a plan", () => {
  const file2 = { ...JSON.parse(JSON.stringify(file)), model: { use: "./model.mjs" } };
  it.each([
    ["that nobody signed", () => signPlan(planOf(), [planKey]).replace(/"signatures":\[.*\]/, '"signatures":[]'), "SIGNATURE_MISSING"],
    ["that somebody else signed", () => signPlan(planOf(), [stranger]), "SIGNATURE_REFUSED"],
    ["of another federation", () => signPlan(planOf({ federation: "rival" }), [planKey]), "PLAN_REFUSED"],
    ["with other kernels", () => signPlan(planOf({ kernels: sha256("k") }), [planKey]), "KERNEL_MISMATCH"],
    ["whose time is over", () => signPlan(planOf({ notAfter: 1 }), [planKey]), "PLAN_REFUSED"],
    ["that is no text", () => "\u0000".repeat(1000), "MESSAGE_INVALID"],
    ["that nests without end", () => "[".repeat(100_000), "MESSAGE_INVALID"],
    ["as large as memory", () => `"${"x".repeat((1 << 24) + 1)}"`, "LIMIT_EXCEEDED"],
  ])("%s is not run, is named, and is looked at again no sooner than in a minute", async (_, text, code) => {
    const { events, until, state, told, plant: made } = await plant({ plans: text });
    await until(() => events.some(({ kind }) => kind === "refused"));
    expect(events.find(({ kind }) => kind === "refused")?.code).toBe(code);
    expect(made.status().waiting.what).toContain("the signed plan");
    expect([state.polls, told.length]).toEqual([0, 0]);
  });

  it("that is older than one that was accepted, or another under its number, is not run", async () => {
    let text = signPlan(planOf(), [planKey]);
    const { events, until, state } = await plant({ plans: () => text });
    await until(() => events.some(({ kind }) => kind === "plan"));
    for (const older of [planOf({ sequence: 4 }), planOf({ file: { ...planOf().file, seed: 99 } })]) {
      const before = events.length;
      text = signPlan(older, [planKey]);
      await until(() => events.slice(before).some(({ code }) => code === "ROLLBACK_REFUSED"));
    }
    expect(state.fetched).toBe(0);
  });

  it("with a module that it does not pin gets no work done", async () => {
    const { ask } = await plant({ plans: () => signPlan(planOf({ file: file2 }), [planKey]) });
    expect(codeOf(await ask(question(1, "statistics", {})))).toMatch(/PLAN_REFUSED|POLICY_REFUSED|PLUGIN_INVALID/);
  });
});

describe("a request", () => {
  it("with a body that is none, an unknown topic or a model that is none is refused with a code; the plant goes on", async () => {
    const { ask, halted, events } = await plant();
    const odd: readonly unknown[] = [
      null,
      7,
      "x",
      [],
      { schema: null, columns: null },
      { ...scaler, schema: {} },
      { ...scaler, columns: { a: 1 } },
    ];
    let exchange = 0;
    for (const body of odd) expect(codeOf(await ask(question(++exchange, "prepare", body)))).toMatch(/MESSAGE_INVALID|DATA_INVALID/);
    for (const topic of ["rows", "../rows", "__proto__", "constructor"])
      expect(codeOf(await ask(question(++exchange, topic, {})))).toMatch(/MESSAGE_INVALID|POLICY_REFUSED/);
    for (const topic of ["histogram", "threshold", "evaluation"])
      expect(codeOf(await ask(question(++exchange, topic, { on: 1 }, new Float32Array(3))))).toBe("MESSAGE_INVALID");
    expect(codeOf(await ask(train(1, new Float32Array(10))))).toBe("MESSAGE_INVALID");
    expect(codeOf(await ask(question(++exchange, "prepare", scaler)))).toBe("answer");
    expect(codeOf(await ask(train(1, new Float32Array(1))))).toMatch(/SHAPE_MISMATCH|MODEL_INVALID|MESSAGE_INVALID/);
    expect(codeOf(await ask(train(2, new Float32Array(1_000_000))))).toMatch(
      /SHAPE_MISMATCH|MODEL_INVALID|MESSAGE_INVALID|MODEL_TOO_LARGE/,
    );
    const answered = await ask(question(++exchange, "statistics", {}));
    expect([codeOf(answered), halted, events.filter(({ kind }) => kind === "halted")]).toEqual(["answer", [], []]);
  });

  it("that drives training out of all numbers is refused, and nothing that is not finite leaves", async () => {
    const { ask, halted } = await plant();
    await ask(question(1, "prepare", scaler));
    const { createSiteWork } = await import("../../src/round/site-work.js");
    const { modelFor } = await import("../../src/round/node-plan.js");
    const { inferModel } = await import("../../src/model/shape.js");
    const work = createSiteWork({ site, part, file, seed: "7/train", executor });
    await work.work({ type: "ask", exchange: 1, topic: "prepare", body: scaler });
    const { size } = inferModel(modelFor(file, work.facts() as never, undefined));
    for (const [round, request] of [
      train(1, new Float32Array(size).fill(3e38)),
      train(2, new Float32Array(size).fill(0.1), 1e30),
      train(3, new Float32Array(size).fill(0.1), -1e300),
    ].entries()) {
      const reply = await ask(request);
      if (reply.type === "update") expect(Number.isFinite(reply.loss)).toBe(true);
      else
        expect([round, codeOf(reply)]).toEqual([
          round,
          expect.stringMatching(/TRAINING_DIVERGED|NOT_FINITE|UPDATE_OUT_OF_RANGE|FILE_INVALID/),
        ]);
    }
    expect(codeOf(await ask(train(4, new Float32Array(size).fill(0.01))))).toBe("update");
    expect(halted).toEqual([]);
    expect(() => decodeMessage(encodeMessage(train(1, Float32Array.of(Number.NaN))))).toThrow(/NOT_FINITE/);
  });
});

describe("the owner's policy", () => {
  const rounds = parsePolicy({ policy: "p", permission: [{ action: "any" }], prohibition: [{ action: "train" }] });
  it("is asked before every question and round, and a coordinator that asks all the same gets refusals and nothing else", async () => {
    let now = { policy: parsePolicy({ policy: "none" }), paused: false };
    const { ask, told, until, events, state } = await plant({ policy: () => now });
    // Nothing is permitted: not even the plan is run.
    await until(() => events.some((event) => event.kind === "plan"));
    expect([state.polls, told]).toEqual([0, []]);
    now = { policy: permissive, paused: false };
    expect(codeOf(await ask(question(1, "prepare", scaler)))).toBe("answer");
    now = { policy: rounds, paused: false };
    for (let i = 0; i < 5; i++) expect(codeOf(await ask(train(1 + i, new Float32Array(8))))).toBe("POLICY_REFUSED");
    now = { policy: permissive, paused: true };
    for (let i = 0; i < 5; i++) expect(codeOf(await ask(question(10 + i, "statistics", {})))).toBe("POLICY_REFUSED");
    now = { policy: parsePolicy({ policy: "v", permission: [{ action: "any" }], veto: [{ round: 7 }] }), paused: false };
    expect(codeOf(await ask(train(7, new Float32Array(8))))).toBe("POLICY_REFUSED");
    now = { policy: permissive, paused: false };
    expect(codeOf(await ask(question(20, "statistics", {})))).toBe("answer");
    // What the refusals say is which term spoke, and nothing of the rows.
    for (const message of told) if (message.type === "refuse") expect(message.text).toMatch(/^the plant's policy: [\w.[\]]+$/);
    expect(told.filter((message) => message.type === "update")).toEqual([]);
  });
});

describe("a server that went bad", () => {
  const room = wire();
  afterEach(() => room.close());

  async function bad(handle: Route["handle"], path = "/v1/next") {
    const member = room.member(`plant-${Math.trunc(Date.now() % 1e6)}`);
    const route: Route = { name: "bad", method: "GET", path, auth: "member", roles: ["site"], body: { kind: "none", limit: 0 }, handle };
    const server = await room.serve([route]);
    const client = room.client(server.url, member, { limits: { answerTime: 2000, stallTime: 2000, attempts: 2 } });
    return httpsLink(client);
  }
  const signal = new AbortController().signal;
  const failure = async (run: Promise<unknown>): Promise<string> =>
    run.then(
      () => "believed",
      (error: MillwrightError) => error.code ?? String(error),
    );
  const good = { state: "running", plan: sha256("p"), waiting: "x", retryAfterMs: 0 };
  const task = { key: "round 1 attempt 1", kind: "train", sha256: sha256("t"), size: 10 };

  it.each<[string, Reply, string]>([
    ["a list", { status: 200, json: [] }, "MESSAGE_INVALID"],
    ["null", { status: 200, bytes: new TextEncoder().encode("null"), headers: { "content-type": "application/json" } }, "MESSAGE_INVALID"],
    ["a task that is null", { status: 200, json: { ...good, task: null } }, "MESSAGE_INVALID"],
    ["a task of all memory", { status: 200, json: { ...good, task: { ...task, size: 2 ** 50 } } }, "MESSAGE_INVALID"],
    ["a task under a path", { status: 200, json: { ...good, task: { ...task, sha256: "../../etc/passwd" } } }, "MESSAGE_INVALID"],
    ["another state", { status: 200, json: { ...good, state: "root" } }, "MESSAGE_INVALID"],
    [
      "a prototype",
      {
        status: 200,
        bytes: new TextEncoder().encode('{"__proto__":{"state":"running"}}'),
        headers: { "content-type": "application/json" },
      },
      "TRANSPORT_DAMAGED",
    ],
    ["a redirect", { status: 302, headers: { location: "https://evil.example/v1/next" } }, "TRANSPORT_REFUSED"],
    [
      "compressed bytes that were not asked for",
      { status: 200, bytes: new Uint8Array(50), headers: { "content-encoding": "gzip", "content-type": "application/json" } },
      "TRANSPORT_DAMAGED",
    ],
    [
      "twenty megabytes",
      { status: 200, bytes: new Uint8Array(20 << 20), headers: { "content-type": "application/json" } },
      "LIMIT_EXCEEDED",
    ],
  ])("that answers with %s is not believed", async (_, reply, code) => {
    const link = await bad(async () => reply);
    expect(await failure(link.next({ waitMs: 0 }, signal))).toBe(code);
  });

  it("puts nobody to sleep for longer than an hour", async () => {
    const link = await bad(async () => ({ status: 200, json: { ...good, retryAfterMs: 365 * 86_400_000 } }));
    expect((await link.next({ waitMs: 0 }, signal)).retryAfterMs).toBe(3_600_000);
  });

  it("whose frame is another than was announced, longer, shorter or without end is cut off", async () => {
    const digest = sha256("t");
    const range = { "content-range": "bytes 0-9/10" };
    const replies: readonly (readonly [Reply, RegExp])[] = [
      [{ status: 206, bytes: new Uint8Array(10), headers: range }, /BLOB_MISMATCH/],
      [{ status: 206, bytes: new Uint8Array(11), headers: range }, /TRANSPORT_DAMAGED/],
      [{ status: 200, bytes: new Uint8Array(10) }, /TRANSPORT_DAMAGED/],
      [{ status: 206, stream: { size: 1e12, chunks: endless() }, headers: range }, /TRANSPORT_DAMAGED/],
      [{ status: 206, bytes: new Uint8Array(3), headers: range }, /TRANSPORT_|BLOB_MISMATCH/],
    ];
    for (const [reply, code] of replies) {
      const link = await bad(async () => reply, "/v1/blobs/:sha256");
      expect(await failure(link.fetch(digest, 10, signal))).toMatch(code);
    }
  });
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(65_536);
}
