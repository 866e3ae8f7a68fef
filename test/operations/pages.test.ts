/** docs/operations.md and docs/security.md say only what there is: verbs, flags, error codes, metrics, files, tests and SR numbers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { codes } from "../../src/core/errors.js";
import { contextIn, temporary } from "../cli/harness.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const operations = read("docs/operations.md");
const security = read("docs/security.md");
const program = buildProgram(contextIn(temporary()), () => undefined);

/** Numbers of the system requirements of IEC 62443-3-3:2013, by foundational requirement. */
const counts = [13, 12, 9, 3, 4, 2, 8];

describe("docs/operations.md", () => {
  it("shows commands as they are", () => {
    const lines = [
      ...operations.matchAll(/(?:^|`|&& |; )(?:millwright|\.\/millwright|node \/opt\/millwright\/edge\.mjs) ([a-z]+)([^`\n#&]*)/gm),
    ];
    expect(lines.length).toBeGreaterThan(20);
    for (const [, verb, rest] of lines) {
      const command = program.commands.find((one) => one.name() === verb);
      expect(command, verb).toBeDefined();
      for (const [flag] of rest.matchAll(/--[a-z-]+/g))
        expect(
          command?.options.map((one) => one.long),
          `${verb} ${flag}`,
        ).toContain(flag);
    }
  });

  it("names codes, metrics and files that exist", () => {
    for (const page of [operations, security]) {
      const names = [...page.matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map((match) => match[1]).filter((name) => !name.startsWith("MILLWRIGHT_"));
      expect(names.filter((name) => !(name in codes))).toEqual([]);
      for (const [, path] of page.matchAll(/`?((?:deploy|scripts|examples)\/[\w./-]+)`?/g))
        expect(existsSync(join(root, path.replace(/[.]$/, ""))), path).toBe(true);
    }
    const source = read("src/coordinator/metrics.ts");
    const metrics = [...operations.matchAll(/`(millwright_\w+)`/g)].map((match) => match[1]);
    expect(metrics.length).toBeGreaterThan(1);
    for (const name of metrics) expect(source).toContain(`"${name}"`);
  });

  it("answers what an operator asks", () => {
    for (const title of [
      "Install a plant on a gateway",
      "A first federation",
      "Why is nothing happening",
      "Rotate",
      "Back up",
      "Restore",
      "Upgrade",
    ])
      expect(operations).toContain(`\n## ${title}\n`);
    for (const title of ["Disk full.", "Clock wrong.", "Certificate expired.", "Lost authority."])
      expect(operations).toContain(`**${title}**`);
  });
});

describe("docs/security.md", () => {
  const rows = security
    .split("\n")
    .filter((line) => /^\| SR \d/.test(line))
    .map((line) => line.slice(2, -2).split(" | "));

  it("has every system requirement of IEC 62443-3-3 once", () => {
    const all = counts.flatMap((count, fr) => Array.from({ length: count }, (_, i) => `${fr + 1}.${i + 1}`));
    const named = rows.flatMap(([sr]) => sr.replace("SR ", "").split(", "));
    expect([...named].sort()).toEqual([...all].sort());
  });

  const controls = rows.filter((cells) => cells.length === 5);
  it.each(controls.map(([sr, , , shown]) => [sr, shown]))("%s is shown by a test that exists: %s", (_sr, shown) => {
    const [, file, title] = /^`(test\/[\w./-]+)`: (.+)$/.exec(shown) ?? [];
    expect(read(file)).toContain(title);
    expect(title.length).toBeGreaterThan(10);
  });
  it("has a control for most of them", () => expect(controls.length).toBeGreaterThan(38));
});
