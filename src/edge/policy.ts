/**
 * The policy file of a plant (policy.yaml): what its owner permits, prohibits and obliges, in the terms of ODRL 2.2 (W3C, 2018). It is read
 * and applied on the plant before every question and every round; nothing a coordinator says can widen it. What no rule permits is refused.
 *
 * A constraint is written `leftOperand: { operator: rightOperand }`; `odrlOf` gives the same policy in ODRL's own JSON-LD.
 * It decides what this program does. It cannot undo what has left, and it binds no other program on the plant.
 */
import { z } from "zod";
import { type Constraint, terms } from "./policy-terms.js";
import { instantSchema } from "./policy-time.js";
import { nameSchema } from "./site-file-values.js";
import { checkedBy, yamlOf } from "./site-file-yaml.js";

export const actions = ["answer", "train"] as const;
export type Action = (typeof actions)[number];

const actionSchema = z
  .union([z.literal("any"), z.enum(actions), z.array(z.enum(actions)).min(1)], { error: "answer, train, a list of them, or any" })
  .transform((value): readonly Action[] => (value === "any" ? actions : typeof value === "string" ? [value] : value));

const constraintSchema = z
  .strictObject(Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.schema.optional()])))
  .transform((value) => value as Readonly<Record<string, Constraint | undefined>>);

const ruleSchema = z.strictObject({
  action: actionSchema.describe("answer: tell statistics and counts when asked. train: train a round and send the update"),
  description: z.string().max(500).optional(),
  constraint: constraintSchema.default({}),
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in 64 hexadecimal digits");

const obligationSchema = z.discriminatedUnion("action", [
  /** The policy is looked at again by a person before a moment; from then on it permits nothing. */
  z.strictObject({ action: z.literal("reviewPolicy"), before: instantSchema }),
  /** A person has read the plan and put its SHA-256 here. */
  z.strictObject({ action: z.literal("obtainConsent"), given: z.array(sha256).max(1000).default([]) }),
]);

const vetoSchema = z
  .strictObject({
    federation: nameSchema.optional(),
    plan: sha256.optional(),
    run: z.string().min(1).max(256).optional(),
    round: z.int().min(1).optional(),
  })
  .refine((veto) => Object.values(veto).some((value) => value !== undefined), "at least one of federation, plan, run, round");

export const policySchema = z.strictObject({
  policy: nameSchema.describe("its name"),
  description: z.string().max(2000).optional(),
  permission: z.array(ruleSchema).max(100).default([]),
  prohibition: z.array(ruleSchema).max(100).default([]),
  obligation: z.array(obligationSchema).max(10).default([]),
  /** While this file is there, nothing leaves; relative to the policy's folder. */
  pause: z.string().min(1).max(1024).default("PAUSE"),
  veto: z.array(vetoSchema).max(1000).default([]),
});

/** A policy as read, every default filled in. */
export type Policy = z.output<typeof policySchema>;
export type PolicyRule = Policy["permission"][number];

const page = "docs/policy.md";

/** Reads YAML or JSON text. Errors: FILE_INVALID with every fault found. */
export const readPolicy = (text: string, where = "policy.yaml"): Policy => parsePolicy(yamlOf(text, where), where);

/** Checks a plain object and fills in the defaults. Errors: FILE_INVALID with every fault found. */
export const parsePolicy = (value: unknown, where = "policy"): Policy => checkedBy(policySchema, value, where, page);

/** What holds where a site file names no policy: whatever the signed plan asks for, except code that the owner has not named. */
export const defaultPolicy: Policy = policySchema.parse({ policy: "default", permission: [{ action: "any" }] });
