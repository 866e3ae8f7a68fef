/** Federation files as text: whatever is wrong with one is a coded fault with its place, never a fault of ours. */
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { readFederationFile } from "../../src/round/file.js";

function faultsOf(text: string): MillwrightError {
  try {
    readFederationFile(text, "f.yaml");
  } catch (error) {
    if (error instanceof MillwrightError) return error;
    throw error;
  }
  throw new Error("read without a fault");
}

const nine = (name: string): string => `[${Array.from({ length: 9 }, () => `*${name}`).join(",")}]`;

describe("a federation file", () => {
  it("whose anchors multiply is refused, not unfolded", () => {
    const bomb = `a: &a [x,x]\n${["b", "c", "d", "e", "f"].map((n, i) => `${n}: &${n} ${nine("abcde"[i])}`).join("\n")}\n`;
    const error = faultsOf(bomb);
    expect(error.code).toBe("FILE_INVALID");
    expect(error.detail.expected).toContain("references");
  });

  it("with a reference to nothing is refused", () => {
    expect(faultsOf("federation: *x\n").code).toBe("FILE_INVALID");
  });

  it("that is no YAML is refused once for each slip", () => {
    const { faults } = faultsOf("{{{{: ]");
    expect(new Set(faults.map((f) => `${f.where} ${f.got}`)).size).toBe(faults.length);
    expect(faults[0].where).toBe("f.yaml, line 1");
  });

  it("says what is missing and what is out of range in words", () => {
    const text =
      "federation: t\ndata: fleet\ntask: {kind: failure}\nsites: {use: iid, count: -2}\nmodel: gru\nrounds: 1.5\n" +
      "training: {optimizer: {use: adam, learningRate: .nan}, batch: 8}\n";
    const { faults } = faultsOf(text);
    const at = (where: string) => faults.find((f) => f.where === where);
    expect(at("sites.count")).toMatchObject({ expected: "number to be >=1", got: "-2" });
    expect(at("rounds")).toMatchObject({ expected: "a whole number", got: "1.5" });
    expect(at("training.optimizer.learningRate")).toMatchObject({ expected: "number", got: "NaN" });
    const unknown = faultsOf(`${text.replace("count: -2", "count: 2").replace("use: iid", "use: skew")}`);
    expect(unknown.faults).toContainEqual({ where: "sites.use", expected: expect.stringMatching(/^one of by, iid, /), got: '"skew"' });
    expect(faultsOf("federation: t\ndata: fleet\ntask: {kind: failure}\nsites: {use: iid, count: 2}\nmodel: gru\n").detail).toMatchObject({
      where: "training",
      got: "nothing",
      remedy: expect.stringContaining("needed"),
    });
  });
});
