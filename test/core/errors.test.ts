import { describe, expect, it } from "vitest";
import { codes, fail, MillwrightError } from "../../src/core/errors.js";

describe("errors", () => {
  it("say the code, the place, what was expected, what was found and what to do", () => {
    const cause = new Error("below");
    try {
      fail("DATA_INVALID", { where: "row 3, column volt", expected: "a number", got: '"n/a"', remedy: "declare it missing", cause });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(MillwrightError);
      const { code, message, detail, faults } = error as MillwrightError;
      expect(code).toBe("DATA_INVALID");
      expect(message).toBe('DATA_INVALID: row 3, column volt: expected a number, got "n/a" (declare it missing)');
      expect((error as Error).cause).toBe(cause);
      expect(faults).toEqual([detail]);
    }
  });

  it("can hold several faults in one message", () => {
    const faults = [
      { where: "a", expected: "x", got: "1" },
      { expected: "z", got: "2" },
    ];
    expect(new MillwrightError("FILE_INVALID", faults[0], faults).message).toBe("FILE_INVALID: a: expected x, got 1; expected z, got 2");
  });

  it("have codes in capitals, each with a sentence", () => {
    for (const [code, sentence] of Object.entries(codes)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(sentence).toMatch(/^[A-Z].*\.$/);
    }
  });
});
