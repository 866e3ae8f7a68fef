/**
 * The site file (site.yaml): what a plant says about itself. Which rows are its own, how its columns are called and measured beside
 * the federation's, whom it dials, how much of the line it takes, and under which policy. The federation file says what is trained;
 * this file stays on the plant and nobody else reads it. Its keys are explained in docs/site-file.md.
 */
import { z } from "zod";
import { type DataSpec, dataSpecSchema } from "../data/source-spec.js";
import { type Policy, policySchema } from "./policy.js";
import { bandwidthSchema, durationText, nameSchema, sizeSchema } from "./site-file-values.js";
import { checkedBy, yamlOf } from "./site-file-yaml.js";

const columnName = z.string().min(1).max(256);

/** How one of my columns becomes one of the federation's. */
export const mappingSchema = z.strictObject({
  from: columnName.describe("my column"),
  /** What my column is measured in, where neither its name nor `data:` says it. */
  unit: z.string().min(1).max(32).optional(),
  /** Category columns: my label -> the federation's. */
  labels: z.record(z.string().max(256), z.string().max(256)).optional(),
  /** Values outside [least, most], in my unit, are reported by `join --check`. */
  range: z
    .tuple([z.number(), z.number()])
    .refine(([least, most]) => least < most, "the smaller value first")
    .optional(),
});

/** "My column" is short for { from: my column }. */
const columnSchema = z.preprocess((value) => (typeof value === "string" ? { from: value } : value), mappingSchema);

/** My part of the federation's own named data set or fleet: for demonstrations, where no plant has rows of its own. */
export interface FederationData {
  readonly use: "federation";
}

const dataSchema = z.unknown().transform((value, context): DataSpec | FederationData => {
  const spec = typeof value === "string" ? { use: value } : value;
  if (isRecord(spec) && spec.use === "federation") {
    for (const key of Object.keys(spec)) {
      if (key === "use") continue;
      context.issues.push({ code: "custom", path: [key], input: spec[key], message: "nothing beside use: federation" });
    }
    return { use: "federation" };
  }
  const checked = dataSpecSchema.safeParse(spec);
  if (checked.success) return checked.data;
  for (const issue of checked.error.issues) context.issues.push({ ...issue, input: spec } as (typeof context.issues)[number]);
  return z.NEVER;
});

/** A path of a policy file, or the policy itself. */
const policyPart = z.unknown().transform((value, context): string | Policy => {
  if (typeof value === "string" && value.length > 0 && value.length <= 1024) return value;
  const checked = policySchema.safeParse(value, { reportInput: true });
  if (checked.success) return checked.data;
  for (const issue of checked.error.issues) context.issues.push(issue as (typeof context.issues)[number]);
  return z.NEVER;
});

const proxySchema = z.union([z.literal("none"), z.string().regex(/^https?:\/\/[^/\s]+\/?$/)], {
  error: 'a proxy such as "http://proxy.plant.example:3128", or "none"',
});

export const siteFileSchema = z.strictObject({
  site: nameSchema.describe("the name this plant was enrolled under"),
  description: z.string().max(2000).optional(),
  coordinator: z
    .string()
    .regex(/^https:\/\/[^/\s]+\/?$/, 'an address such as "https://federation.example:8443"')
    .optional()
    .describe("whom the plant dials; join URL goes before it"),
  data: dataSchema,
  columns: z
    .record(columnName, columnSchema)
    .default({})
    .describe("the federation's column -> mine; columns of the same name need no line"),
  events: z
    .strictObject({ kinds: z.record(z.string().min(1).max(256), z.string().min(1).max(256)) })
    .optional()
    .describe("my kind of event -> the federation's"),
  policy: policyPart.optional().describe("a policy file, or the policy itself"),
  proxy: proxySchema.optional().describe("default: the environment's https_proxy"),
  bandwidth: bandwidthSchema.optional().describe("most of the line that models and updates take"),
  workers: z.int().min(1).max(64).default(1).describe("threads that train"),
  keep: z
    .strictObject({
      outbox: durationText.default("365d").describe("how long the list of what has left is kept"),
      models: z.int().min(1).max(1000).default(3).describe("released models that are kept"),
      size: sizeSchema.default("2GB").describe("most that the plant's data folder may take"),
    })
    .prefault({}),
});

/** A site file as read, every default filled in. */
export type SiteFile = z.output<typeof siteFileSchema>;
/** How one of my columns becomes one of the federation's, as read. */
export type ColumnMapping = z.output<typeof mappingSchema>;

const page = "docs/site-file.md";

/** Reads YAML or JSON text. Errors: FILE_INVALID with every fault found. `where` names the file in messages. */
export const readSiteFile = (text: string, where = "site.yaml"): SiteFile => parseSiteFile(yamlOf(text, where), where);

/** Checks a plain object against the schema and fills in the defaults. Errors: FILE_INVALID with every fault found. */
export const parseSiteFile = (value: unknown, where = "site.yaml"): SiteFile => checkedBy(siteFileSchema, value, where, page);

/** Whether a plant takes its part of the federation's own data instead of rows of its own. */
export const usesFederationData = (file: Pick<SiteFile, "data">): boolean => file.data.use === "federation";

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
