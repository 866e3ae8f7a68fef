import { describe, expect, it } from "vitest";
import { durationInRows, parseDuration } from "../../src/core/duration.js";
import { millis } from "../../src/core/quantities.js";

describe("durations", () => {
  it("are read with their unit", () => {
    for (const [text, ms] of [
      ["24h", 86_400_000],
      ["15min", 900_000],
      ["90s", 90_000],
      ["250ms", 250],
      ["7d", 604_800_000],
      ["1.5 h", 5_400_000],
      ["2w", 1_209_600_000],
    ] as const) {
      expect(parseDuration(text)).toBe(ms);
    }
  });

  it("without a unit, or with two, are refused by place", () => {
    for (const text of ["24", "h", "-3h", "1h30min", "3 fortnights", ""])
      expect(() => parseDuration(text, "task.window")).toThrow(/FILE_INVALID: task.window/);
  });

  it("become rows by the clock of the data", () => {
    expect(durationInRows("24h", millis(3_600_000))).toBe(24);
    expect(durationInRows(30, undefined)).toBe(30);
    expect(() => durationInRows("24h", undefined)).toThrow(/no clock/);
    expect(() => durationInRows("90min", millis(3_600_000))).toThrow(/multiple of the time between rows/);
    expect(() => durationInRows(2.5, undefined)).toThrow(/whole number/);
    expect(() => durationInRows(-1, undefined)).toThrow(/whole number/);
  });
});
