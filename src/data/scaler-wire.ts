/** A scaler as it travels to the sites. What arrives is checked, because a coordinator that was taken over is another company too. */
import { z } from "zod";
import { fail } from "../core/errors.js";
import type { Scaler } from "./scaler.js";

const scale = z.strictObject({
  count: z.int().min(0),
  mean: z.number(),
  sd: z.number().min(0),
  min: z.number(),
  max: z.number(),
});

/** The schema is compared with the site's own, part by part, so its form is looked at there. */
const scalerSchema = z.strictObject({
  format: z.literal("millwright-scaler/1"),
  schema: z.record(z.string(), z.unknown()),
  columns: z.record(z.string().max(1024), scale),
});

/** A scaler as another party told it. Errors: MESSAGE_INVALID. */
export function readScaler(body: unknown): Scaler {
  const parsed = scalerSchema.safeParse(body);
  if (parsed.success) return body as Scaler;
  const issue = parsed.error.issues[0];
  return fail("MESSAGE_INVALID", { where: `prepare.${issue.path.join(".")}`, expected: issue.message, got: "something else" });
}
