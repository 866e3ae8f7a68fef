/** Canonical JSON against RFC 8785's own examples, and as the inverse of its reader. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { canonicalJson, readCanonicalJson } from "../../src/wire/canonical-json.js";

/** A double of its bits, as RFC 8785, appendix B gives them. */
function double(hex: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${hex}`));
  return view.getFloat64(0);
}

describe("canonical JSON", () => {
  it.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("writes the number %s as %s", (bits, text) => {
    expect(canonicalJson(double(bits))).toBe(text);
  });

  it("writes RFC 8785's example of values and of the order of keys", () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
    expect(Object.values(JSON.parse(canonicalJson(keys).replace('"1":4,', "")))).toEqual([2, 6, 7, 1, 5, 3]);
    expect(canonicalJson(keys).indexOf('"1"')).toBeLessThan(canonicalJson(keys).indexOf('"\u0080"'));
  });

  it.each([
    ["NaN", Number.NaN],
    ["an infinity", [Number.POSITIVE_INFINITY]],
    ["a function", { a: () => 1 }],
    ["a big integer", 1n],
    ["a date", new Date(0)],
    ["a map", new Map()],
    ["bytes", new Uint8Array(1)],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate as key", { "\udc00": 1 }],
    ["undefined in a list", [undefined]],
  ])("refuses %s", (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(MillwrightError);
  });

  it("has levels", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100; i++) deep = [deep];
    expect(() => canonicalJson(deep)).toThrow(/LIMIT_EXCEEDED/);
    expect(() => readCanonicalJson("[".repeat(100_000) + "]".repeat(100_000))).toThrow(/LIMIT_EXCEEDED/);
  });

  it("is read back, and any other spelling is refused", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        let text: string;
        try {
          text = canonicalJson(value);
        } catch (error) {
          expect((error as MillwrightError).code).toBe("MESSAGE_INVALID");
          return;
        }
        if (text.includes('"__proto__":')) return;
        expect(canonicalJson(readCanonicalJson(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(() => readCanonicalJson(` ${text}`)).toThrow(MillwrightError);
      }),
    );
    for (const text of [
      '{"a":1,"a":2}',
      '{"b":1,"a":2}',
      "1.0",
      "1e2",
      "-0",
      '"\\u0041"',
      '{"a" :1}',
      "",
      "nope",
      '{"__proto__":{"admin":true}}',
    ]) {
      expect(() => readCanonicalJson(text)).toThrow(MillwrightError);
    }
    expect(Object.getPrototypeOf(readCanonicalJson('{"a":{"b":1}}'))).toBeNull();
  });
});
