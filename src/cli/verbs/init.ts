/** `millwright init`: looks at a table, asks a few questions (or takes flags), and writes a federation file that runs. */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { parse } from "yaml";
import { fail, MillwrightError } from "../../core/errors.js";
import type { InferredSchema } from "../../data/infer.js";
import { type Context, colorsFor, line, writeJson } from "../context.js";
import type { ExitCode } from "../exit-codes.js";
import { type Answers, askRoles } from "../init/ask.js";
import { eventRoles } from "../init/events.js";
import type { EventRoles } from "../init/guess.js";
import { type Look, lookAt, notesOf } from "../init/look.js";
import { terminalPrompts } from "../init/prompts.js";
import { rehearse, rehearsedCells } from "../init/rehearse.js";
import { keysOf, kinds, type RoleFlags, rolesOf } from "../init/roles.js";
import { tellsOf } from "../init/tells.js";
import { type Draft, draftFile, inputsOf, lookedAt } from "../init/write.js";
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
      run((context) => init(context, resolvePath(context, path), options, wantsJson(command))),
    );
};

async function init(context: Context, from: string, options: InitOptions, json: boolean): Promise<ExitCode> {
  const seen = await lookAt(from, options);
  const schema = seen.folded?.schema ?? seen.schema;
  if (!json) showSchema(context, schema);
  const chosen = await choose(context, schema, options, json);
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
  const draft = await checked(draftOf(seen, chosen, { name, from, to }), to, options.sites !== undefined || chosen.asked);
  const text = draftFile(draft);
  // The reader of federation files has the last word before anything is on disk.
  const { readFederationFile } = await import("../../round/file.js");
  readFederationFile(text, shownPath(context, to));
  writeWhole(to, text);
  const { roles, sites, tells, notes, all } = draft;
  if (json)
    writeJson(context, { file: to, roles, sites, tells, rows: schema.rows, allRows: all, rehearsed: rehearsable(draft), notes, schema });
  else closing(context, shownPath(context, to), draft);
  return 0;
}

/** The roles from flags, proposals and, where a person can be asked, answers; undefined where the person gave up. */
async function choose(
  context: Context,
  schema: InferredSchema,
  options: InitOptions,
  json: boolean,
): Promise<(Answers & { readonly asked: boolean }) | undefined> {
  const { lookAtTable } = await import("../../io/source/table.js");
  const eventsAt = async (path: string, flags: RoleFlags): Promise<EventRoles> => {
    const at = resolvePath(context, path);
    return eventRoles(at, await lookAtTable(at), keysOf(schema, flags), flags);
  };
  const events = options.events === undefined ? undefined : await eventsAt(options.events, options);
  if (events === undefined) refuseEventFlags(options);
  const proposed = rolesOf(schema, options, events);
  if (!context.interactive || options.yes === true || json) return { ...proposed, asked: false };
  const answers = await askRoles(
    schema,
    proposed,
    (path, machine, time) => eventsAt(path, { ...options, machine, time }).catch(wrongWith),
    terminalPrompts(context.input, context.out),
  );
  return answers === undefined ? undefined : { ...answers, asked: answers.sites !== proposed.sites };
}

function draftOf(seen: Look, { roles, sites }: Answers, { name, from, to }: { name: string; from: string; to: string }): Draft {
  const beside = (path: string): string => {
    const way = relative(dirname(to), path).replaceAll("\\", "/");
    return way.startsWith(".") ? way : `./${way}`;
  };
  const { machine, time, target, events } = roles;
  // Whoever answers that one of the flags is the target gets it, and the others are columns again.
  const folded = seen.folded?.group.name === target ? seen.folded : undefined;
  const schema = folded?.schema ?? seen.schema;
  const kept = new Set([machine, time, String(sites)].filter((column) => column !== undefined));
  const tells = roles.task === "failure" || roles.task === "class" ? tellsOf(seen.sample, schema, target, kept) : [];
  const rate = seen.survey.rates.get(target ?? "");
  const draft: Draft = {
    name,
    path: beside(from),
    schema,
    all: seen.all,
    sampled: seen.sample.rows.length,
    tells,
    roles,
    sites,
    notes: notesOf(seen, target),
    ...(folded !== undefined && { flags: folded.group.columns }),
    ...(events !== undefined && { eventsPath: beside(events.path) }),
    ...(rate !== undefined && { rate }),
  };
  const { numbers, categories } = inputsOf(draft);
  if (numbers.length + categories.length === 0) {
    fail("DATA_INVALID", {
      where: from,
      expected: "at least one column a model can learn from",
      got: "none beside machine, time and target",
    });
  }
  return draft;
}

/** Whether a draft can be tried on the whole table before it is written. */
const rehearsable = ({ all, schema }: Draft): boolean => all && schema.rows * schema.columns.length <= rehearsedCells;

/** The draft, or one that runs in its place. Errors: those of the plan, before anything is written. */
async function checked(draft: Draft, to: string, chosen: boolean): Promise<Draft> {
  if (!rehearsable(draft)) return draft;
  const { describePlan } = await import("../../lab/plan.js");
  return rehearse(draft, chosen, (one) => describePlan(parse(draftFile(one)) as object, { folder: dirname(to) }));
}

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

function closing(context: Context, path: string, draft: Draft): void {
  const { roles, tells, notes } = draft;
  const color = colorsFor(context.out, context.env);
  const from = roles.events === undefined ? roles.target : basename(roles.events.path);
  const of = from === undefined ? "" : ` ${roles.events === undefined ? "of" : "by the events of"} ${plain(from)}`;
  const by = roles.machine === undefined ? "" : `, machines by ${plain(roles.machine)}`;
  line(context.out, `Wrote ${color.cyan(path)}: ${roles.task}${of}${by}, after a look at ${lookedAt(draft)}.`);
  for (const note of notes) line(context.out, `- ${plain(note)}`);
  if (tells.length > 0) {
    line(
      context.out,
      `Left out, because they would give the answer away: ${plain(tells.join(", "))}. Put them back under inputs if that is wrong.`,
    );
  }
  if (!rehearsable(draft)) line(context.out, "The table is too large to try the file on all of it here; `millwright plan` does.");
  line(context.out, `Next: ${color.bold(`millwright plan ${path}`)}, then ${color.bold(`millwright simulate ${path}`)}`);
}
