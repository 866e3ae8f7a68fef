import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { decodeMessage, encodeMessage, type Message } from "../../src/round/messages.js";
import { decodeFrame, encodeFrame } from "../../src/wire/frame.js";

const messages: Message[] = [
  { type: "ask", exchange: 3, topic: "statistics", body: { columns: ["volt"], nested: [1, null] } },
  { type: "answer", exchange: 3, from: "plant-1", body: { count: 12 } },
  { type: "train", round: 2, attempt: 1, learningRate: 0.01, values: Float32Array.of(1.5, -2, 0) },
  { type: "update", round: 2, attempt: 1, from: "plant-1", members: 1, weight: 120, loss: 0.4, update: Int32Array.of(-5, 2147483647) },
  { type: "refuse", answers: "round 2 attempt 1", from: "plant-1", code: "DATA_INVALID", text: "a NaN" },
];

describe("messages as bytes", () => {
  it.each(messages.map((m) => [m.type, m] as const))("%s comes back as it was", (_, message) => {
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  it("refuses a vector whose length is not the one announced", () => {
    const bytes = encodeMessage(messages[3]);
    expect(() => decodeMessage(bytes.subarray(0, bytes.length - 1))).toThrow(/MESSAGE_INVALID/);
  });

  it("refuses NaN in a model", () => {
    const bad = encodeMessage({ type: "train", round: 1, attempt: 1, learningRate: 1, values: Float32Array.of(Number.NaN) });
    expect(() => decodeMessage(bad)).toThrow(/NOT_FINITE/);
  });

  it.each([
    '{"type":"ask","__proto__":{"admin":true}}',
    '{"type":"ask","body":{"\\u005f_proto__":{"admin":true}}}',
    '{"type":"ask","type":"train"}',
    '{"type":"ask","body":[{"a":1,"\\u0061":2}]}',
    `{"type":"ask","body":${"[".repeat(5000)}${"]".repeat(5000)}}`,
  ])("refuses headers that could be read in two ways: %s", (header) => {
    const text = new TextEncoder().encode(header);
    const frame = encodeFrame({});
    const bytes = new Uint8Array(8 + text.length);
    bytes.set(frame.subarray(0, 4));
    new DataView(bytes.buffer).setUint32(4, text.length, true);
    bytes.set(text, 8);
    expect(() => decodeFrame(bytes)).toThrow(/MESSAGE_INVALID/);
  });

  it("survives mutated bytes: a message or a coded error, nothing else", () => {
    fc.assert(
      fc.property(
        fc.nat(messages.length - 1),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(400),
        (which, edits, cut) => {
          const bytes = encodeMessage(messages[which]);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          try {
            decodeMessage(cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(MillwrightError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
