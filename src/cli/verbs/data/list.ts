/** `millwright data list`: the named data sets, what they are for, and which are on this machine. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { colorsFor, line, writeJson } from "../../context.js";
import { type Run, wantsJson } from "../../program.js";
import { count, table } from "../../show/text.js";

/** The plant that needs no download; how many rows it has is said in the federation file. */
const fleet = {
  name: "fleet",
  task: "failure",
  licence: "Apache-2.0",
  description: "A SIMULATED plant: hourly sensors, errors, failures, maintenance",
  builtIn: true,
  here: true,
} as const;

export function listVerb(data: Command, run: Run): void {
  data
    .command("list")
    .description("List the data sets that have a loader and an example file.")
    .option("--json", "print the list as JSON")
    .action((_options: unknown, command) =>
      run(async (context) => {
        const { catalog } = await import("../../../io/fetch/catalog.js");
        const { defaultDataRoot } = await import("../../../io/source/folder.js");
        const root = context.env.MILLWRIGHT_DATA || defaultDataRoot();
        const entries = catalog.map((entry) => ({ ...entry, here: existsSync(join(root, entry.name)) }));
        if (wantsJson(command)) {
          writeJson(context, { root, sets: [fleet, ...entries] });
          return 0;
        }
        const color = colorsFor(context.out, context.env);
        const head = ["name", "task", "rows", "here", "download", "licence", "what it is"].map((h) => color.dim(h));
        const first = [fleet.name, fleet.task, "", color.green("built in"), "", fleet.licence, fleet.description];
        const rows = entries.map((e) => [
          e.name,
          e.task,
          count(e.rows),
          e.here ? color.green("yes") : "no",
          e.files.fetched === e.files.all ? "whole" : e.files.fetched === 0 ? "none" : `${e.files.fetched}/${e.files.all} files`,
          e.licence,
          e.description,
        ]);
        for (const text of table([head, first, ...rows], ["left", "left", "right", "left", "left", "left", "left"]))
          line(context.out, text);
        line(context.out);
        line(context.out, `Data sets are looked for in ${root}. \`millwright data fetch NAME\` downloads one from its origin.`);
        return 0;
      }),
    );
}
