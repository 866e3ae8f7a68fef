/** DER: known encodings, the decoder as inverse of the encoder, and bounds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { bitString, boolean, explicit, integer, octetString, oid, readDer, sequence, set, time, tlv, utf8 } from "../../src/wire/der.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("DER", () => {
  it.each([
    [integer(Uint8Array.of(0)), "020100"],
    [integer(Uint8Array.of()), "020100"],
    [integer(Uint8Array.of(0, 0, 127)), "02017f"],
    [integer(Uint8Array.of(128)), "02020080"],
    [integer(Uint8Array.of(1, 0)), "02020100"],
    [oid("1.2.840.10045.4.3.2"), "06082a8648ce3d040302"],
    [oid("2.5.29.37"), "0603551d25"],
    [oid("1.3.6.1.5.5.7.3.2"), "06082b06010505070302"],
    [boolean(true), "0101ff"],
    [utf8("é"), "0c02c3a9"],
    [bitString(Uint8Array.of(0x80), 7), "03020780"],
    [time(Date.UTC(2026, 10, 22, 4, 5, 6, 700)), "170d3236313132323034303530365a"],
    [time(Date.UTC(2049, 11, 31, 23, 59, 59)), "170d3439313233313233353935395a"],
    [time(Date.UTC(2050, 0, 1)), "180f32303530303130313030303030305a"],
    [sequence(set(), explicit(3, octetString(Uint8Array.of(1)))), "30073100a303040101"],
  ])("%#: writes the one encoding", (bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it("reads back any tree of any lengths", () => {
    const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.uint8Array({ maxLength: 300 }).map((bytes) => octetString(bytes)),
        fc.array(tie("tree"), { maxLength: 4 }).map((parts) => sequence(...parts)),
      ),
    }));
    fc.assert(
      fc.property(tree, (bytes) => {
        const rebuild = (node: ReturnType<typeof readDer>): Uint8Array =>
          node.tag === 0x30 ? tlv(node.tag, ...node.children.map(rebuild)) : tlv(node.tag, node.content);
        expect(hex(rebuild(readDer(bytes)))).toBe(hex(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["nothing", ""],
    ["a tag alone", "30"],
    ["an indefinite length", "30800000"],
    ["a length that is longer than it needs to be", "04810101"],
    ["a length of four bytes", "04840000000101"],
    ["more content than there is", "0405ffff"],
    ["a long tag", "1f810100"],
    ["bytes after it", "020100ff"],
    ["a child that leaves its parent", "3003040501"],
  ])("refuses %s", (_name, text) => {
    expect(() => readDer(Buffer.from(text, "hex"))).toThrow(MillwrightError);
  });

  it("bounds depth, number and size", () => {
    let deep = sequence();
    for (let i = 0; i < 20; i++) deep = sequence(deep);
    expect(() => readDer(deep)).toThrow(/LIMIT_EXCEEDED/);
    expect(() => readDer(sequence(...Array(2000).fill(boolean(true))))).toThrow(/LIMIT_EXCEEDED/);
    expect(() => readDer(octetString(new Uint8Array(70_000)))).toThrow(/LIMIT_EXCEEDED/);
  });
});
