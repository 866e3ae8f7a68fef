/**
 * Packages of the adapters for what one machine cannot hold (S3, NATS, MQTT): none comes with Millwright. Each is looked for beside it, or
 * in the folder that MILLWRIGHT_ADAPTERS names, when a configuration asks for it.
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../../core/errors.js";

/** The package's exports; `names` are those that are used. Errors: PACKAGE_MISSING, saying who asked for it. */
export async function loadPackage<Module extends object>(
  name: string,
  names: readonly (keyof Module & string)[],
  where: string,
): Promise<Module> {
  const folder = process.env.MILLWRIGHT_ADAPTERS;
  const elsewhere = folder !== undefined && folder !== "";
  let found: Module & { readonly default?: Module };
  try {
    // The names of an import are resolved as "import", of createRequire as "require": both lead to one of the package's builds.
    found = await import(elsewhere ? pathToFileURL(createRequire(join(resolve(folder), "package.json")).resolve(name)).href : name);
  } catch (cause) {
    return fail("PACKAGE_MISSING", {
      where,
      expected: `the package ${name}${elsewhere ? ` in ${folder} (MILLWRIGHT_ADAPTERS)` : ""}`,
      got: "none that can be loaded",
      remedy: `npm install ${name}`,
      cause,
    });
  }
  // A CommonJS package comes whole as the default where its names cannot be read off its text.
  const module = names.every((one) => found[one] !== undefined) ? found : found.default;
  const lacking = names.find((one) => module?.[one] === undefined);
  if (module === undefined || lacking !== undefined) {
    fail("PACKAGE_MISSING", {
      where,
      expected: `${name} with ${lacking ?? "its exports"}`,
      got: "another version",
      remedy: `npm install ${name}`,
    });
  }
  return module;
}
