import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeAtomic } from "../../src/io/store/atomic.js";
import { dropCheckpoint, dropEmptyFolder, loadCheckpoint, saveCheckpoint } from "../../src/io/store/checkpoint.js";
import { digestPlain, digestTable } from "../../src/io/store/digest.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millwright-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const state = { plan: "p", round: 3, models: [Float32Array.of(1, 2), Float32Array.of(3, 4)], record: { rounds: [1, 2, 3] } };

describe("checkpoints", () => {
  it("come back as they were, whatever the run is called", () => {
    saveCheckpoint(folder, "local/plant 1", state);
    expect(loadCheckpoint(folder, "local/plant 1", "p")).toEqual(state);
    dropCheckpoint(folder, "local/plant 1");
    expect(loadCheckpoint(folder, "local/plant 1", "p")).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("take their folder along when the last one goes, and nothing else", () => {
    const inside = join(folder, "state");
    saveCheckpoint(inside, "run", state);
    dropEmptyFolder(inside);
    expect(loadCheckpoint(inside, "run", "p")).toEqual(state);
    dropCheckpoint(inside, "run");
    dropEmptyFolder(inside);
    expect(readdirSync(folder)).toEqual([]);
    dropEmptyFolder(inside);
  });

  it("of another plan are refused", () => {
    saveCheckpoint(folder, "run", state);
    expect(() => loadCheckpoint(folder, "run", "q")).toThrow(/RESUME_REFUSED/);
  });

  it("that are damaged are refused with a code at every cut and every flipped bit", () => {
    saveCheckpoint(folder, "run", state);
    const path = join(folder, readdirSync(folder)[0]);
    const whole = readFileSync(path);
    for (let cut = 0; cut < whole.length; cut += 7) {
      writeFileSync(path, whole.subarray(0, cut));
      expect(() => loadCheckpoint(folder, "run", "p")).toThrow(/^RESUME_REFUSED/);
    }
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at] ^= 1 << (at % 8);
      writeFileSync(path, flipped);
      expect(() => loadCheckpoint(folder, "run", "p")).toThrow(/^RESUME_REFUSED/);
    }
  });

  it("leave the old file whole when the new one cannot be written", () => {
    const path = join(folder, "kept.txt");
    writeAtomic(path, "old");
    expect(() => writeAtomic(join(path, "below-a-file"), "new")).toThrow(/FILE_UNWRITABLE/);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["kept.txt"]);
  });
});

describe("digest of plain data", () => {
  it("does not depend on the order of keys and does on content", () => {
    expect(digestPlain({ a: 1, b: [1, { c: 2 }] })).toBe(digestPlain({ b: [1, { c: 2 }], a: 1 }));
    expect(digestPlain({ a: 1 })).not.toBe(digestPlain({ a: "1" }));
    expect(digestPlain({ a: undefined })).toBe(digestPlain({}));
  });
});

describe("digest of a table", () => {
  const table = (values: number[], name = "volt") => ({
    rows: values.length,
    columns: [{ name, kind: "number", values: Float64Array.from(values) } as const],
  });
  it("changes with any value, name or missing cell, so that a run is not continued on other data", () => {
    const all = [table([1, 2]), table([1, 3]), table([1, Number.NaN]), table([1, 2], "rotate"), table([1])].map(digestTable);
    expect(new Set(all).size).toBe(all.length);
    expect(digestTable(table([1, 2]))).toBe(all[0]);
  });
});
