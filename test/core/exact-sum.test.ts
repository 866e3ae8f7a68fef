import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactSum, exactValue, ratio, unitsOf } from "../../src/core/exact-sum.js";

describe("exact sums", () => {
  it("do not depend on order, and cancel without a trace", () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), (values) => {
        const forwards = exactSum();
        const backwards = exactSum();
        for (const x of values) forwards.add(x);
        for (const x of values.toReversed()) backwards.add(x);
        expect(forwards.units()).toBe(backwards.units());
        for (const x of values) forwards.add(-x);
        expect(forwards.units()).toBe(0n);
      }),
    );
  });

  it("return each single number unchanged, through the form that travels", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), (x) => {
        const sum = exactSum();
        sum.add(x);
        const units = unitsOf(exactValue(sum.units()));
        expect(units).toBe(sum.units());
        if (Math.abs(x) > 1e-290 || x === 0) expect(ratio(units, 1n << 1074n)).toBe(x + 0);
      }),
    );
  });

  it("hold products without rounding them", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        const sum = exactSum();
        sum.addProduct(a, b);
        expect(sum.units() >> 1074n).toBe(BigInt(a) * BigInt(b));
      }),
    );
  });

  it("survive more additions than a limb can hold", () => {
    const sum = exactSum();
    for (let i = 0; i < 1_100_000; i++) sum.add(-0.1);
    const tenth = exactSum();
    tenth.add(-0.1);
    expect(sum.units()).toBe(tenth.units() * 1_100_000n);
  });

  it("divide to the nearest double", () => {
    expect(ratio(1n, 3n)).toBe(1 / 3);
    expect(ratio(-(10n ** 40n), 10n ** 20n)).toBe(-1e20);
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1 }), (a, b) => {
        // a / b of whole numbers below 2^53 is the nearest double by IEEE 754.
        expect(ratio(BigInt(a), BigInt(b))).toBe(a / b + 0);
      }),
    );
  });

  it("refuse what is not finite or not a sum", () => {
    expect(() => exactSum().add(Number.NaN)).toThrow(/NOT_FINITE/);
    expect(() => unitsOf({ digits: "xyz", exponent: 0 })).toThrow(/MESSAGE_INVALID/);
    expect(() => unitsOf({ digits: "1", exponent: -2000 })).toThrow(/MESSAGE_INVALID/);
    expect(() => unitsOf({ digits: "1", exponent: 1e9 })).toThrow(/MESSAGE_INVALID/);
  });
});
