/** A federation file with comments, from a schema and the roles of its columns. Small on purpose: what it leaves away has a default. */
import { stringify } from "yaml";
import type { InferredColumn, InferredSchema } from "../../data/infer.js";
import { count, plain } from "../show/text.js";
import type { Roles } from "./guess.js";

export interface Draft {
  readonly name: string;
  /** Path of the table, relative to the federation file. */
  readonly path: string;
  readonly schema: InferredSchema;
  readonly roles: Roles;
  /** Whether all rows of the table were looked at; `schema.rows` says how many were, `sampled` from how many the schema was inferred. */
  readonly all: boolean;
  readonly sampled: number;
  /** Columns of 0 and 1 that together are the target. */
  readonly flags?: readonly string[];
  /** What the reader of the file should know of the table, a sentence each. */
  readonly notes: readonly string[];
  /** Number of simulated sites, or the column whose values are the sites. */
  readonly sites: number | string;
  /** Path of the table of events, relative to the federation file. */
  readonly eventsPath?: string;
  /** Columns that would give the answer away; they are dropped. */
  readonly tells: readonly string[];
  /** Share of yes among the answers, where known. */
  readonly rate?: number;
}

/**
 * Rows of a window where readings have a clock: a day of hours to start from, less where a machine has so few readings that its last
 * fifth could not hold two windows.
 */
function windowOf(draft: Draft): number {
  const machines = draft.schema.columns.find((c) => c.name === draft.roles.machine)?.distinct ?? 1;
  return Math.max(2, Math.min(24, Math.floor((0.1 * draft.schema.rows) / machines)));
}

/** Columns the model may see: numbers and, as one-hot numbers, categories of few labels. */
export function inputsOf(draft: Pick<Draft, "schema" | "roles" | "sites" | "tells">): {
  numbers: string[];
  categories: string[];
  left: string[];
} {
  const { machine, time, target } = draft.roles;
  const taken = new Set([machine, time, target, typeof draft.sites === "string" ? draft.sites : undefined]);
  const numbers: string[] = [];
  const categories: string[] = [];
  const left: string[] = [];
  for (const column of draft.schema.columns) {
    if (taken.has(column.name)) continue;
    if (draft.tells.includes(column.name)) continue;
    if (column.constant || column.identifier || column.kind === "time" || column.stray !== undefined) left.push(column.name);
    else if (column.kind === "number") numbers.push(column.name);
    else if (column.distinct <= 20) categories.push(column.name);
    else left.push(column.name);
  }
  return { numbers, categories, left };
}

/** One line of YAML for a value, as it stands after a key. */
const inline = (value: unknown): string => stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();

/** The file as text. It is checked by the reader of federation files before it is written. */
export function draftFile(draft: Draft): string {
  const { roles, schema } = draft;
  const { numbers, categories, left } = inputsOf(draft);
  const forecast = roles.task === "value" && roles.time !== undefined && roles.target !== undefined;
  // What will be is best told from what was: a forecast sees the past of its own target.
  const inputs = [...numbers, ...(forecast && roles.target !== undefined ? [roles.target] : []), ...categories];
  const gaps = schema.columns.filter((c) => inputs.includes(c.name) && c.missing > 0);
  const windowed = roles.time !== undefined;
  const byMachine = lastsOneLife(draft);
  const drop = [...left, ...draft.tells];
  const keep = schema.columns.filter((c) => !drop.includes(c.name) && (draft.flags === undefined || c.name !== roles.target));
  const lines = [
    `# A federation over ${draft.path}, written by \`millwright init\` after a look at ${lookedAt(draft)}.`,
    ...draft.notes.map((note) => `# ${plain(note)}`),
    "# Check it with `millwright plan`, run it with `millwright simulate`. Every key is explained in docs/federation-file.md.",
    `federation: ${draft.name}`,
    "",
    "# What is predicted.",
    `task: ${inline(taskOf(draft, windowed, byMachine))}`,
    "",
    "data:",
    "  use: table",
    `  path: ${inline(draft.path)}`,
    ...(roles.machine === undefined ? [] : [`  machine: ${inline(roles.machine)} # the column that tells machines apart`]),
    ...(roles.time === undefined ? [] : [`  time: ${inline(roles.time)}`]),
    ...(roles.target === undefined ? [] : [`  target: ${inline(roles.target)}`]),
    ...(draft.flags === undefined
      ? []
      : [`  flags: ${inline(draft.flags)} # exactly one of them is 1 in every row: its name is the target`]),
    ...(roles.time === undefined ? ["  # No time column: every row stands alone."] : []),
    `  inputs: ${inline(inputs)}`,
    ...(draft.tells.length === 0
      ? []
      : [`  # ${inline(draft.tells)} would give the answer away: they go with it too closely to be known before it.`]),
    ...(drop.length === 0
      ? []
      : [
          `  drop: ${inline(drop)}${left.length === 0 ? "" : " # one value only, a row number, too many different names, or a cell that does not fit"}`,
        ]),
    ...eventLines(draft),
    "  # What each column holds, as far as it was looked at. A row that does not fit is refused with its place.",
    "  columns:",
    ...keep.map((c) => `    ${inline(c.name)}: ${inline(columnOf(c, draft))}${remark(c)}`),
    "",
    "# Scaling is federated: sites send counts, sums and sums of squares, never rows.",
    "features:",
    "  - { use: scale }",
    ...(categories.length === 0 ? [] : [`  - { use: one-hot, columns: ${inline(categories)}, missing: zeros }`]),
    ...(gaps.length === 0
      ? []
      : [`  - { use: impute } # ${gaps.length} columns have gaps: filled with the mean, which is 0 after scaling`]),
    "",
    ...siteLines(draft),
    "",
    "# Which rows are kept for the test; nothing is learned or chosen on them.",
    `split: ${splitOf(draft, byMachine)}`,
    "",
    ...modelLines(draft, windowed),
    "",
    ...trainingLines(draft),
    "rounds: 20",
    "average: { last: 5 } # the final model is the mean of the last five global ones",
    "aggregate: { use: mean }",
    "seed: 7",
    "",
  ];
  return lines.join("\n");
}

/** How far the look at the table went: "all its 480 rows", or what was left out. */
export function lookedAt({ schema, sampled, all }: Pick<Draft, "schema" | "sampled" | "all">): string {
  const { rows } = schema;
  if (all && rows <= sampled) return `all its ${count(rows)} rows`;
  const kinds = `what the columns are by the first ${count(sampled)}`;
  return all ? `all its ${count(rows)} rows (${kinds})` : `its first ${count(rows)} rows only (${kinds}); what comes after was not seen`;
}

function taskOf(draft: Draft, windowed: boolean, byMachine: boolean): Record<string, unknown> {
  const { task, target, time, horizon, cap } = draft.roles;
  const column = draft.schema.columns.find((c) => c.name === target);
  const positive = task === "failure" || task === "anomaly" ? positiveOf(column) : undefined;
  return {
    kind: task,
    ...(windowed || task === "anomaly" ? { window: windowOf(draft) } : {}),
    ...(task === "value" && time !== undefined ? { horizon: horizon ?? 1 } : {}),
    ...(task === "failure" && horizon !== undefined ? { horizon } : {}),
    // Lives that go on after an event are judged at every window; a machine that ends with its event at its last one.
    ...(task === "rul" ? { cap: cap ?? capOf(draft), ...(byMachine ? {} : { evaluate: "all" }) } : {}),
    ...(positive === undefined ? {} : { positive }),
  };
}

/** Rows of remaining life that are told apart when nobody says: half of what a machine shows, at most 125. */
function capOf(draft: Draft): number {
  const machines = draft.schema.columns.find((c) => c.name === draft.roles.machine)?.distinct ?? 1;
  return Math.max(2, Math.min(125, Math.floor(draft.schema.rows / machines / 2)));
}

/** Machines that run until their one event, enough of them to test on machines the model has not seen. */
function lastsOneLife(draft: Draft): boolean {
  const { events, task } = draft.roles;
  if (task !== "rul" || events === undefined || typeof draft.sites === "string") return false;
  return events.count === events.machines && events.machines >= 5 * draft.sites;
}

function eventLines(draft: Draft): string[] {
  const { events } = draft.roles;
  if (events === undefined || draft.eventsPath === undefined) return [];
  const { machine, time, kind, dates } = events;
  const entry = {
    path: draft.eventsPath,
    machine,
    time,
    ...(kind === undefined ? {} : { kind }),
    ...(dates === undefined ? {} : { dates }),
  };
  return ["  # What happened to which machine, and when. `values: [...]` would count some kinds only.", `  events: ${inline(entry)}`];
}

/** Rare answers weigh more, or the network learns to say no and nothing else: the root of the imbalance, at most 10. */
function trainingLines(draft: Draft): string[] {
  const shared = "optimizer: { use: adam, learningRate: 0.003 }, epochs: 2, batch: 64, schedule: cosine";
  if (draft.roles.task !== "failure") return [`training: { ${shared} }`];
  const ahead = draft.roles.horizon !== undefined;
  const rate = ahead ? undefined : draft.rate;
  const weight = rate === undefined || rate <= 0 ? 10 : Math.max(1, Math.min(10, Math.round(Math.sqrt((1 - rate) / rate))));
  if (weight === 1) return [`training: { ${shared} }`];
  return ["# Failures are rare: each counts as several.", `training: { ${shared}, loss: { use: bce, positiveWeight: ${weight} } }`];
}

/** Truth columns become 0 and 1 when they are read, so only text needs its positive word named. */
function positiveOf(column: InferredColumn | undefined): string | undefined {
  if (column === undefined || column.kind !== "category") return undefined;
  return column.examples.find((e) => /^(1|yes|true|fail|failure|fault|anomaly|bad|defect|broken)/i.test(e));
}

function columnOf(column: InferredColumn, draft: Draft): Record<string, unknown> {
  const name = column.name === draft.roles.machine || column.name === draft.sites;
  const kind = name || (draft.roles.task === "class" && column.name === draft.roles.target) ? "category" : column.kind;
  return {
    kind,
    ...(column.unit === undefined || kind !== "number" ? {} : { unit: column.unit }),
    ...(kind === "time" && column.format !== undefined ? { format: column.format } : {}),
  };
}

function remark(column: InferredColumn): string {
  const parts = [
    column.kind === "number" && column.min !== undefined && column.max !== undefined ? `${short(column.min)} to ${short(column.max)}` : "",
    column.kind === "category" ? `${column.distinct} labels` : "",
    column.missing > 0 ? `${column.missing} missing` : "",
  ].filter((p) => p !== "");
  return parts.length === 0 ? "" : ` # ${parts.join(", ")}`;
}

const short = (value: number): string => String(Number(value.toPrecision(4)));

function siteLines(draft: Draft): string[] {
  if (typeof draft.sites === "string") {
    return ["# Every value of this column is a site of the federation.", `sites: { use: by, column: ${inline(draft.sites)} }`];
  }
  if (draft.roles.machine === undefined && draft.roles.time !== undefined) {
    return ["# One machine, so the simulated sites are stretches of its time.", `sites: { use: time, count: ${draft.sites} }`];
  }
  const what = draft.roles.machine === undefined ? "rows" : "machines";
  return [
    `# For the simulation the ${what} are dealt to sites at random; use { use: by, column: ... } if a column names the plant.`,
    `sites: { use: iid, count: ${draft.sites} }`,
  ];
}

function splitOf(draft: Draft, byMachine: boolean): string {
  if (byMachine) return "{ by: machine, validation: 0.15, test: 0.2 } # whole machines that training never sees";
  if (draft.roles.time !== undefined) return "{ by: time, validation: 0.15, test: 0.2 } # the last fifth in time";
  return "{ by: rows, validation: 0.15, test: 0.2 }";
}

function modelLines(draft: Draft, windowed: boolean): string[] {
  if (draft.roles.task === "anomaly")
    return ["# Learns to redraw normal windows; what it cannot redraw is strange.", "model: { use: autoencoder }"];
  if (windowed) return [`# Looks at ${windowOf(draft)} readings in a row.`, "model: { use: gru }"];
  return ["model: { use: mlp, hidden: [32, 16] }"];
}
