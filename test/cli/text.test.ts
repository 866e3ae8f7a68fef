import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bar, bytes, count, distance, nearest, plain, seconds, sparkline, table, width, wrap } from "../../src/cli/show/text.js";

describe("text for a terminal", () => {
  it("aligns columns by what is visible", () => {
    const esc = String.fromCharCode(27);
    const rows = table([
      ["a", `${esc}[1m10${esc}[22m`],
      ["long", "2"],
    ]);
    expect(rows.map((r) => width(r))).toEqual([8, 8]);
  });

  it("wraps without losing a word or exceeding the width", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 14, max: 60 }),
        (words, columns) => {
          const lines = wrap(words.join(" "), columns, "  ");
          expect(lines.every((l) => l.length <= columns)).toBe(true);
          expect(lines.join(" ").split(/\s+/).filter(Boolean)).toEqual(words);
        },
      ),
    );
  });

  it("writes seconds and bytes for people", () => {
    expect([0.42, 9.96, 61, 185, 7800].map(seconds)).toEqual(["0.4 s", "10 s", "61 s", "3 min 05 s", "2 h 10 min"]);
    expect([0, 999, 1000, 4_100, 1_200_000, 3e9].map(bytes)).toEqual(["0 B", "999 B", "1.0 kB", "4.1 kB", "1.20 MB", "3.00 GB"]);
    expect(count(1234567)).toBe("1,234,567");
  });

  it("draws a bar of the right length for any share", () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), (share) => [...bar(share, 16)].length === 16));
  });

  it("draws lows low and highs high", () => {
    expect(sparkline([0, 1])).toBe("\u2581\u2588");
    expect(sparkline([1, Number.NaN, 0])).toBe("\u2588 \u2581");
    expect(sparkline([])).toBe("");
  });

  it("leaves no control or direction character in plain text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/\p{Cc}|\p{Bidi_Control}/u.test(plain(text))));
  });

  it("measures edit distance and suggests only near words", () => {
    expect(distance("kitten", "sitting")).toBe(3);
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => distance(a, b) === distance(b, a)));
    expect(nearest("fetsh", ["fetch", "list"])).toBe("fetch");
    expect(nearest("zzz", ["fetch", "list"])).toBeUndefined();
  });
});
