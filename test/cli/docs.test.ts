import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { fleetSchema } from "../../src/data/fleet/spec.js";
import { tableSourceSchema } from "../../src/data/source-spec.js";
import { modelSchema } from "../../src/model/presets.js";
import { federationSchema, readFederationFile } from "../../src/round/file.js";
import { commandsPage } from "./commands-page.js";
import { contextIn, millwright, temporary } from "./harness.js";

const place = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const program = buildProgram(contextIn(temporary()), () => undefined);

describe("docs/commands.md", () => {
  it("is what the command says of itself", () => {
    const page = commandsPage(program);
    if (process.env.UPDATE_DOCS === "1") writeFileSync(place("commands.md"), page);
    expect(readFileSync(place("commands.md"), "utf8")).toBe(page);
  });

  it("has a description and --json for every verb", () => {
    const leaves = program.commands.flatMap((c) => (c.commands.length > 0 ? c.commands : [c]));
    expect(leaves.length).toBeGreaterThan(9);
    for (const verb of leaves) {
      expect(verb.description(), verb.name()).not.toBe("");
      expect(
        verb.options.some((o) => o.long === "--json"),
        verb.name(),
      ).toBe(true);
    }
  });

  it("shows help for every verb without running it", async () => {
    for (const verb of program.commands) {
      const ran = await millwright([verb.name(), "--help"]);
      expect(ran.code).toBe(0);
      expect(ran.out).toContain(verb.description().split(" ")[0]);
    }
  });
});

/** Keys of all objects in a schema, found through options, lists, defaults and choices. */
function keysOf(schema: unknown, found = new Set<string>(), seen = new Set<unknown>()): Set<string> {
  if (typeof schema !== "object" || schema === null || seen.has(schema)) return found;
  seen.add(schema);
  const def = (schema as { def?: Record<string, unknown> }).def;
  if (def === undefined) return found;
  if (typeof def.shape === "object" && def.shape !== null) {
    for (const [key, value] of Object.entries(def.shape)) {
      found.add(key);
      keysOf(value, found, seen);
    }
  }
  for (const value of Object.values(def)) {
    if (Array.isArray(value)) for (const one of value) keysOf(one, found, seen);
    else keysOf(value, found, seen);
  }
  return found;
}

describe("docs/federation-file.md", () => {
  const page = readFileSync(place("federation-file.md"), "utf8");
  /** Keys of the layers of a `graph` model are those of the model room, not of this page. */
  const elsewhere = new Set([
    "nodes",
    "name",
    "from",
    "bias",
    "eps",
    "ceil",
    "factor",
    "times",
    "rate",
    "order",
    "shape",
    "padding",
    "outputPadding",
    "momentum",
  ]);

  it("names every key that the file can have", () => {
    const keys = new Set([...keysOf(federationSchema), ...keysOf(modelSchema), ...keysOf(tableSourceSchema), ...keysOf(fleetSchema)]);
    expect(keys.size).toBeGreaterThan(80);
    const named = new Set([...page.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`]+)`/g)].flatMap((m) => m[1].split(/[^A-Za-z0-9]+/)));
    expect([...keys].filter((key) => !named.has(key) && !elsewhere.has(key))).toEqual([]);
  });

  it("prints a file that reads", () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => m[1]);
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(readFederationFile(block).federation).toBeDefined();
  });
});
