/**
 * From an inferred schema to a proposal: which column names the machine, which the time, which holds the answer, and so which task it is.
 * A proposal is shown and can be changed; nothing here is decided behind the user's back.
 */
import type { InferredColumn, InferredSchema } from "../../data/infer.js";

export type TaskKind = "failure" | "class" | "value" | "anomaly" | "rul";

export interface Roles {
  readonly machine?: string;
  readonly time?: string;
  readonly target?: string;
  readonly task: TaskKind;
  /** failure: how far ahead an event is looked for, "24h" or a number of rows. value: rows ahead. */
  readonly horizon?: string | number;
  /** rul: longest remaining life that is told apart, in rows. */
  readonly cap?: number;
  /** The table of events that failure with a horizon and remaining life are taken from. */
  readonly events?: EventRoles;
}

export interface EventRoles {
  /** Where the table is, as an absolute path. */
  readonly path: string;
  readonly machine: string;
  readonly time: string;
  readonly kind?: string;
  readonly dates?: "dmy" | "mdy";
  /** Events and machines with events in the sample. */
  readonly count: number;
  readonly machines: number;
}

const machineNames = /(^|[^a-z])(machine|unit|engine|asset|device|equipment|turbine|pump|robot|line|serial|vehicle)([^a-z]|$)/i;
const timeNames = /(^|[^a-z])(time|timestamp|date|datetime|cycle|cycles|hour|hours|day|step|t)([^a-z]|$)/i;
const lifeNames = /(^|[^a-z])(rul|remaining|ttf|life)([^a-z]|$)/i;
const failureNames = /fail|fault|breakdown|broken|defect|alarm/i;
const anomalyNames = /anomal|outlier/i;
const targetNames = /(^|[^a-z])(target|label|class|y|output|quality|state|status|condition)([^a-z]|$)/i;

/** A column whose few different numbers are names rather than sizes. */
const fewClasses = 20;

/** A name split where its case changes, so that "machineID" and "unit_nr" are both recognised. */
const words = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, "$1 $2");

export function guessRoles(schema: InferredSchema): Roles {
  const columns = schema.columns;
  // "Machine failure" is an answer, not the name of a machine.
  const answers = (c: InferredColumn): boolean => failureNames.test(c.name) || anomalyNames.test(c.name) || c.truth !== undefined;
  const machine = columns.find((c) => machineNames.test(words(c.name)) && !answers(c) && groups(c, schema.rows));
  const time =
    columns.find((c) => c.kind === "time") ??
    (machine === undefined ? undefined : columns.find((c) => c !== machine && c.kind === "number" && timeNames.test(words(c.name))));
  const free = columns.filter((c) => c !== machine && c !== time && !c.constant);
  const target =
    free.find((c) => failureNames.test(c.name) && c.truth !== undefined) ??
    free.find((c) => anomalyNames.test(c.name)) ??
    free.find((c) => failureNames.test(c.name) && c.distinct <= fewClasses) ??
    free.find((c) => lifeNames.test(words(c.name))) ??
    free.find((c) => targetNames.test(words(c.name))) ??
    // Rows without a clock hold no anomalies in time, and most such tables end with their answer.
    (time === undefined ? free.findLast((c) => !c.identifier && (c.kind === "number" || c.distinct <= fewClasses)) : undefined);
  return {
    ...(machine === undefined ? {} : { machine: machine.name }),
    ...(time === undefined ? {} : { time: time.name }),
    ...(target === undefined ? {} : { target: target.name }),
    task: target === undefined ? "anomaly" : taskOf(target, time !== undefined),
  };
}

/** A machine has many rows: a column with as many values as rows names rows, not machines. */
const groups = (column: InferredColumn, rows: number): boolean =>
  column.kind !== "time" && column.distinct >= 2 && column.distinct * 2 <= rows && !Number.isNaN(column.distinct);

/** The task that a target column suggests by its values and its name. */
export function taskOf(target: InferredColumn, timed: boolean): TaskKind {
  if (timed && anomalyNames.test(target.name)) return "anomaly";
  if (target.truth !== undefined) return "failure";
  if (target.kind === "category") return "class";
  const wholeNumbers = Number.isInteger(target.min ?? 0.5) && Number.isInteger(target.max ?? 0.5);
  if (target.distinct <= fewClasses && wholeNumbers && !lifeNames.test(words(target.name))) return "class";
  return "value";
}

/**
 * Tasks that a target column can serve. Anomalies and remaining life need readings in time; a table of events serves failure and
 * remaining life without a target.
 */
export function tasksFor(target: InferredColumn | undefined, timed: boolean, events = false): TaskKind[] {
  if (events) return ["failure", "rul"];
  const anomaly: TaskKind[] = timed ? ["anomaly"] : [];
  if (target === undefined) return anomaly;
  if (target.truth !== undefined) return ["failure", ...anomaly, "class", ...(timed ? (["rul"] as const) : [])];
  if (target.kind === "category") return ["class", ...anomaly];
  return target.distinct <= fewClasses ? ["class", "value"] : ["value"];
}

/** A day where there is a clock, else as many readings as a window has. */
export const defaultHorizon = (clocked: boolean): string | number => (clocked ? "24h" : 24);

/** A horizon as typed: a duration such as "24h" where there is a clock, or a whole number of readings; undefined for anything else. */
export function horizonOf(text: string, clocked: boolean): string | number | undefined {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  return clocked && /^[1-9]\d{0,8}(\.\d+)?(ms|s|min|h|d|w)$/.test(text) ? text : undefined;
}
