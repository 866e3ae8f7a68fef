/** Modules of the user's own that a plan names: their hashes are signed with it, and nothing else is loaded under their names. */
import { sha256 } from "../io/crypto/keys.js";
import { checkPlugin, type SignedPlan } from "../io/crypto/plan-envelope.js";
import { loadPlugin, pluginBytes } from "../io/plugin.js";
import { isModuleModel, moduleModel } from "../model/module.js";
import type { ModelContext } from "../model/presets.js";
import type { FederationFile } from "../round/file.js";
import type { ModuleModelOf } from "../round/node-plan.js";

/** Paths that a file names as modules. */
export function modulesOf(file: FederationFile): readonly string[] {
  const used: unknown[] = [file.aggregate.use, file.model.use, (file.data as { use?: unknown }).use];
  const tiers = JSON.stringify(file.tiers ?? {}).matchAll(/"use":"([^"]+)"/g);
  for (const [, use] of tiers) used.push(use);
  return [...new Set(used.filter((use): use is string => typeof use === "string" && isModulePath(use)))].sort();
}

/** SHA-256 of each module by the path in the file. Errors: PLUGIN_INVALID. */
export function pinnedModules(file: FederationFile, folder: string): Record<string, string> {
  return Object.fromEntries(modulesOf(file).map((use) => [use, sha256(pluginBytes(use, folder))]));
}

/** Loads a module after its bytes were held to the plan. Errors: PLAN_REFUSED, PLUGIN_INVALID. */
export async function loadPinned(plan: Pick<SignedPlan, "plugins">, use: string, folder: string, shape: string) {
  checkPlugin(plan, use, pluginBytes(use, folder));
  return loadPlugin(use, folder, shape);
}

/** The user's own model, called when the shapes are known; undefined for a preset. Its hash is held to the plan first. */
export async function moduleModelOf(file: FederationFile, plan: SignedPlan, folder: string): Promise<ModuleModelOf | undefined> {
  const { model } = file;
  if (!isModuleModel(model)) return undefined;
  const { use, ...options } = model;
  const plugin = await loadPinned(plan, use, folder, "(options, context) => ({ nodes, output? })");
  return (context: ModelContext) => moduleModel(use, plugin(options, context), context);
}

/** Holds every module of a plan that is there to be loaded to its hash. Errors: PLAN_REFUSED, PLUGIN_INVALID. */
export function checkModule(plan: Pick<SignedPlan, "plugins">, use: string, folder: string): void {
  checkPlugin(plan, use, pluginBytes(use, folder));
}

/** Whether a name in a file is the path of a module. */
export const isModulePath = (use: string): boolean => /^\.{0,2}\/.+\.m?js$/.test(use);
