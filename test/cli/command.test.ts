import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { exitCodes, exitOf } from "../../src/cli/exit-codes.js";
import { errorLines } from "../../src/cli/show/errors.js";
import { codes, type ErrorCode, MillwrightError } from "../../src/core/errors.js";
import { millwright } from "./harness.js";

const colors = createRequire(import.meta.url)("picocolors").createColors(false);

describe("command line", () => {
  it("shows help and succeeds when nothing is asked", async () => {
    const ran = await millwright([]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain("simulate");
  });

  it("prints the version of the package", async () => {
    const ran = await millwright(["--version"]);
    expect(ran.out.trim()).toBe(createRequire(import.meta.url)("../../package.json").version);
  });

  it("suggests the nearest verb for a misspelt one", async () => {
    const ran = await millwright(["simlate"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("did you mean `millwright simulate`?");
  });

  it("suggests the nearest flag of the verb", async () => {
    const ran = await millwright(["simulate", "--seds", "3"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("--seds");
    expect(ran.err).toContain("did you mean --seeds?");
  });

  it.each([
    ["--seeds", "0"],
    ["--seeds", "three"],
    ["--seed", "-1"],
    ["--workers", "1.5"],
  ])("refuses %s %s with the range", async (flag, value) => {
    const ran = await millwright(["simulate", `${flag}=${value}`]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("a whole number from");
  });

  it("names a missing argument", async () => {
    const ran = await millwright(["report"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("result");
  });

  it("gives one JSON document for an error when asked for JSON", async () => {
    const ran = await millwright(["report", "absent.json", "--json"]);
    expect(ran.code).toBe(4);
    expect(JSON.parse(ran.out)).toMatchObject({ format: "millwright-error/1", code: "FILE_UNREADABLE", exit: 4 });
  });

  it("accepts --json before the verb too", async () => {
    const ran = await millwright(["--json", "doctor"]);
    expect(JSON.parse(ran.out).checks.length).toBeGreaterThan(5);
  });

  it("does not overwrite a file that stands where OUT belongs", async () => {
    const { writeFileSync, readFileSync } = await import("node:fs");
    const { temporary } = await import("./harness.js");
    const folder = temporary();
    writeFileSync(`${folder}/mine.yaml`, "federation: mine\n");
    const ran = await millwright(["simulate", "--json", "mine.yaml"], folder);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("put the federation file first");
    expect(readFileSync(`${folder}/mine.yaml`, "utf8")).toBe("federation: mine\n");
  });
});

describe("exit codes", () => {
  it("has one for every error code", () => {
    for (const code of Object.keys(codes) as ErrorCode[]) expect(exitOf(code), code).toBeDefined();
    for (const code of Object.keys(codes) as ErrorCode[]) expect(Object.keys(exitCodes)).toContain(String(exitOf(code)));
  });
});

describe("errors for people", () => {
  const faults = Array.from({ length: 23 }, (_, i) => ({ where: `sites[${i}]`, expected: "a name", got: `"${i}"`, remedy: "name it" }));

  it("shows place, expected, got and remedy of several faults at once, and says how many more there are", () => {
    const lines = errorLines(new MillwrightError("FILE_INVALID", faults[0], faults), colors).join("\n");
    expect(lines).toContain("FILE_INVALID");
    expect(lines).toContain("sites[0]");
    expect(lines).toContain("sites[19]");
    expect(lines).not.toContain("sites[20]");
    expect(lines).toContain("and 3 more");
    expect(lines.match(/remedy {4}name it/g)).toHaveLength(20);
  });

  it("lets no control character through to the terminal", () => {
    const nasty = `\u001b[2J\u001b]0;owned\u0007\u202e\r`;
    const text = errorLines(new MillwrightError("DATA_INVALID", { where: nasty, expected: nasty, got: nasty, remedy: nasty }), colors).join(
      "\n",
    );
    expect(text).not.toMatch(/[\p{Bidi_Control}]|(?!\n)\p{Cc}/u);
  });

  it("colours only where it was asked to", async () => {
    const esc = String.fromCharCode(27);
    expect((await millwright(["simlate"])).err).not.toContain(esc);
    const forced = await millwright(["simlate"], undefined, { env: { FORCE_COLOR: "1" } });
    expect(forced.err).toContain(esc);
    const refused = await millwright(["simlate"], undefined, { env: { NO_COLOR: "1" } });
    expect(refused.err).not.toContain(esc);
  });
});
