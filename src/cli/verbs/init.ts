/** `millwright init`: looks at a table, asks a few questions (or takes flags), and writes a federation file that runs. */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fail, MillwrightError } from "../../core/errors.js";
import { type InferredSchema, inferSchema } from "../../data/infer.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import { askRoles } from "../init/ask.js";
import { eventRoles } from "../init/events.js";
import type { EventRoles, Roles } from "../init/guess.js";
import { keysOf, kinds, type RoleFlags, rolesOf, withDates } from "../init/roles.js";
import { rateOf, tellsOf } from "../init/tells.js";
import { draftFile, inputsOf } from "../init/write.js";
import { type Verb, wantsJson } from "../program.js";
import { plain, table } from "../show/text.js";
import { writeWhole } from "./files.js";
import { resolvePath, shownPath } from "./numbers.js";

export interface InitOptions extends RoleFlags {
  readonly events?: string;
  readonly out?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

export const initVerb: Verb = (program, run) => {
  program
    .command("init")
    .description("Look at your table, ask a few questions, write a federation file that runs.")
    .argument("<table>", "CSV (plain or gzipped) or Parquet file, or a folder of them")
    .option("--machine <column>", 'column that tells machines apart ("none" for none)')
    .option("--time <column>", 'column that orders the readings of a machine ("none" for none)')
    .option("--target <column>", 'column with the answer ("none" for none)')
    .option("--task <kind>", `what to predict: ${kinds.join(", ")}`)
    .option("--horizon <ahead>", "how far ahead a failure is looked for, such as 24h, or a number of readings")
    .option("--cap <n>", "longest remaining life that is told apart, in readings (task rul)")
    .option("--events <file>", "table of failures or other events of the machines")
    .option("--event-machine <column>", "its column with the machine (default: named as in the readings)")
    .option("--event-time <column>", "its column with the time (default: named as in the readings)")
    .option("--event-kind <column>", 'its column with the kind of event ("none" for none)')
    .option("--sites <n|column>", "number of simulated sites, or the column whose values are the sites")
    .option("--dates <order>", "how dates such as 03/04/2024 are meant: dmy or mdy")
    .option("--out <file>", "federation file to write (default: NAME.yaml beside the table)")
    .option("-y, --yes", "take the proposals, ask nothing")
    .option("--force", "overwrite an existing file")
    .option("--json", "print the schema, the roles and the place of the file as JSON")
    .action((path: string, options: InitOptions, command) =>
      run(async (context) => {
        const { lookAtTable, sampleOfTable } = await import("../../io/source/table.js");
        const { readFederationFile } = await import("../../round/file.js");
        const from = resolvePath(context, path);
        const sample = await sampleOfTable(from);
        const schema = withDates(inferSchema(sample), options.dates);
        const json = wantsJson(command);
        if (!json) showSchema(context, schema);
        const eventsAt = async (path: string, flags: RoleFlags): Promise<EventRoles> => {
          const at = resolvePath(context, path);
          return eventRoles(at, await lookAtTable(at), keysOf(schema, flags), flags);
        };
        const events = options.events === undefined ? undefined : await eventsAt(options.events, options);
        if (events === undefined) refuseEventFlags(options);
        const proposed = rolesOf(schema, options, events);
        const ask = context.interactive && options.yes !== true && !json;
        const chosen = ask
          ? await askRoles(schema, proposed, (path, machine, time) => eventsAt(path, { ...options, machine, time }).catch(wrongWith))
          : proposed;
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
        const beside = (path: string): string => {
          const way = relative(dirname(to), path).replaceAll("\\", "/");
          return way.startsWith(".") ? way : `./${way}`;
        };
        const { machine, time, target, events: table } = chosen.roles;
        const kept = new Set([machine, time, String(chosen.sites)].filter((column) => column !== undefined));
        const tells = chosen.roles.task === "failure" || chosen.roles.task === "class" ? tellsOf(sample, schema, target, kept) : [];
        const rate = rateOf(sample, schema, target);
        const draft = {
          name,
          path: beside(from),
          schema,
          tells,
          ...chosen,
          ...(table === undefined ? {} : { eventsPath: beside(table.path) }),
          ...(rate === undefined ? {} : { rate }),
        };
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
        if (json) writeJson(context, { file: to, roles: chosen.roles, sites: chosen.sites, tells, schema });
        else closing(context, shownPath(context, to), chosen.roles, tells);
        return 0;
      }),
    );
};

/** Flags about a table of events that is not named are a slip, not a wish to be ignored. Errors: USAGE. */
function refuseEventFlags({ eventMachine, eventTime, eventKind }: RoleFlags): void {
  const got = eventMachine ?? eventTime ?? eventKind;
  if (got !== undefined)
    fail("USAGE", { where: "--events", expected: "the table that --event-machine, --event-time and --event-kind speak of", got: "none" });
}

/** What to tell who typed a path at a question: the fault in one line. Other errors go on. */
function wrongWith(error: unknown): string {
  if (error instanceof MillwrightError) return error.message;
  throw error;
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
      [
        c.constant ? "constant" : "",
        c.identifier ? "row number" : "",
        c.stray === undefined ? "" : `not all numbers: ${plain(c.stray.text)}`,
      ]
        .filter((t) => t !== "")
        .join(", "),
      plain(c.examples.slice(0, 3).join(", ")),
    ]);
  const head = ["column", "kind", "different", "missing", "", "for example"].map((h) => color.dim(h));
  for (const text of table([head, ...rows], ["left", "left", "right", "right", "left", "left"])) line(context.err, text);
  if (schema.columns.length > 60) line(context.err, `and ${schema.columns.length - 60} more columns`);
  line(context.err);
}

function closing(context: Context, path: string, roles: Roles, tells: readonly string[]): void {
  const color = colorsFor(context.out, context.env);
  const from = roles.events === undefined ? roles.target : basename(roles.events.path);
  const of = from === undefined ? "" : ` ${roles.events === undefined ? "of" : "by the events of"} ${plain(from)}`;
  line(
    context.out,
    `Wrote ${color.cyan(path)}: ${roles.task}${of}${roles.machine === undefined ? "" : `, machines by ${plain(roles.machine)}`}.`,
  );
  if (tells.length > 0) {
    line(
      context.out,
      `Left out, because they would give the answer away: ${plain(tells.join(", "))}. Put them back under inputs if that is wrong.`,
    );
  }
  line(context.out, `Next: ${color.bold(`millwright plan ${path}`)}, then ${color.bold(`millwright simulate ${path}`)}`);
}
