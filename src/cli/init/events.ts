/**
 * The table of events beside the readings: which of its columns names the machine, which the moment, which the kind.
 * As everywhere in `init` this is a proposal; flags go before it, and what is missing is refused with the flag that says it.
 */
import { fail } from "../../core/errors.js";
import type { InferredColumn, InferredSchema } from "../../data/infer.js";
import type { EventRoles } from "./guess.js";

export interface EventFlags {
  readonly eventMachine?: string;
  readonly eventTime?: string;
  readonly eventKind?: string;
  readonly dates?: string;
}

const kindNames = /kind|type|failure|fault|event|code|comp/i;
const mostKinds = 100;

/** Roles of the columns of an event table. Errors: USAGE where a column is unnamed or not there, DATA_INVALID for open dates. */
export function eventRoles(
  path: string,
  schema: InferredSchema,
  readings: { readonly machine: InferredColumn | undefined; readonly time: InferredColumn | undefined },
  flags: EventFlags,
): EventRoles {
  const { machine: readingsMachine, time: readingsTime } = readings;
  if (readingsMachine === undefined || readingsTime === undefined) {
    fail("USAGE", {
      where: "--events",
      expected: "readings with a machine and a time, which events are matched by",
      got: readingsMachine === undefined ? "no machine column" : "no time column",
      remedy: "name them with --machine and --time",
    });
  }
  const names = schema.columns.map((column) => column.name);
  const find = (flag: string, given: string | undefined, proposal: InferredColumn | undefined): InferredColumn => {
    const column = given === undefined ? proposal : schema.columns.find((c) => c.name === given);
    return column ?? fail("USAGE", { where: flag, expected: `one of ${names.join(", ")}`, got: given ?? "none that suggests itself" });
  };
  const same = (name: string): InferredColumn | undefined =>
    schema.columns.find((c) => c.name === name) ?? schema.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
  const machine = find("--event-machine", flags.eventMachine, same(readingsMachine.name));
  const time = find(
    "--event-time",
    flags.eventTime,
    same(readingsTime.name) ?? schema.columns.find((c) => c !== machine && c.kind === readingsTime.kind && c.kind === "time"),
  );
  if (time.kind !== readingsTime.kind) {
    fail("USAGE", {
      where: "--event-time",
      expected: `the clock of the readings (${readingsTime.kind})`,
      got: `${time.name} (${time.kind})`,
    });
  }
  const others = schema.columns.filter((c) => c !== machine && c !== time);
  const proposed = others.find((c) => c.kind === "category" && c.distinct <= mostKinds && kindNames.test(c.name));
  const kind =
    flags.eventKind === "none" ? undefined : flags.eventKind === undefined ? proposed : find("--event-kind", flags.eventKind, undefined);
  const dates = time.ambiguous === undefined ? undefined : (flags.dates as "dmy" | "mdy" | undefined);
  if (time.ambiguous !== undefined && dates === undefined) {
    fail("DATA_INVALID", {
      where: `column "${time.name}" of the events`,
      expected: "dates that can be read one way only",
      got: JSON.stringify(time.ambiguous.text),
      remedy: "say how with --dates dmy or --dates mdy",
    });
  }
  return {
    path,
    machine: machine.name,
    time: time.name,
    ...(kind === undefined ? {} : { kind: kind.name }),
    ...(dates === undefined ? {} : { dates }),
    count: schema.rows,
    machines: machine.distinct,
  };
}
