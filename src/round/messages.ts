/**
 * What coordinator and site say to each other, and how it looks as bytes.
 *
 *   ask / answer     a question with a JSON body: statistics for scaling, the fitted scaler, counts for a threshold; a question about
 *                    a model carries its values
 *   train / update   the global model down, a fixed-point update up
 *   partial          the un-normalised sum of a cohort, up
 *   refuse           a site says why it will not or cannot do what it was asked
 *   order            the operator's word to a node; never leaves it
 *
 * Every message names what it answers, so that repeating one is harmless.
 */
import { fail } from "../core/errors.js";
import { decodeFrame, encodeFrame } from "../wire/frame.js";
import { float32Bytes, float32From, int32Bytes, int32From, int64Bytes, int64From } from "../wire/numbers.js";
import type { Inclusion } from "./node.js";
import { packInclusions, unpackInclusions } from "./node-inclusion.js";

export type Message =
  | {
      readonly type: "ask";
      readonly exchange: number;
      readonly topic: string;
      readonly body: unknown;
      /** The model that the question is about. */
      readonly values?: Float32Array;
    }
  | { readonly type: "answer"; readonly exchange: number; readonly from: string; readonly body: unknown }
  | {
      readonly type: "train";
      readonly round: number;
      readonly attempt: number;
      readonly learningRate: number;
      readonly values: Float32Array;
    }
  | {
      readonly type: "update";
      readonly round: number;
      readonly attempt: number;
      readonly from: string;
      /** Sites it stands for: more than one where a relay finished rounds of its own. */
      readonly members: number;
      readonly weight: number;
      /** Mean training loss of the last local epoch: a release of its own, named as such in the plan. */
      readonly loss: number;
      readonly update: Int32Array;
      /** Of a relay: who was included in each of its rounds. */
      readonly rounds?: readonly (readonly Inclusion[])[];
    }
  | {
      readonly type: "partial";
      readonly round: number;
      readonly attempt: number;
      readonly from: string;
      readonly members: number;
      /** Sum of the factors that the updates were multiplied with. */
      readonly weight: number;
      readonly loss: number;
      readonly included: readonly Inclusion[];
      /** Exact whole numbers: sum of factor * update. */
      readonly sums: Float64Array;
    }
  | { readonly type: "refuse"; readonly answers: string; readonly from: string; readonly code: string; readonly text: string }
  | { readonly type: "order"; readonly order: Order; readonly site?: string; readonly members?: number };

/** pause, resume and stop the run; exclude a child from it, or include one that came late (`site`, and `members` where it is a relay). */
export type Order = (typeof orders)[number];
const orders = ["pause", "resume", "stop", "exclude", "include"] as const;

export type Reply = Extract<Message, { type: "answer" | "update" | "partial" | "refuse" }>;
export type Request = Extract<Message, { type: "ask" | "train" }>;

/** Names what a message answers or asks: the key under which a reply is kept and repeated. */
export function keyOf(message: Message): string {
  switch (message.type) {
    case "ask":
    case "answer":
      return `exchange ${message.exchange}`;
    case "train":
    case "update":
    case "partial":
      return `round ${message.round} attempt ${message.attempt}`;
    case "refuse":
      return message.answers;
    case "order":
      return `order ${message.order}${message.site === undefined ? "" : ` ${message.site}`}`;
  }
}

/** A message as a frame. Errors: LIMIT_EXCEEDED, SUM_OVERFLOW. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case "ask": {
      const { values, ...header } = message;
      if (values === undefined) return encodeFrame(header);
      return encodeFrame({ ...header, count: values.length }, float32Bytes(values));
    }
    case "train": {
      const { values, ...header } = message;
      return encodeFrame({ ...header, count: values.length }, float32Bytes(values));
    }
    case "update": {
      const { update, rounds, ...header } = message;
      if (rounds === undefined) return encodeFrame({ ...header, count: update.length }, int32Bytes(update));
      return encodeFrame({ ...header, count: update.length, rounds: true }, joined(int32Bytes(update), packInclusions(rounds)));
    }
    case "partial": {
      const { sums, included, ...header } = message;
      return encodeFrame({ ...header, count: sums.length }, joined(int64Bytes(sums), packInclusions([included])));
    }
    default:
      return encodeFrame(message);
  }
}

function joined(numbers: Uint8Array, text: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(numbers.length + text.length);
  bytes.set(numbers);
  bytes.set(text, numbers.length);
  return bytes;
}

/** A message from bytes, which it encodes to again; whatever is not exactly a message is refused. Errors: MESSAGE_INVALID, NOT_FINITE, LIMIT_EXCEEDED. */
export function decodeMessage(bytes: Uint8Array): Message {
  const { header, payload } = decodeFrame(bytes);
  const whole = (name: string) => wholeNumber(name, header[name]);
  switch (header.type) {
    case "ask": {
      const ask = { type: "ask", exchange: whole("exchange"), topic: text("topic", header.topic), body: header.body } as const;
      if (header.count !== undefined) return { ...ask, values: float32From(payload, whole("count")) };
      noPayload(payload);
      return ask;
    }
    case "answer":
      noPayload(payload);
      return { type: "answer", exchange: whole("exchange"), from: text("from", header.from), body: header.body };
    case "train":
      return {
        type: "train",
        round: whole("round"),
        attempt: whole("attempt"),
        learningRate: finite("learningRate", header.learningRate),
        values: float32From(payload, whole("count")),
      };
    case "update": {
      const { numbers, rest } = split(payload, whole("count") * 4);
      if (header.rounds !== true) noPayload(rest);
      return {
        type: "update",
        ...contributionHead(header),
        update: int32From(numbers, whole("count")),
        ...(header.rounds === true ? { rounds: unpackInclusions(rest) } : {}),
      };
    }
    case "partial": {
      const { numbers, rest } = split(payload, whole("count") * 8);
      const rounds = unpackInclusions(rest);
      if (rounds.length !== 1) fail("MESSAGE_INVALID", { where: "included", expected: "one round", got: String(rounds.length) });
      return { type: "partial", ...contributionHead(header), included: rounds[0], sums: int64From(numbers, whole("count")) };
    }
    case "refuse":
      noPayload(payload);
      return {
        type: "refuse",
        answers: text("answers", header.answers),
        from: text("from", header.from),
        code: text("code", header.code),
        text: text("text", header.text, 4096),
      };
    case "order": {
      noPayload(payload);
      const order = orders.find((one) => one === header.order);
      if (order === undefined)
        fail("MESSAGE_INVALID", {
          where: "order",
          expected: orders.join(", "),
          got: (JSON.stringify(header.order) ?? "nothing").slice(0, 80),
        });
      return {
        type: "order",
        order,
        ...(header.site === undefined ? {} : { site: text("site", header.site) }),
        ...(header.members === undefined ? {} : { members: whole("members") }),
      };
    }
    default:
      return fail("MESSAGE_INVALID", {
        where: "type",
        expected: "ask, answer, train, update, partial, refuse or order",
        got: (JSON.stringify(header.type) ?? "nothing").slice(0, 80),
      });
  }
}

function contributionHead(header: Readonly<Record<string, unknown>>) {
  return {
    round: wholeNumber("round", header.round),
    attempt: wholeNumber("attempt", header.attempt),
    from: text("from", header.from),
    members: wholeNumber("members", header.members),
    weight: wholeNumber("weight", header.weight),
    loss: finite("loss", header.loss),
  };
}

function split(payload: Uint8Array, at: number): { numbers: Uint8Array; rest: Uint8Array } {
  if (payload.length < at) fail("MESSAGE_INVALID", { where: "payload", expected: `${at} bytes`, got: String(payload.length) });
  return { numbers: payload.subarray(0, at), rest: payload.subarray(at) };
}

function noPayload(payload: Uint8Array): void {
  if (payload.length > 0) fail("MESSAGE_INVALID", { where: "payload", expected: "no more bytes", got: String(payload.length) });
}

function wholeNumber(where: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    fail("MESSAGE_INVALID", { where, expected: "a whole number of at least 0", got: (JSON.stringify(value) ?? "nothing").slice(0, 80) });
  }
  return value as number;
}

function finite(where: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    fail("MESSAGE_INVALID", { where, expected: "a finite number", got: (JSON.stringify(value) ?? "nothing").slice(0, 80) });
  }
  return value;
}

function text(where: string, value: unknown, longest = 256): string {
  if (typeof value !== "string" || value.length > longest) {
    fail("MESSAGE_INVALID", {
      where,
      expected: `text of at most ${longest} characters`,
      got: typeof value === "string" ? `${value.length} characters` : typeof value,
    });
  }
  return value;
}
