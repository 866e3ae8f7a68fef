/**
 * "One of these, by name" in a federation file: `{ use: adam, ... }`, or the bare name where every field has a default.
 * A wrong name is told which names there are, and fields are judged by the schema of the chosen one alone.
 */
import { z } from "zod";

type Option = z.ZodObject<{ use: z.ZodLiteral<string> } & z.ZodRawShape>;

/** A schema for one of `options`, told apart by `use`. `what` names the thing in messages: "model", "loss". */
export function oneOf<const T extends readonly [Option, ...Option[]]>(what: string, options: T) {
  const names = options.map((option) => option.shape.use.value);
  const union = z.discriminatedUnion("use", options, {
    error: (issue) =>
      issue.code === "invalid_union" ? `expected one of ${names.join(", ")} as ${what}, got ${shown(issue.input)}` : undefined,
  });
  return z.preprocess((value) => (typeof value === "string" ? { use: value } : value), union);
}

function shown(input: unknown): string {
  const use = typeof input === "object" && input !== null && "use" in input ? input.use : input;
  return use === undefined || use === null ? "nothing" : typeof use === "object" ? "an object without `use`" : JSON.stringify(use);
}
