/** From the flags of `init` to the roles of the columns: the proposal, with what the user says put over it. */
import { fail } from "../../core/errors.js";
import type { InferredColumn, InferredSchema } from "../../data/infer.js";
import type { EventFlags } from "./events.js";
import { defaultHorizon, type EventRoles, guessRoles, horizonOf, type Roles, type TaskKind, taskOf, tasksFor } from "./guess.js";

export interface RoleFlags extends EventFlags {
  readonly machine?: string;
  readonly time?: string;
  readonly target?: string;
  readonly task?: string;
  readonly sites?: string;
  readonly horizon?: string;
  readonly cap?: string;
}

export const kinds: readonly TaskKind[] = ["failure", "rul", "class", "value", "anomaly"];

/** The columns of the readings that events are matched by. Errors: USAGE for columns that are not there. */
export function keysOf(
  schema: InferredSchema,
  flags: RoleFlags,
): { machine: InferredColumn | undefined; time: InferredColumn | undefined } {
  const guess = guessRoles(schema);
  const find = (name: string | undefined): InferredColumn | undefined => schema.columns.find((c) => c.name === name);
  return {
    machine: find(choose(schema, "--machine", flags.machine, guess.machine)),
    time: find(choose(schema, "--time", flags.time, guess.time)),
  };
}

/** The proposal, with what the flags say put over it. Errors: USAGE for columns that are not there and for what does not go together. */
export function rolesOf(
  schema: InferredSchema,
  flags: RoleFlags,
  events: EventRoles | undefined,
): { roles: Roles; sites: number | string } {
  const { machine, time } = keysOf(schema, flags);
  const guess = guessRoles(schema);
  const guessed = [machine?.name, time?.name].includes(guess.target) ? undefined : guess.target;
  const target = choose(schema, "--target", flags.target, guessed);
  const column = schema.columns.find((c) => c.name === target);
  if (flags.task !== undefined && !kinds.includes(flags.task as TaskKind)) {
    fail("USAGE", { where: "--task", expected: `one of ${kinds.join(", ")}`, got: flags.task });
  }
  const timed = time !== undefined;
  const open = tasksFor(column, timed, events !== undefined);
  const proposal = events !== undefined ? "failure" : column === undefined ? "anomaly" : taskOf(column, timed);
  const task = (flags.task as TaskKind | undefined) ?? proposal;
  if (!open.includes(task)) {
    if (column === undefined) refuseWithoutTarget(task, timed);
    if (task === "rul" || task === "anomaly") refuseUntimed(task, timed, column);
    fail("USAGE", {
      where: "--task",
      expected: `one of ${open.join(", ")} for column ${column.name} (${column.kind}, ${column.distinct} different values)`,
      got: task,
    });
  }
  const horizon = readHorizon(flags, task, time?.kind === "time", events !== undefined, timed);
  const cap = readCap(flags, task);
  return {
    roles: {
      machine: machine?.name,
      time: time?.name,
      target,
      task,
      ...(horizon === undefined ? {} : { horizon }),
      ...(cap === undefined ? {} : { cap }),
      ...(events === undefined ? {} : { events }),
    },
    sites: sitesOf(schema, flags.sites, machine?.name),
  };
}

function choose(schema: InferredSchema, flag: string, given: string | undefined, proposal: string | undefined): string | undefined {
  if (given === undefined) return proposal;
  if (given === "none") return undefined;
  const names = schema.columns.map((c) => c.name);
  if (!names.includes(given)) fail("USAGE", { where: flag, expected: `one of ${names.join(", ")}, or none`, got: given });
  return given;
}

function refuseWithoutTarget(task: TaskKind, timed: boolean): never {
  if (task === "anomaly" && !timed) refuseUntimed(task, timed, undefined);
  const events = task === "failure" || task === "rul";
  fail("USAGE", {
    where: "--target",
    expected: `a column with the answer for a ${task} task`,
    got: "none",
    remedy: events ? "name it with --target, or a table of events with --events" : "name it with --target",
  });
}

function refuseUntimed(task: TaskKind, timed: boolean, column: InferredColumn | undefined): void {
  if (timed && column?.truth !== undefined) return;
  if (!timed) {
    const remedy = "name the column that orders the readings with --time, or the column with the answer with --target";
    fail("USAGE", { where: "--task", expected: `readings in time for a task of kind ${task}`, got: "no time column", remedy });
  }
  if (task === "rul") {
    fail("USAGE", {
      where: "--task",
      expected: "a table of events, or a yes-or-no column that marks the ends of lives, for remaining life",
      got: column === undefined ? "neither" : `column ${column.name} (${column.kind}, ${column.distinct} different values)`,
      remedy: "give --events FILE; a column that already holds the remaining life is a task of kind value",
    });
  }
}

function readHorizon(flags: RoleFlags, task: TaskKind, clocked: boolean, events: boolean, timed: boolean): string | number | undefined {
  if (flags.horizon === undefined) return task === "failure" && events ? defaultHorizon(clocked) : undefined;
  if (!timed || (task !== "failure" && task !== "value")) {
    const got = timed ? `a task of kind ${task}` : "no time column";
    fail("USAGE", { where: "--horizon", expected: "a failure or value task on readings in time", got });
  }
  const horizon = horizonOf(flags.horizon, clocked);
  const expected = clocked ? 'a duration such as "24h", or a whole number of readings' : "a whole number of readings (there is no clock)";
  return horizon ?? fail("USAGE", { where: "--horizon", expected, got: flags.horizon });
}

function readCap(flags: RoleFlags, task: TaskKind): number | undefined {
  if (flags.cap === undefined) return undefined;
  if (task !== "rul") fail("USAGE", { where: "--cap", expected: "a task of kind rul", got: task });
  if (!/^[1-9]\d{0,5}$/.test(flags.cap)) fail("USAGE", { where: "--cap", expected: "a whole number of readings", got: flags.cap });
  return Number(flags.cap);
}

/** Dates that can be read two ways are read as the user says, or not at all. Errors: USAGE, DATA_INVALID. */
export function withDates(schema: InferredSchema, order: string | undefined): InferredSchema {
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
