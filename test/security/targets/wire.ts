/** Decoders of messages and of what a node keeps: frames, numbers, inclusions, answers, snapshots, models. */
import { buildRule } from "../../../src/aggregation/registry.js";
import { openSnapshot, sealSnapshot } from "../../../src/coordinator/snapshot.js";
import { MillwrightError } from "../../../src/core/errors.js";
import { millis } from "../../../src/core/quantities.js";
import { addStatistics, fitScaler, siteStatistic } from "../../../src/data/pipeline.js";
import { packStatistic } from "../../../src/data/statistic-wire.js";
import { parseJson } from "../../../src/io/transport/safe-json.js";
import { readSafetensors } from "../../../src/model/safetensors.js";
import { decodeBundle, encodeBundle } from "../../../src/round/bundle.js";
import { decodeMessage, encodeMessage, type Message } from "../../../src/round/messages.js";
import { operator } from "../../../src/round/node.js";
import { packInclusions, unpackInclusions } from "../../../src/round/node-inclusion.js";
import { dataPlanOf } from "../../../src/round/node-plan.js";
import { createRoot } from "../../../src/round/node-root.js";
import { createSiteWork, type SiteWork } from "../../../src/round/site-work.js";
import { answerFault, combineAnswers, topics } from "../../../src/round/topics.js";
import { readCanonicalJson } from "../../../src/wire/canonical-json.js";
import { readDer, sequence, utf8 } from "../../../src/wire/der.js";
import { decodeFrame } from "../../../src/wire/frame.js";
import { float32From, int32From, int64From } from "../../../src/wire/numbers.js";
import { executor, file, partsOfFile } from "../world.js";
import { bytesOf, type Target, textOf } from "./target.js";

const included = [{ site: "plant-1", weight: 10, loss: 0.5, members: 1 }];
const messages: readonly Message[] = [
  { type: "ask", exchange: 1, topic: "prepare", body: { a: [1, { b: "c" }] } },
  { type: "ask", exchange: 2, topic: "evaluation", body: { threshold: 0.5 }, values: Float32Array.of(1, 2, 3) },
  { type: "answer", exchange: 1, from: "plant-1", body: { members: 1, train: 4 } },
  { type: "train", round: 3, attempt: 2, learningRate: 0.01, values: Float32Array.of(1, -2, 0.5) },
  { type: "update", round: 3, attempt: 2, from: "plant-1", members: 1, weight: 10, loss: 0.5, update: Int32Array.of(1, 2, -3) },
  {
    type: "update",
    round: 3,
    attempt: 2,
    from: "facility",
    members: 1,
    weight: 10,
    loss: 0.5,
    update: Int32Array.of(1),
    rounds: [included],
  },
  {
    type: "partial",
    round: 3,
    attempt: 2,
    from: "facility",
    members: 1,
    weight: 10,
    loss: 0.5,
    included,
    sums: Float64Array.of(2 ** 40, -7),
  },
  { type: "refuse", answers: "round 3 attempt 2", from: "plant-1", code: "POLICY_REFUSED", text: "no" },
  { type: "order", order: "exclude", site: "plant-1" },
];
const frames = (): Uint8Array[] => messages.map(encodeMessage);

const root = () =>
  createRoot({
    ...{ file, seed: 7, rule: buildRule({ use: "mean" }) },
    children: ["site-01", "site-02", "site-03"].map((site) => ({ site, members: 1 })),
  });

/** Real answers of a site, by topic. */
async function answers(): Promise<Record<string, unknown>> {
  const [part] = await partsOfFile();
  const work = createSiteWork({ site: part.site, part, file, seed: "7/train", executor });
  const scaler = fitScaler((await partsOfFile()).map((one) => siteStatistic(one, dataPlanOf(file))).reduce(addStatistics));
  const ask = async (topic: string, body: unknown, values?: Float32Array) =>
    (await work.work({ type: "ask", exchange: 1, topic, body, ...(values === undefined ? {} : { values }) })) as { body: unknown };
  const statistics = packStatistic(siteStatistic(part, dataPlanOf(file)));
  const { body: prepare } = await ask("prepare", scaler);
  const size = await modelSize(work);
  const values = new Float32Array(size).fill(0.01);
  const on = { training: true, validation: false };
  return {
    statistics,
    prepare,
    histogram: (await ask("histogram", { on }, values)).body,
    threshold: (await ask("threshold", { on, candidates: [0.2, 0.5] }, values)).body,
    evaluation: (await ask("evaluation", { threshold: 0.5 }, values)).body,
    scaler,
    size,
  };
}

async function modelSize(work: SiteWork): Promise<number> {
  const { inferModel } = await import("../../../src/model/shape.js");
  const { modelFor } = await import("../../../src/round/node-plan.js");
  return inferModel(modelFor(file, work.facts() as never, undefined)).size;
}

let known: Promise<Record<string, unknown>> | undefined;
const told = (): Promise<Record<string, unknown>> => {
  known ??= answers();
  return known;
};
let honest: Record<string, unknown> = {};
let site: SiteWork | undefined;

const node = root();
const [began] = node.step(node.initial, { type: "start" }, millis(0));

export const wireTargets: readonly Target[] = [
  { name: "frame", share: 3, corpus: frames, fuzz: (data) => decodeFrame(data) },
  {
    name: "message",
    share: 3,
    corpus: frames,
    fuzz: (data) => {
      // What is read is a message: it can be written, and read again.
      const bytes = encodeMessage(decodeMessage(data));
      if (Buffer.compare(bytes, encodeMessage(decodeMessage(bytes))) !== 0) throw new Error("another message after a second reading");
    },
  },
  {
    name: "message header",
    share: 2,
    json: true,
    corpus: () => frames().map((bytes) => bytesOf(JSON.stringify(decodeFrame(bytes).header))),
    fuzz: (data) => {
      const head = Buffer.alloc(8, 0);
      head.set(encodeMessage(messages[0]).subarray(0, 4));
      head.writeUInt32LE(data.length, 4);
      decodeMessage(Buffer.concat([head, data]));
    },
  },
  {
    name: "numbers",
    share: 6,
    corpus: () => [0, 1, 2].map((kind) => Uint8Array.from([8, kind, ...new Uint8Array(kind === 2 ? 64 : 32)])),
    fuzz: (data) => {
      const [count = 0, kind = 0] = data;
      [int32From, float32From, int64From][kind % 3](data.subarray(2), count);
    },
  },
  {
    name: "inclusions",
    share: 2,
    json: true,
    corpus: () => [packInclusions([included, included])],
    fuzz: (data) => unpackInclusions(data),
  },
  {
    name: "JSON body",
    share: 6,
    json: true,
    corpus: () => [bytesOf('{"name":"a","list":[1,2,{"b":null}],"reason":"x"}')],
    fuzz: (data) => parseJson(data),
  },
  {
    name: "canonical JSON",
    share: 2,
    json: true,
    corpus: () => [bytesOf('{"a":[1,2.5,"x"],"b":{"c":null}}')],
    fuzz: (data) => readCanonicalJson(textOf(data)),
  },
  { name: "DER", share: 6, corpus: () => [sequence(utf8("a"), sequence(utf8("b"), utf8("c")))], fuzz: (data) => readDer(data) },
  {
    name: "snapshot",
    share: 1,
    corpus: () => [sealSnapshot(millis(5), node.snapshot(began))],
    fuzz: (data) => node.restore(openSnapshot(data).state),
  },
  {
    name: "snapshot state",
    share: 0.1,
    json: true,
    corpus: () => {
      const { payload, header } = decodeFrame(node.snapshot(began));
      return [payload.slice(0, header.text as number)];
    },
    fuzz: (data) => {
      const { payload, header } = decodeFrame(node.snapshot(began));
      const rest = payload.slice(header.text as number);
      const head = bytesOf(JSON.stringify({ ...header, text: data.length }));
      const start = Buffer.alloc(8);
      start.set(encodeMessage(messages[0]).subarray(0, 4));
      start.writeUInt32LE(head.length, 4);
      node.restore(Buffer.concat([start, head, data, rest]));
    },
  },
  {
    name: "answer",
    share: 0.01,
    json: true,
    corpus: async () => {
      honest = await told();
      return topics.map((topic) => bytesOf(JSON.stringify({ topic, body: honest[topic] })));
    },
    fuzz: (data) => {
      const { topic, body } = parse(data);
      if (typeof topic !== "string") return;
      const fault = answerFault(topic, body, honest[topic]);
      if (fault !== undefined) throw new MillwrightError("MESSAGE_INVALID", { expected: "an answer", got: fault });
      // What has no fault alone and beside an earlier one adds up.
      combineAnswers(
        topic,
        new Map([
          ["a", honest[topic]],
          ["b", body],
        ]),
      );
    },
  },
  {
    name: "root",
    share: 0.5,
    json: true,
    corpus: () => messages.map((message) => bytesOf(JSON.stringify({ ...message, from: "site-01", ...arrays(message) }))),
    fuzz: (data) => {
      const message = parse(data);
      // As the coordinator does it: what comes in has been through the decoder.
      const read = decodeMessage(encodeMessage({ ...message, type: "answer" } as never));
      for (const from of ["site-01", operator, "nobody"]) node.step(began, { type: "message", from, message: read }, millis(1));
    },
  },
  {
    name: "question",
    share: 0.004,
    json: true,
    corpus: async () => {
      honest = await told();
      const [part] = await partsOfFile();
      site = createSiteWork({ site: part.site, part, file, seed: "7/train", executor });
      await site.work({ type: "ask", exchange: 1, topic: "prepare", body: honest.scaler });
      const on = { training: true, validation: false };
      return [
        { topic: "statistics", body: {}, count: honest.size },
        { topic: "prepare", body: honest.scaler, count: 0 },
        { topic: "histogram", body: { on }, count: honest.size },
        { topic: "threshold", body: { on, candidates: [0.1, 0.5] }, count: honest.size },
        { topic: "evaluation", body: { threshold: 0.5 }, count: honest.size },
      ].map((one) => bytesOf(JSON.stringify(one)));
    },
    async fuzz(data) {
      const { topic, body, count } = parse(data);
      const values = typeof count === "number" && count > 0 && count < 10_000 ? new Float32Array(Math.floor(count)).fill(1e38) : undefined;
      const ask = { type: "ask", exchange: 1, topic, body, ...(values === undefined ? {} : { values }) } as never;
      await site?.work(decodeMessage(encodeMessage(ask)) as never);
    },
  },
  {
    name: "safetensors",
    share: 0.3,
    corpus: async () => [await bundle()],
    fuzz: (data) => readSafetensors(data),
  },
  { name: "bundle", share: 0.3, corpus: async () => [await bundle()], fuzz: (data) => decodeBundle(data) },
  {
    name: "bundle header",
    share: 0.3,
    json: true,
    corpus: async () => {
      const bytes = await bundle();
      const length = Number(Buffer.from(bytes).readBigUInt64LE(0));
      tail = bytes.slice(8 + length);
      return [bytes.slice(8, 8 + length)];
    },
    fuzz: (data) => {
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(data.length));
      decodeBundle(Buffer.concat([head, data, tail]));
    },
  },
  {
    name: "bundle description",
    share: 0.1,
    json: true,
    corpus: async () => {
      const { values: _, ...rest } = decodeBundle(await bundle());
      return [bytesOf(JSON.stringify(rest))];
    },
    fuzz: async (data) => {
      const bytes = await bundle();
      const length = Number(Buffer.from(bytes).readBigUInt64LE(0));
      const header = JSON.parse(textOf(bytes.slice(8, 8 + length)));
      header.__metadata__.millwright = textOf(data);
      const written = bytesOf(JSON.stringify(header));
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(written.length));
      decodeBundle(Buffer.concat([head, written, bytes.slice(8 + length)]));
    },
  },
];

let tail: Uint8Array = new Uint8Array(0);
let made: Promise<Uint8Array> | undefined;
/** The model of a real run. */
async function bundle(): Promise<Uint8Array> {
  made ??= import("../../../src/lab/simulate.js").then(async ({ simulate }) =>
    encodeBundle(await simulate({ ...JSON.parse(JSON.stringify(file)), rounds: 1 }, { compare: false, workers: 1 }).bundle),
  );
  return made;
}

function parse(data: Uint8Array): Record<string, unknown> {
  try {
    const value = JSON.parse(textOf(data));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Typed arrays as lists, for JSON. */
function arrays(message: Message): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(message).flatMap(([key, value]) => (ArrayBuffer.isView(value) ? [[key, [...(value as never as number[])]]] : [])),
  );
}
