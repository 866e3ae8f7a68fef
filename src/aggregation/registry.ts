/** The rules a federation file can name. A new rule is one file and one line here; the schema, the types and the help follow. */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { mean } from "./mean.js";
import type { Rule } from "./rule.js";

const meanSchema = z.strictObject({
  use: z.literal("mean"),
  weighted: z.boolean().default(true).describe("weigh sites by their training examples; false counts every site once, as in paper 0"),
});

/** A rule from the user's own module; it must export a default function (options) => Rule. */
const moduleSchema = z.looseObject({
  use: z.string().regex(/^\.{0,2}\/.+\.m?js$/, "a rule's name, or the path of a module such as ./my-rule.mjs"),
});

const rules = { mean } as const;

/** Schema (zod) of `aggregate:` in a federation file: a rule's name or its options; a path such as ./my-rule.mjs names the user's own. */
export const ruleSchema = z.union([
  z.literal("mean").transform(() => ({ use: "mean" as const, weighted: true })),
  meanSchema,
  moduleSchema,
]);
/** `aggregate:` of a federation file, as read. */
export type RuleSpec = z.output<typeof ruleSchema>;

/** Builds a named rule; `load` has already imported the module of a user's rule. Errors: PLUGIN_INVALID. */
export function buildRule(spec: RuleSpec, loaded?: unknown): Rule {
  if (Object.hasOwn(rules, spec.use)) return rules[spec.use as keyof typeof rules](spec as z.output<typeof meanSchema>);
  return checkRule(spec.use, loaded);
}

const needs: Readonly<Record<Rule["kind"], readonly string[]>> = {
  linear: ["lift", "add", "finish"],
  gram: ["weights"],
  coordinate: ["combine"],
  whole: ["aggregate"],
};

/** A user's rule is checked for its parts before round 1, not when it is first called. */
function checkRule(where: string, value: unknown): Rule {
  const rule = value as Partial<Record<string, unknown>> | undefined;
  const kind = rule?.kind as Rule["kind"];
  if (rule === undefined || rule === null || !(kind in needs)) {
    fail("PLUGIN_INVALID", { where, expected: 'a rule with kind "linear", "gram", "coordinate" or "whole"', got: String(kind) });
  }
  for (const part of needs[kind]) {
    if (typeof rule[part] !== "function")
      fail("PLUGIN_INVALID", { where, expected: `a function "${part}" in a ${kind} rule`, got: typeof rule[part] });
  }
  if (typeof rule.name !== "string" || !Number.isInteger(rule.minimum)) {
    fail("PLUGIN_INVALID", { where, expected: "a name and a whole minimum", got: `${String(rule.name)}, ${String(rule.minimum)}` });
  }
  return rule as unknown as Rule;
}
