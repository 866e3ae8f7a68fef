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
  const machine = columns.find((c) => machineNames.test(words(c.name)) && groups(c, schema.rows));
  const time =
    columns.find((c) => c.kind === "time") ??
    (machine === undefined ? undefined : columns.find((c) => c !== machine && c.kind === "number" && timeNames.test(words(c.name))));
  const free = columns.filter((c) => c !== machine && c !== time && !c.constant);
  const target =
    free.find((c) => failureNames.test(c.name) && c.truth !== undefined) ??
    free.find((c) => anomalyNames.test(c.name)) ??
    free.find((c) => failureNames.test(c.name) && c.distinct <= fewClasses) ??
    free.find((c) => lifeNames.test(words(c.name))) ??
    free.find((c) => targetNames.test(words(c.name)));
  return {
    ...(machine === undefined ? {} : { machine: machine.name }),
    ...(time === undefined ? {} : { time: time.name }),
    ...(target === undefined ? {} : { target: target.name }),
    task: target === undefined ? "anomaly" : taskOf(target),
  };
}

/** A machine has many rows: a column with as many values as rows names rows, not machines. */
const groups = (column: InferredColumn, rows: number): boolean =>
  column.kind !== "time" && column.distinct >= 2 && column.distinct * 2 <= rows && !Number.isNaN(column.distinct);

/** The task that a target column suggests by its values and its name. */
export function taskOf(target: InferredColumn): TaskKind {
  if (anomalyNames.test(target.name)) return "anomaly";
  if (target.truth !== undefined) return "failure";
  if (target.kind === "category") return "class";
  const wholeNumbers = Number.isInteger(target.min ?? 0.5) && Number.isInteger(target.max ?? 0.5);
  if (target.distinct <= fewClasses && wholeNumbers && !lifeNames.test(words(target.name))) return "class";
  return "value";
}

/** Tasks that a target column can serve; without a target only anomalies can be sought. */
export function tasksFor(target: InferredColumn | undefined): TaskKind[] {
  if (target === undefined) return ["anomaly"];
  if (target.truth !== undefined) return ["failure", "anomaly", "class"];
  if (target.kind === "category") return ["class", "anomaly"];
  return target.distinct <= fewClasses ? ["class", "value"] : ["value"];
}
