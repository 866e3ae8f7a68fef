/** A statistic as it travels: plain JSON, integers as decimal text. What comes back is checked, because it comes from another company. */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { type Statistic, statisticText } from "./statistic.js";

/** Digits of a sum that is accepted: 2^53 rows of values up to 1e100 in units of 2^-64 stay far below. */
const integer = z.string().regex(/^-?\d{1,400}$/);

const momentsSchema = z.strictObject({
  count: z.int().min(1),
  sum: integer,
  squares: integer,
  min: z.number(),
  max: z.number(),
});

const name = z.string().max(256);
const names = z.array(name).max(100_000);

const statisticSchema = z.strictObject({
  schema: z.strictObject({
    machine: name.optional(),
    time: name.optional(),
    clock: z.enum(["time", "number"]).optional(),
    step: z.number().positive().optional(),
    inputs: names,
    target: name.optional(),
    categories: z.record(name, names),
    units: z.record(name, name),
    tensor: z.strictObject({ name, shape: z.array(z.int().min(1)).max(3) }).optional(),
  }),
  moments: z.record(z.string().max(1024), momentsSchema),
});

/** Plain JSON of a statistic. */
export function packStatistic(statistic: Statistic): unknown {
  return JSON.parse(statisticText(statistic));
}

/** The inverse of packStatistic. Errors: MESSAGE_INVALID where it is none. */
export function unpackStatistic(value: unknown): Statistic {
  const parsed = statisticSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    fail("MESSAGE_INVALID", { where: `statistics.${issue.path.join(".")}`, expected: issue.message, got: "something else" });
  }
  const moments = Object.entries(parsed.data.moments).map(
    ([key, one]) => [key, { ...one, sum: BigInt(one.sum), squares: BigInt(one.squares) }] as const,
  );
  return { schema: parsed.data.schema as Statistic["schema"], moments: Object.fromEntries(moments) };
}
