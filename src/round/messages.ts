/**
 * What coordinator and site say to each other, and how it looks as bytes.
 *
 *   ask / answer     a question with a JSON body: statistics for scaling, the fitted scaler, counts for a threshold
 *   train / update   the global model down, a fixed-point update up
 *   refuse           a site says why it will not or cannot do what it was asked
 *
 * Every message names what it answers, so that repeating one is harmless.
 */
import { fail } from "../core/errors.js";
import { decodeFrame, encodeFrame } from "../wire/frame.js";
import { float32Bytes, float32From, int32Bytes, int32From } from "../wire/numbers.js";

export type Message =
  | { readonly type: "ask"; readonly exchange: number; readonly topic: string; readonly body: unknown }
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
      readonly members: number;
      readonly weight: number;
      /** Mean training loss of the last local epoch: a release of its own, named as such in the plan. */
      readonly loss: number;
      readonly update: Int32Array;
    }
  | { readonly type: "refuse"; readonly answers: string; readonly from: string; readonly code: string; readonly text: string };

/** Names what a message answers or asks: the key under which a reply is kept and repeated. */
export function keyOf(message: Message): string {
  switch (message.type) {
    case "ask":
    case "answer":
      return `exchange ${message.exchange}`;
    case "train":
    case "update":
      return `round ${message.round} attempt ${message.attempt}`;
    case "refuse":
      return message.answers;
  }
}

/** A message as a frame. Errors: LIMIT_EXCEEDED. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case "train": {
      const { values, ...header } = message;
      return encodeFrame({ ...header, count: values.length }, float32Bytes(values));
    }
    case "update": {
      const { update, ...header } = message;
      return encodeFrame({ ...header, count: update.length }, int32Bytes(update));
    }
    default:
      return encodeFrame(message);
  }
}

/** A message from bytes; whatever is not exactly a message is refused. Errors: MESSAGE_INVALID, NOT_FINITE, LIMIT_EXCEEDED. */
export function decodeMessage(bytes: Uint8Array): Message {
  const { header, payload } = decodeFrame(bytes);
  const whole = (name: string) => wholeNumber(name, header[name]);
  switch (header.type) {
    case "ask":
      return { type: "ask", exchange: whole("exchange"), topic: text("topic", header.topic), body: header.body };
    case "answer":
      return { type: "answer", exchange: whole("exchange"), from: text("from", header.from), body: header.body };
    case "train":
      return {
        type: "train",
        round: whole("round"),
        attempt: whole("attempt"),
        learningRate: finite("learningRate", header.learningRate),
        values: float32From(payload, whole("count")),
      };
    case "update":
      return {
        type: "update",
        round: whole("round"),
        attempt: whole("attempt"),
        from: text("from", header.from),
        members: whole("members"),
        weight: whole("weight"),
        loss: finite("loss", header.loss),
        update: int32From(payload, whole("count")),
      };
    case "refuse":
      return {
        type: "refuse",
        answers: text("answers", header.answers),
        from: text("from", header.from),
        code: text("code", header.code),
        text: text("text", header.text, 4096),
      };
    default:
      return fail("MESSAGE_INVALID", {
        where: "type",
        expected: "ask, answer, train, update or refuse",
        got: JSON.stringify(header.type) ?? "nothing",
      });
  }
}

function wholeNumber(where: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    fail("MESSAGE_INVALID", { where, expected: "a whole number of at least 0", got: JSON.stringify(value) ?? "nothing" });
  }
  return value as number;
}

function finite(where: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    fail("MESSAGE_INVALID", { where, expected: "a finite number", got: JSON.stringify(value) ?? "nothing" });
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
