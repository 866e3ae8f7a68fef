/** The questions of `init`. Each shows the proposal first, so that pressing Enter a few times gives a file. */
import type { InferredSchema } from "../../data/infer.js";
import { plain } from "../show/text.js";
import { defaultHorizon, type EventRoles, horizonOf, type Roles, type TaskKind, tasksFor } from "./guess.js";
import type { Prompts } from "./prompts.js";

export interface Answers {
  readonly roles: Roles;
  readonly sites: number | string;
}

/** Looks at a table of events for the machines and the clock chosen; says what is wrong where it will not do. */
export type EventReader = (path: string, machine: string, time: string) => Promise<EventRoles | string>;

const none = "\u0000none";
/** Paths of events that are tried before the conversation ends. */
const mostTries = 10;

const taskWords: Readonly<Record<TaskKind, string>> = {
  failure: "failure: yes or no",
  class: "class: one of several labels",
  value: "value: a number",
  anomaly: "anomaly: learn what is normal, flag what is not",
  rul: "remaining useful life",
};

/** Asks for the roles; undefined where the user gave up. */
export async function askRoles(
  schema: InferredSchema,
  proposed: Answers,
  events: EventReader,
  prompts: Prompts,
): Promise<Answers | undefined> {
  const answers = await converse(schema, proposed, events, prompts);
  if (answers === undefined) prompts.stop("Nothing was written.");
  else if (typeof answers === "string") prompts.stop(answers);
  return typeof answers === "object" ? answers : undefined;
}

/** The answers; undefined where the user gave up, a text where the answers so far leave nothing to predict. */
async function converse(
  schema: InferredSchema,
  { roles: proposed, sites: proposedSites }: Answers,
  events: EventReader,
  prompts: Prompts,
): Promise<Answers | string | undefined> {
  const machine = await askColumn(schema, "Which column tells machines apart?", proposed.machine, [], prompts);
  if (machine === undefined) return undefined;
  const time = await askColumn(schema, "Which column orders the readings of a machine?", proposed.time, [machine], prompts);
  if (time === undefined) return undefined;
  const table = machine === none || time === none ? none : await askEvents(proposed.events, (path) => events(path, machine, time), prompts);
  if (table === undefined) return undefined;
  const withEvents = table !== none;
  const target = withEvents
    ? (proposed.target ?? none)
    : await askColumn(schema, "Which column holds the answer to predict?", proposed.target, [machine, time], prompts);
  if (target === undefined) return undefined;
  const column = schema.columns.find((c) => c.name === target);
  const options = tasksFor(column, time !== none, withEvents);
  if (options.length === 0) return "Rows without a time need a column with the answer. Nothing was written.";
  const task = await prompts.choose(
    "What is to be predicted?",
    options.map((kind) => ({ value: kind, label: taskWords[kind] })),
    options.includes(proposed.task) ? proposed.task : options[0],
  );
  if (task === undefined) return undefined;
  const horizon = task === "failure" && withEvents ? await askHorizon(proposed.horizon, schema, time, prompts) : proposed.horizon;
  if (horizon === null) return undefined;
  const sites = await askSites(schema, proposedSites, prompts);
  if (sites === undefined) return undefined;
  const role = (value: string): string | undefined => (value === none ? undefined : value);
  return {
    roles: {
      machine: role(machine),
      time: role(time),
      target: role(target),
      task,
      ...(horizon === undefined || (task !== "failure" && task !== "value") ? {} : { horizon }),
      ...(proposed.cap === undefined || task !== "rul" ? {} : { cap: proposed.cap }),
      ...(table === none ? {} : { events: table }),
    },
    sites,
  };
}

/** A table of events, `none`, or undefined where the user gave up. */
async function askEvents(
  proposed: EventRoles | undefined,
  read: (path: string) => Promise<EventRoles | string>,
  prompts: Prompts,
): Promise<EventRoles | typeof none | undefined> {
  let said = "";
  for (let tries = 0; tries < mostTries; tries++) {
    const question = "Is there a table of failures or other events? Its path, or Enter for none.";
    const path = await prompts.type(`${said}${question}`, proposed?.path ?? "");
    if (path === undefined) return undefined;
    if (path.trim() === "") return none;
    const found = await read(path.trim());
    if (typeof found !== "string") return found;
    said = `${plain(found)}\n`;
  }
  return undefined;
}

/** A duration, rows, or null where the user gave up. */
async function askHorizon(
  proposed: string | number | undefined,
  schema: InferredSchema,
  time: string,
  prompts: Prompts,
): Promise<string | number | null> {
  const clocked = schema.columns.find((c) => c.name === time)?.kind === "time";
  const answer = await prompts.type(
    clocked ? "How far ahead shall a failure be seen?" : "How many readings ahead shall a failure be seen?",
    String(proposed ?? defaultHorizon(clocked)),
    (value) => (horizonOf(value, clocked) === undefined ? (clocked ? "such as 24h or 7d" : "a whole number") : undefined),
  );
  return answer === undefined ? null : (horizonOf(answer, clocked) ?? null);
}

async function askSites(schema: InferredSchema, proposed: number | string, prompts: Prompts): Promise<number | string | undefined> {
  const columns = schema.columns.map((c) => c.name);
  const answer = await prompts.type(
    "How many sites shall the simulation have, or which column names the site?",
    String(proposed),
    (value) =>
      columns.includes(value) || (/^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 10_000)
        ? undefined
        : "a whole number, or the name of a column",
  );
  if (answer === undefined) return undefined;
  return columns.includes(answer) ? answer : Number(answer);
}

async function askColumn(
  schema: InferredSchema,
  message: string,
  proposal: string | undefined,
  taken: readonly string[],
  prompts: Prompts,
): Promise<string | undefined> {
  const columns = schema.columns
    .filter((c) => !taken.includes(c.name))
    .map((c) => ({ value: c.name, label: plain(c.name), hint: `${c.kind}, ${c.distinct} different` }));
  return prompts.choose(message, [{ value: none, label: "none", hint: "" }, ...columns], proposal ?? none);
}
