/** The questions of `init` on a terminal. Each shows the proposal first, so that pressing Enter five times gives a file. */
import { cancel, isCancel, select, text } from "@clack/prompts";
import type { InferredSchema } from "../../data/infer.js";
import { plain } from "../show/text.js";
import { defaultHorizon, type EventRoles, horizonOf, type Roles, type TaskKind, tasksFor } from "./guess.js";

export interface Answers {
  readonly roles: Roles;
  readonly sites: number | string;
}

/** Looks at a table of events for the machines and the clock chosen; says what is wrong where it will not do. */
export type EventReader = (path: string, machine: string, time: string) => Promise<EventRoles | string>;

const none = "\u0000none";

const taskWords: Readonly<Record<TaskKind, string>> = {
  failure: "failure: yes or no",
  class: "class: one of several labels",
  value: "value: a number",
  anomaly: "anomaly: learn what is normal, flag what is not",
  rul: "remaining useful life",
};

/** Asks for the roles; undefined where the user gave up. */
export async function askRoles(schema: InferredSchema, proposed: Answers, events: EventReader): Promise<Answers | undefined> {
  const machine = await askColumn(schema, "Which column tells machines apart?", proposed.roles.machine, []);
  if (machine === undefined) return stopped();
  const time = await askColumn(schema, "Which column orders the readings of a machine?", proposed.roles.time, [machine]);
  if (time === undefined) return stopped();
  const table = machine === none || time === none ? none : await askEvents(proposed.roles.events, (path) => events(path, machine, time));
  if (table === undefined) return stopped();
  const withEvents = table !== none;
  const target = withEvents
    ? (proposed.roles.target ?? none)
    : await askColumn(schema, "Which column holds the answer to predict?", proposed.roles.target, [machine, time]);
  if (target === undefined) return stopped();
  const options = tasksFor(
    schema.columns.find((c) => c.name === target),
    time !== none,
    withEvents,
  );
  if (options.length === 0) {
    cancel("Rows without a time need a column with the answer. Nothing was written.");
    return undefined;
  }
  const task = await select({
    message: "What is to be predicted?",
    options: options.map((kind) => ({ value: kind, label: taskWords[kind] })),
    initialValue: options.includes(proposed.roles.task) ? proposed.roles.task : options[0],
  });
  if (isCancel(task)) return stopped();
  const horizon = task === "failure" && withEvents ? await askHorizon(proposed.roles.horizon, schema, time) : proposed.roles.horizon;
  if (horizon === null) return stopped();
  const columns = schema.columns.map((c) => c.name);
  const sites = await text({
    message: "How many sites shall the simulation have, or which column names the site?",
    initialValue: String(proposed.sites),
    validate: (value) =>
      value !== undefined && (columns.includes(value) || (/^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 10_000))
        ? undefined
        : "a whole number, or the name of a column",
  });
  if (isCancel(sites)) return stopped();
  const role = (value: string): string | undefined => (value === none ? undefined : value);
  return {
    roles: {
      machine: role(machine),
      time: role(time),
      target: role(target),
      task,
      ...(horizon === undefined || (task !== "failure" && task !== "value") ? {} : { horizon }),
      ...(proposed.roles.cap === undefined || task !== "rul" ? {} : { cap: proposed.roles.cap }),
      ...(table === none ? {} : { events: table }),
    },
    sites: columns.includes(sites) ? sites : Number(sites),
  };
}

/** A table of events, `none`, or undefined where the user gave up. */
async function askEvents(
  proposed: EventRoles | undefined,
  read: (path: string) => Promise<EventRoles | string>,
): Promise<EventRoles | typeof none | undefined> {
  let said = "";
  for (let tries = 0; tries < 10; tries++) {
    const path = await text({
      message: `${said}Is there a table of failures or other events? Its path, or Enter for none.`,
      initialValue: proposed?.path ?? "",
    });
    if (isCancel(path)) return undefined;
    if (path === undefined || path.trim() === "") return none;
    const found = await read(path.trim());
    if (typeof found !== "string") return found;
    said = `${plain(found)}\n`;
  }
  return undefined;
}

/** A duration, rows, or null where the user gave up. */
async function askHorizon(proposed: string | number | undefined, schema: InferredSchema, time: string): Promise<string | number | null> {
  const clocked = schema.columns.find((c) => c.name === time)?.kind === "time";
  const answer = await text({
    message: clocked ? "How far ahead shall a failure be seen?" : "How many readings ahead shall a failure be seen?",
    initialValue: String(proposed ?? defaultHorizon(clocked)),
    validate: (value) => (horizonOf(value ?? "", clocked) === undefined ? (clocked ? "such as 24h or 7d" : "a whole number") : undefined),
  });
  return isCancel(answer) ? null : (horizonOf(answer, clocked) ?? null);
}

async function askColumn(
  schema: InferredSchema,
  message: string,
  proposal: string | undefined,
  taken: readonly string[],
): Promise<string | undefined> {
  const options = schema.columns
    .filter((c) => !taken.includes(c.name))
    .map((c) => ({ value: c.name, label: plain(c.name), hint: `${c.kind}, ${c.distinct} different` }));
  const answer = await select({
    message,
    options: [{ value: none, label: "none", hint: "" }, ...options],
    initialValue: proposal ?? none,
    maxItems: 12,
  });
  return isCancel(answer) ? undefined : answer;
}

function stopped(): undefined {
  cancel("Nothing was written.");
  return undefined;
}
