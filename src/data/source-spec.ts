/**
 * The `data:` key of a federation file: the built-in fleet, a named data set, a table of the user's, or a module.
 *
 * Which fields are allowed follows from `use`; an unknown field is a fault. `data: ccpp` is short for `data: { use: ccpp }`.
 */
import { z } from "zod";
import { fleetSchema } from "./fleet/spec.js";
import { timeFormats } from "./schema-time.js";

const text = z.string().min(1).max(1024);
const columnName = z.string().min(1).max(256);
/** A duration with a unit, as in core/duration. */
const duration = z.string().regex(/^\d+(?:\.\d+)?\s*(?:ms|s|min|h|d|w)$/, 'expected a duration with a unit, such as "15min" or "1h"');

/** How one column of the user's table is written. Fixes what inference would otherwise decide. */
const columnSchema = z.strictObject({
  kind: z.enum(["number", "time", "category"]),
  unit: z.string().max(32).optional(),
  format: z.enum(timeFormats).optional(),
  labels: z.array(z.string()).max(10_000).optional(),
});

const fileSchema = {
  /** File or folder, relative to the federation file. All files of a folder, sorted by name, are one table. */
  path: text,
  format: z.enum(["csv", "parquet"]).optional(),
  /** duckdb reads tables larger than memory; it needs the optional package @duckdb/node-api. */
  engine: z.enum(["builtin", "duckdb"]).optional(),
  delimiter: z.enum([",", ";", "\t", "|", " "]).optional(),
  decimal: z.enum([".", ","]).optional(),
  header: z.boolean().optional(),
  encoding: z.enum(["utf-8", "windows-1252", "utf-16le"]).optional(),
};

const tableFields = z.strictObject({
  use: z.literal("table"),
  ...fileSchema,
  /** Adds a category column of that name with the name of the file each row came from (without its ending). */
  fileColumn: columnName.optional(),
  machine: columnName.optional(),
  time: columnName.optional(),
  /** Time between two readings; found in the data where it is regular. */
  step: duration.optional(),
  /** Default: every number column that is not constant, not a row number and has no other role. */
  inputs: z
    .array(columnName)
    .min(1)
    .max(4096)
    .refine((names) => new Set(names).size === names.length, "every column once")
    .optional(),
  target: columnName.optional(),
  /** Columns of 0 and 1, exactly one of which is 1 in every row: together they are the target, a class named by the column. */
  flags: z
    .array(columnName)
    .min(2)
    .max(1000)
    .refine((names) => new Set(names).size === names.length, "every column once")
    .optional(),
  split: columnName.optional(),
  events: z
    .strictObject({
      ...fileSchema,
      machine: columnName,
      time: columnName,
      kind: columnName.optional(),
      /** How dates such as 03/04/2024 in it are meant, where its rows leave that open. */
      dates: z.enum(["dmy", "mdy"]).optional(),
      /** Only these kinds of event count; default all. */
      values: z.array(z.string()).min(1).optional(),
    })
    .optional(),
  /** Columns to read as categories although they look like numbers. */
  categories: z.array(columnName).optional(),
  units: z.record(columnName, z.string().max(32)).optional(),
  drop: z.array(columnName).optional(),
  columns: z.record(columnName, columnSchema).optional(),
  /** Zone of times that name none: "UTC" (default), an offset such as "+02:00", or an IANA name such as "Europe/Berlin". */
  timezone: z.string().min(1).max(64).optional(),
});

export const tableSourceSchema = tableFields
  .refine(({ flags, target }) => flags === undefined || target !== undefined, {
    path: ["target"],
    error: "expected a name for what the flags tell, got none",
  })
  .refine(
    ({ flags, target, inputs, machine, time, split }) =>
      ![target, machine, time, split, ...(inputs ?? [])].some((n) => flags?.includes(n ?? "")),
    {
      path: ["flags"],
      error: "expected columns without another role, for they are the answer",
    },
  );

/** Named data sets with their options. A new set is one line here, one loader and one line in its registry. */
const sets = {
  cmapss: z.strictObject({
    use: z.literal("cmapss"),
    set: z.enum(["FD001", "FD002", "FD003", "FD004"]),
    /** Test engines count back from at most this remaining life at their last cycle, as some published protocols have it. */
    lifeCap: z.int().positive().optional(),
  }),
  "azure-pdm": z.strictObject({ use: z.literal("azure-pdm") }),
  ai4i2020: z.strictObject({ use: z.literal("ai4i2020") }),
  skab: z.strictObject({
    use: z.literal("skab"),
    groups: z
      .array(z.enum(["valve1", "valve2", "other", "anomaly-free"]))
      .min(1)
      .optional(),
  }),
  secom: z.strictObject({ use: z.literal("secom") }),
  "steel-plates-faults": z.strictObject({ use: z.literal("steel-plates-faults") }),
  "neu-surface-defects": z.strictObject({ use: z.literal("neu-surface-defects") }),
  "hydraulic-systems": z.strictObject({
    use: z.literal("hydraulic-systems"),
    target: z.enum(["cooler", "valve", "pump", "accumulator", "stable"]).optional(),
    /** statistics: five numbers per sensor and cycle. sequence: the cycle itself, 60 seconds of 17 sensors. */
    mode: z.enum(["statistics", "sequence"]).optional(),
  }),
  ccpp: z.strictObject({ use: z.literal("ccpp") }),
  "steel-industry-energy": z.strictObject({ use: z.literal("steel-industry-energy") }),
} as const;

/** Names of the data sets that can be fetched. */
export const setNames = Object.keys(sets) as readonly SetName[];
export type SetName = keyof typeof sets;
export type SetSource = { [K in SetName]: z.infer<(typeof sets)[K]> }[SetName];
export type TableSource = z.infer<typeof tableSourceSchema>;
export type FleetSource = z.infer<typeof fleetSchema>;
/** A module of the user's that default-exports `async ({ options, folder }) => Dataset`; every other field is handed to it. */
export interface ModuleSource {
  readonly use: `./${string}` | `../${string}` | `/${string}`;
  readonly [option: string]: unknown;
}
export type DataSpec = FleetSource | SetSource | TableSource | ModuleSource;

const variants: Readonly<Record<string, z.ZodType>> = { fleet: fleetSchema, table: tableSourceSchema, ...sets };

/** True for `use: ./my-source.mjs`. */
export function isModuleSource(spec: DataSpec): spec is ModuleSource {
  return /^(?:\.{0,2}\/).+\.(?:mjs|js)$/.test(spec.use);
}

/** Checks `data:` and reports the faults of the one variant that `use` names, with their paths. */
export const dataSpecSchema = z.unknown().transform((value, context): DataSpec => {
  const spec = typeof value === "string" ? { use: value } : value;
  const use = typeof spec === "object" && spec !== null && "use" in spec ? spec.use : undefined;
  if (typeof use === "string" && isModuleSource({ use } as ModuleSource)) return spec as ModuleSource;
  const variant = typeof use === "string" && Object.hasOwn(variants, use) ? variants[use] : undefined;
  if (variant === undefined) {
    context.issues.push({
      code: "custom",
      path: ["use"],
      input: use,
      message: `expected one of ${Object.keys(variants).join(", ")}, or a path to a module such as ./my-source.mjs; got ${JSON.stringify(use)}`,
    });
    return z.NEVER;
  }
  const checked = variant.safeParse(spec);
  if (checked.success) return checked.data as DataSpec;
  for (const issue of checked.error.issues) {
    context.issues.push({ ...issue, input: spec } as (typeof context.issues)[number]);
  }
  return z.NEVER;
});
