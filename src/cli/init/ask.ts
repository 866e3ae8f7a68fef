/** The questions of `init` on a terminal. Each shows the proposal first, so that pressing Enter five times gives a file. */
import { cancel, isCancel, select, text } from "@clack/prompts";
import type { InferredSchema } from "../../data/infer.js";
import { plain } from "../show/text.js";
import { type Roles, type TaskKind, tasksFor } from "./guess.js";

export interface Answers {
  readonly roles: Roles;
  readonly sites: number | string;
}

const none = "\u0000none";

const taskWords: Readonly<Record<TaskKind, string>> = {
  failure: "failure: yes or no",
  class: "class: one of several labels",
  value: "value: a number",
  anomaly: "anomaly: learn what is normal, flag what is not",
  rul: "remaining useful life",
};

/** Asks for the roles; undefined where the user gave up. */
export async function askRoles(schema: InferredSchema, proposed: Answers): Promise<Answers | undefined> {
  const machine = await askColumn(schema, "Which column tells machines apart?", proposed.roles.machine, []);
  if (machine === undefined) return stopped();
  const time = await askColumn(schema, "Which column orders the readings of a machine?", proposed.roles.time, [machine]);
  if (time === undefined) return stopped();
  const target = await askColumn(schema, "Which column holds the answer to predict?", proposed.roles.target, [machine, time]);
  if (target === undefined) return stopped();
  const options = tasksFor(schema.columns.find((c) => c.name === target));
  const task = await select({
    message: "What is to be predicted?",
    options: options.map((kind) => ({ value: kind, label: taskWords[kind] })),
    initialValue: options.includes(proposed.roles.task) ? proposed.roles.task : options[0],
  });
  if (isCancel(task)) return stopped();
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
    roles: { machine: role(machine), time: role(time), target: role(target), task },
    sites: columns.includes(sites) ? sites : Number(sites),
  };
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
