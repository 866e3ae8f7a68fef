/** `millwright init`: looks at a table, asks a few questions (or takes flags), and writes a federation file that runs. */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fail } from "../../core/errors.js";
import type { InferredSchema } from "../../data/infer.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import { askRoles } from "../init/ask.js";
import { guessRoles, type Roles, type TaskKind, taskOf, tasksFor } from "../init/guess.js";
import { draftFile, inputsOf } from "../init/write.js";
import { type Verb, wantsJson } from "../program.js";
import { plain, table } from "../show/text.js";
import { writeWhole } from "./files.js";
import { resolvePath, shownPath } from "./numbers.js";

export interface InitOptions {
  readonly machine?: string;
  readonly time?: string;
  readonly target?: string;
  readonly task?: string;
  readonly sites?: string;
  readonly dates?: string;
  readonly out?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

const kinds: readonly TaskKind[] = ["failure", "class", "value", "anomaly"];

export const initVerb: Verb = (program, run) => {
  program
    .command("init")
    .description("Look at your table, ask a few questions, write a federation file that runs.")
    .argument("<table>", "CSV (plain or gzipped) or Parquet file, or a folder of them")
    .option("--machine <column>", 'column that tells machines apart ("none" for none)')
    .option("--time <column>", 'column that orders the readings of a machine ("none" for none)')
    .option("--target <column>", 'column with the answer ("none" for none)')
    .option("--task <kind>", `what to predict: ${kinds.join(", ")}`)
    .option("--sites <n|column>", "number of simulated sites, or the column whose values are the sites")
    .option("--dates <order>", "how dates such as 03/04/2024 are meant: dmy or mdy")
    .option("--out <file>", "federation file to write (default: NAME.yaml beside the table)")
    .option("-y, --yes", "take the proposals, ask nothing")
    .option("--force", "overwrite an existing file")
    .option("--json", "print the schema, the roles and the place of the file as JSON")
    .action((path: string, options: InitOptions, command) =>
      run(async (context) => {
        const { lookAtTable } = await import("../../io/source/table.js");
        const { readFederationFile } = await import("../../round/file.js");
        const from = resolvePath(context, path);
        const schema = withDates(await lookAtTable(from), options.dates);
        const json = wantsJson(command);
        if (!json) showSchema(context, schema);
        const proposed = flagged(schema, options);
        const ask = context.interactive && options.yes !== true && !json;
        const chosen = ask ? await askRoles(schema, proposed) : proposed;
        if (chosen === undefined) return 6;
        const name = nameOf(from);
        const to = options.out === undefined ? join(dirname(from), `${name}.yaml`) : resolvePath(context, options.out);
        if (existsSync(to) && options.force !== true) {
          fail("USAGE", {
            where: to,
            expected: "a file that does not exist yet",
            got: "one that does",
            remedy: "choose --out, or give --force",
          });
        }
        const beside = relative(dirname(to), from).replaceAll("\\", "/");
        const draft = { name, path: beside.startsWith(".") ? beside : `./${beside}`, schema, ...chosen };
        if (inputsOf(draft).numbers.length + inputsOf(draft).categories.length === 0) {
          fail("DATA_INVALID", {
            where: from,
            expected: "at least one column a model can learn from",
            got: "none beside machine, time and target",
          });
        }
        const text = draftFile(draft);
        // What this verb writes must run: the reader of federation files has the last word before anything is on disk.
        readFederationFile(text, shownPath(context, to));
        writeWhole(to, text);
        if (json) writeJson(context, { file: to, roles: chosen.roles, sites: chosen.sites, schema });
        else closing(context, shownPath(context, to), chosen.roles);
        return 0;
      }),
    );
};

/** The proposal, with what the flags say put over it. Errors: USAGE for columns that are not there. */
function flagged(schema: InferredSchema, options: InitOptions): { roles: Roles; sites: number | string } {
  const guess = guessRoles(schema);
  const names = schema.columns.map((c) => c.name);
  const choose = (flag: string, given: string | undefined, proposal: string | undefined): string | undefined => {
    if (given === undefined) return proposal;
    if (given === "none") return undefined;
    if (!names.includes(given)) fail("USAGE", { where: flag, expected: `one of ${names.join(", ")}, or none`, got: given });
    return given;
  };
  const machine = choose("--machine", options.machine, guess.machine);
  const time = choose("--time", options.time, guess.time);
  const target = choose("--target", options.target, guess.target);
  const column = schema.columns.find((c) => c.name === target);
  if (options.task !== undefined && !kinds.includes(options.task as TaskKind)) {
    fail("USAGE", { where: "--task", expected: `one of ${kinds.join(", ")}`, got: options.task });
  }
  const task = (options.task as TaskKind | undefined) ?? (column === undefined ? "anomaly" : taskOf(column));
  if (task !== "anomaly" && column === undefined) {
    fail("USAGE", {
      where: "--target",
      expected: `a column with the answer for a ${task} task`,
      got: "none",
      remedy: "name it with --target",
    });
  }
  if (column !== undefined && !tasksFor(column).includes(task)) {
    fail("USAGE", {
      where: "--task",
      expected: `one of ${tasksFor(column).join(", ")} for column ${column.name} (${column.kind}, ${column.distinct} different values)`,
      got: task,
    });
  }
  return { roles: { machine, time, target, task }, sites: sitesOf(schema, options.sites, machine) };
}

/** Dates that can be read two ways are read as the user says, or not at all. Errors: USAGE, DATA_INVALID. */
function withDates(schema: InferredSchema, order: string | undefined): InferredSchema {
  if (order !== undefined && order !== "dmy" && order !== "mdy") {
    fail("USAGE", { where: "--dates", expected: "dmy (day first) or mdy (month first)", got: order });
  }
  const open = schema.columns.find((c) => c.ambiguous !== undefined);
  if (open?.ambiguous !== undefined && order === undefined) {
    const day = (moment: number): string => new Date(moment).toISOString().slice(0, 10);
    fail("DATA_INVALID", {
      where: `column "${open.name}"`,
      expected: "dates that can be read one way only",
      got: `${JSON.stringify(open.ambiguous.text)}, which is ${day(open.ambiguous.dmy)} or ${day(open.ambiguous.mdy)}`,
      remedy: "say which with --dates dmy or --dates mdy",
    });
  }
  return {
    ...schema,
    columns: schema.columns.map(({ ambiguous, ...column }) => (ambiguous === undefined ? column : { ...column, format: order })),
  };
}

/** How many sites a simulation has when nobody says: few enough that each holds something. */
function sitesOf(schema: InferredSchema, given: string | undefined, machine: string | undefined): number | string {
  if (given !== undefined && schema.columns.some((c) => c.name === given)) return given;
  if (given !== undefined) {
    const value = Number(given);
    if (Number.isInteger(value) && value >= 1 && value <= 10_000) return value;
    fail("USAGE", { where: "--sites", expected: "a number of sites or a column", got: given });
  }
  const machines = schema.columns.find((c) => c.name === machine)?.distinct ?? Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(5, machines));
}

function nameOf(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/(\.(csv|tsv|txt|gz|parquet))+$/, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 64);
  return name === "" ? "my-federation" : name;
}

function showSchema(context: Context, schema: InferredSchema): void {
  const color = colorsFor(context.err, context.env);
  const rows = schema.columns
    .slice(0, 60)
    .map((c) => [
      plain(c.name),
      c.kind + (c.unit === undefined ? "" : ` [${plain(c.unit)}]`),
      String(c.distinct),
      c.missing === 0 ? "" : String(c.missing),
      [c.constant ? "constant" : "", c.identifier ? "row number" : ""].filter((t) => t !== "").join(", "),
      plain(c.examples.slice(0, 3).join(", ")),
    ]);
  const head = ["column", "kind", "different", "missing", "", "for example"].map((h) => color.dim(h));
  for (const text of table([head, ...rows], ["left", "left", "right", "right", "left", "left"])) line(context.err, text);
  if (schema.columns.length > 60) line(context.err, `and ${schema.columns.length - 60} more columns`);
  line(context.err);
}

function closing(context: Context, path: string, roles: Roles): void {
  const color = colorsFor(context.out, context.env);
  const of = roles.target === undefined ? "" : ` of ${plain(roles.target)}`;
  line(
    context.out,
    `Wrote ${color.cyan(path)}: ${roles.task}${of}${roles.machine === undefined ? "" : `, machines by ${plain(roles.machine)}`}.`,
  );
  line(context.out, `Next: ${color.bold(`millwright plan ${path}`)}, then ${color.bold(`millwright simulate ${path}`)}`);
}
