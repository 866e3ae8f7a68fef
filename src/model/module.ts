/**
 * A model from the user's own module: `model: { use: ./my-model.mjs, ... }`. The module's default export is
 * `(options, context) => ({ nodes, output? })`: options are the other fields of `model:`, context says which inputs there are, of what
 * shape, how many outputs the task needs and of which kind. What it returns is data, checked like a `graph` in the file.
 */
import { z } from "zod";
import { fail, MillwrightError } from "../core/errors.js";
import { showShape } from "./geometry.js";
import { graph } from "./presets/graph.js";
import type { ModelContext } from "./presets/preset.js";
import { checkOutput, type ModelChoice, modelSchema, presetNames } from "./presets.js";
import type { ModelSpec } from "./spec.js";

export interface ModuleModel {
  readonly use: `./${string}` | `../${string}` | `/${string}`;
  readonly [option: string]: unknown;
}

/** True for `use: ./my-model.mjs`. */
export function isModuleModel(choice: ModelChoice | ModuleModel): choice is ModuleModel {
  return /^\.{0,2}\/.+\.m?js$/.test(choice.use);
}

/** The `model:` part of a federation file: a preset, or a module whose options only the module knows. */
export const modelPartSchema = z.unknown().transform((value, context): ModelChoice | ModuleModel => {
  const use = typeof value === "string" ? value : (value as { use?: unknown } | null | undefined)?.use;
  if (typeof use === "string" && isModuleModel({ use } as ModuleModel))
    return typeof value === "string" ? ({ use } as ModuleModel) : (value as ModuleModel);
  const checked = modelSchema.safeParse(value, { reportInput: true });
  if (checked.success) return checked.data;
  for (const issue of checked.error.issues) {
    const known = presetNames.some((name) => name === use);
    const message = known ? issue.message : `${issue.message}; or the path of a module such as ./my-model.mjs`;
    context.issues.push({ ...issue, message, input: issue.input } as (typeof context.issues)[number]);
  }
  return z.NEVER;
});

const returned = z.strictObject({
  inputs: z.record(z.string(), z.array(z.number())).optional(),
  nodes: graph.schema.shape.nodes,
  output: graph.schema.shape.output,
});

/** Checks what a module returned. Errors: PLUGIN_INVALID, with what is wrong in the graph; PLAN_REFUSED where its output does not suit the task. */
export function moduleModel(use: string, value: unknown, context: ModelContext): ModelSpec {
  const parsed = returned.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.slice(0, 20).map((issue) => ({
      where: `${use}: ${issue.path.join(".") || "result"}`,
      expected: issue.message.replace(/^(Invalid input: )?expected /, ""),
      got: typeof value === "object" ? "something else" : typeof value,
      remedy: "return { nodes: [{ use, name, ... }, ...] }",
    }));
    throw new MillwrightError("PLUGIN_INVALID", faults[0], faults);
  }
  const { nodes, output, inputs } = parsed.data;
  for (const [name, shape] of Object.entries(inputs ?? {})) {
    const offered = context.inputs[name];
    if (offered === undefined || showShape(offered) !== showShape(shape)) {
      const got = `${name} ${showShape(shape)}`;
      const expected = Object.entries(context.inputs).map(([one, its]) => `${one} ${showShape(its)}`);
      fail("PLUGIN_INVALID", {
        where: `${use}: inputs`,
        expected: expected.join(" or "),
        got,
        remedy: "take the shapes of context.inputs",
      });
    }
  }
  try {
    return checkOutput(graph.build({ use: "graph", nodes, output }, context), use, context);
  } catch (cause) {
    if (!(cause instanceof MillwrightError) || cause.code === "PLAN_REFUSED") throw cause;
    fail("PLUGIN_INVALID", { where: use, expected: "a graph that can run", got: cause.message, cause });
  }
}
