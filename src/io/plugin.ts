/** Modules of the user's own that a federation file names by their path: they run with the rights of this process. */
import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../core/errors.js";

/**
 * The default export of a module, which must be a function. Paths are relative to `folder`. `shape` says in messages what it should be.
 * Errors: PLUGIN_INVALID.
 */
export async function loadPlugin(use: string, folder: string, shape: string): Promise<(...given: readonly unknown[]) => unknown> {
  const path = isAbsolute(use) ? use : resolve(folder, use);
  const module = (await import(pathToFileURL(path).href).catch((cause) =>
    fail("PLUGIN_INVALID", {
      where: path,
      expected: "a module that loads",
      got: String(cause),
      remedy: "check the path and run the module with node",
      cause,
    }),
  )) as { default?: unknown };
  if (typeof module.default !== "function")
    fail("PLUGIN_INVALID", { where: path, expected: `a default export ${shape}`, got: typeof module.default });
  return module.default as (...given: readonly unknown[]) => unknown;
}

/** Calls a user's function; whatever it throws is told as the module's. Errors: PLUGIN_INVALID. */
export async function callPlugin(
  use: string,
  plugin: (...given: readonly unknown[]) => unknown,
  ...given: readonly unknown[]
): Promise<unknown> {
  try {
    return await plugin(...given);
  } catch (cause) {
    fail("PLUGIN_INVALID", { where: use, expected: "a module that returns", got: String(cause), cause });
  }
}

/** The bytes of a module, to be held to a hash before it is loaded. Errors: PLUGIN_INVALID. */
export function pluginBytes(use: string, folder: string): Uint8Array {
  try {
    return readFileSync(resolve(folder, use));
  } catch (cause) {
    fail("PLUGIN_INVALID", {
      where: use,
      expected: `a module in ${folder}`,
      got: cause instanceof Error ? cause.message : String(cause),
      remedy: "put the module where the plan's folder is, or name the folder with --modules",
      cause,
    });
  }
}
