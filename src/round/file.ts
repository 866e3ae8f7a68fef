/**
 * The federation file: one description that `simulate`, and later `serve` and `join`, run. Unknown fields are refused; faults name the
 * path, what was expected and what was got, all of them at once. Each domain owns the schema of its own part.
 */
import { parseDocument } from "yaml";
import { z } from "zod";
import { ruleSchema } from "../aggregation/registry.js";
import { type ErrorDetail, MillwrightError } from "../core/errors.js";
import { dataPlanShape } from "../data/pipeline.js";
import { dataSpecSchema } from "../data/source-spec.js";
import { thresholdSchema } from "../evaluation/threshold-spec.js";
import { modelPartSchema } from "../model/module.js";
import { trainingSchema } from "../training/spec.js";
import { quorumSchema } from "./quorum.js";
import { tiersSchema } from "./tiers.js";

const probability = z.number().min(0).max(1);

/** What goes wrong in the simulated world. Has no meaning for `serve` and `join`. */
const conditionsSchema = z.strictObject({
  latency: z
    .tuple([z.number().min(0), z.number().min(0)])
    .default([5, 5])
    .describe("one-way delay in ms, drawn evenly from [least, most]"),
  loss: probability.max(0.9).default(0).describe("probability that a message is lost"),
  duplication: probability.default(0).describe("probability that a message arrives twice"),
  dropout: probability.max(0.95).default(0).describe("probability that a site is away for a round"),
  skew: z.number().min(0).max(1000).default(0).describe("slowest site takes 1 + skew times as long"),
});

/** Anomaly tasks: a machine's limit is a quantile of the scores of its own normal windows times a factor. */
const detectionSchema = z.strictObject({
  rule: z
    .enum(["all-windows", "online"])
    .default("all-windows")
    .describe("all-windows looks ahead by a window (SKAB's rule); online does not"),
  quantile: z.number().gt(0).max(1).default(0.99),
  factor: z.number().positive().default(1),
});

const overridesSchema = z.strictObject({
  training: trainingSchema.partial().optional().describe("fields of `training` that differ in this scenario"),
  rounds: z.int().min(1).max(10_000).optional(),
});

const compareSchema = z.strictObject({
  scenarios: z.array(z.enum(["centralised", "local", "federated"])).default(["centralised", "local", "federated"]),
  centralised: overridesSchema.optional(),
  local: overridesSchema.optional(),
});

export const federationSchema = z.strictObject({
  federation: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "a name of lower-case letters, digits, dots, dashes and underscores"),
  description: z.string().max(2000).optional(),
  data: dataSpecSchema,
  ...dataPlanShape,
  model: modelPartSchema,
  training: trainingSchema,
  rounds: z.int().min(1).max(10_000).default(20),
  average: z
    .strictObject({ last: z.int().min(1).max(100) })
    .optional()
    .describe("the final model is the mean of the last k global models"),
  aggregate: ruleSchema.default({ use: "mean", weighted: true }),
  encoding: z.strictObject({ fractionBits: z.int().min(8).max(30).default(24), range: z.number().positive().default(32) }).optional(),
  quorum: quorumSchema.optional(),
  tiers: tiersSchema.optional().describe("the tree of enterprise, regions and facilities between the sites and the root"),
  conditions: conditionsSchema.optional(),
  threshold: thresholdSchema.optional(),
  detection: detectionSchema.optional(),
  evaluate: z
    .strictObject({ every: z.int().min(1).max(10_000).default(1) })
    .optional()
    .describe("judges the federated model on validation examples after every so many rounds"),
  compare: compareSchema.optional(),
  seed: z.int().min(0).max(4294967295).default(7),
});

/** A federation file as read, every default filled in. Its keys are explained in docs/federation-file.md. */
export type FederationFile = z.output<typeof federationSchema>;
export const quorumDefaults = quorumSchema.parse({});
export const conditionDefaults = conditionsSchema.parse({});
export const detectionDefaults = detectionSchema.parse({});

/** Largest federation file that is read. */
const mostCharacters = 1 << 20;

/**
 * Reads YAML or JSON text. Errors: FILE_INVALID with every fault found. `where` names the file in messages.
 *
 * @example
 * ```ts
 * import { readFederationFile } from "millwright";
 *
 * readFederationFile(JSON.stringify(plan), "small.json").rounds; // => 2
 * ```
 */
export function readFederationFile(text: string, where = "federation file"): FederationFile {
  if (text.length > mostCharacters) {
    throw new MillwrightError("FILE_INVALID", { where, expected: `at most ${mostCharacters} characters`, got: String(text.length) });
  }
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  if (document.errors.length > 0) {
    const faults = document.errors.slice(0, 20).map((error) => ({
      where: `${where}, line ${error.linePos?.[0].line ?? 1}`,
      expected: "YAML or JSON",
      got: error.message.split("\n")[0].replace(/ at line \d+, column \d+:$/, ""),
    }));
    // One slip often makes the parser say the same several times.
    const different = faults.filter((fault, i) => faults.findIndex((f) => f.where === fault.where && f.got === fault.got) === i);
    throw new MillwrightError("FILE_INVALID", different[0], different);
  }
  return parseFederation(contentOf(document, where), where);
}

/** The value of a document. The parser throws on names (`*x`) without an anchor and on anchors that multiply beyond bounds. */
function contentOf(document: ReturnType<typeof parseDocument>, where: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new MillwrightError("FILE_INVALID", { where, expected: "YAML whose references can be followed", got, cause });
  }
}

/**
 * Checks a plain object against the schema and fills in the defaults. Errors: FILE_INVALID with every fault found.
 *
 * @example
 * ```ts
 * import { MillwrightError, parseFederation } from "millwright";
 *
 * parseFederation(plan).aggregate; // => { use: "mean", weighted: true }
 * try {
 *   parseFederation({ ...plan, rounds: -1, roundz: 3 });
 * } catch (error) {
 *   if (error instanceof MillwrightError) console.log(error.code, error.faults.length); // FILE_INVALID 2
 * }
 * ```
 */
export function parseFederation(value: unknown, where = "federation"): FederationFile {
  const parsed = federationSchema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 50).map((issue) => faultOf(issue, where));
  throw new MillwrightError("FILE_INVALID", faults[0], faults);
}

function faultOf(issue: z.core.$ZodIssue, where: string): ErrorDetail {
  const path =
    issue.path.length === 0
      ? where
      : issue.path
          .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
          .join("")
          .replace(/^\./, "");
  if (issue.code === "unrecognized_keys") {
    return {
      where: path,
      expected: "only known fields",
      got: issue.keys.map((key) => JSON.stringify(key)).join(", "),
      remedy: "remove it, or see docs/federation-file.md for the names",
    };
  }
  const choices = /^Invalid discriminator value\. Expected (.*)$/.exec(issue.message);
  if (choices !== null) {
    const key = issue.path[issue.path.length - 1];
    const given = isRecord(issue.input) && typeof key === "string" ? issue.input[key] : issue.input;
    return { where: path, expected: `one of ${choices[1].replaceAll("'", "").replaceAll(" | ", ", ")}`, got: short(given) };
  }
  const expected = issue.message.replace(/^(Invalid input: |Too (small|big): )?expected /, "").replace(/, received .*$/, "");
  if (issue.input === undefined && issue.code === "invalid_type") {
    return { where: path, expected, got: "nothing", remedy: "this field is needed; docs/federation-file.md shows it" };
  }
  return { where: path, expected: expected === "int" ? "a whole number" : expected, got: short(issue.input) };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function short(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  const text = asText(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** What nests too deep for the stack has no text. */
function asText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "something that nests too deep";
  }
}
