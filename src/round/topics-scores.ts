/** What a site tells of its test, as it travels: plain JSON. What comes back is checked, because it comes from another company. */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { addConfusion, type Confusion, confusionFigures, type Figures } from "../evaluation/counts.js";
import { probabilityEdges } from "../evaluation/histogram.js";
import { addSiteScores, type SiteScores, siteFigures } from "../evaluation/site-scores.js";

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const counts = z.array(count).max(1_000_000);
const exact = z.strictObject({ digits: z.string().regex(/^-?[0-9a-f]{1,560}$/), exponent: z.int().min(-1074).max(1102) });
const confusion = z.strictObject({ tp: count, fp: count, fn: count, tn: count });
const sums = z.strictObject({
  count,
  absolute: exact,
  squared: exact,
  truth: exact,
  truthSquared: exact,
  nasa: exact.optional(),
});

/** What a site tells of its test; an anomaly task counts samples. */
export type ToldScores = SiteScores | { readonly kind: "detection"; readonly confusion: Confusion };

/** The scores of both. Errors: SHAPE_MISMATCH where the sites judged different things. */
export function addTold(a: ToldScores, b: ToldScores): ToldScores {
  if (a.kind === "detection" && b.kind === "detection") return { kind: "detection", confusion: addConfusion(a.confusion, b.confusion) };
  if (a.kind !== "detection" && b.kind !== "detection") return addSiteScores(a, b);
  return fail("SHAPE_MISMATCH", { where: "scores of two sites", expected: a.kind, got: b.kind });
}

/** The figures of a sum of sites. */
export function toldFigures(scores: ToldScores): Figures {
  return scores.kind === "detection" ? confusionFigures(scores.confusion) : siteFigures(scores).metrics;
}

const scoresSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("binary"),
    threshold: z.number(),
    confusion,
    positives: counts,
    negatives: counts,
  }),
  z.strictObject({ kind: z.literal("classes"), classes: z.int().min(1).max(1000), counts }),
  z.strictObject({ kind: z.literal("value"), sums }),
  z.strictObject({ kind: z.literal("detection"), confusion }),
  z.strictObject({ kind: z.literal("life"), capped: sums, uncapped: sums }),
]);

/** Plain JSON of scores. */
export function packScores(scores: ToldScores): unknown {
  switch (scores.kind) {
    case "binary": {
      const { histogram, ...rest } = scores;
      return { ...rest, positives: Array.from(histogram.positives), negatives: Array.from(histogram.negatives) };
    }
    case "classes":
      return { kind: "classes", classes: scores.counts.classes, counts: Array.from(scores.counts.counts) };
    default:
      return scores;
  }
}

/** The inverse of packScores. Errors: MESSAGE_INVALID where it is none. */
export function unpackScores(body: unknown): ToldScores {
  const parsed = scoresSchema.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    fail("MESSAGE_INVALID", { where: `evaluation.${issue.path.join(".")}`, expected: issue.message, got: "something else" });
  }
  const told = parsed.data;
  if (told.kind === "binary") {
    const edges = probabilityEdges();
    const { positives, negatives, ...rest } = told;
    if (positives.length !== edges.length + 1 || negatives.length !== edges.length + 1)
      fail("MESSAGE_INVALID", {
        where: "evaluation",
        expected: `${edges.length + 1} bins`,
        got: `${positives.length}, ${negatives.length}`,
      });
    return { ...rest, histogram: { edges, positives: Float64Array.from(positives), negatives: Float64Array.from(negatives) } };
  }
  if (told.kind === "classes") {
    const { classes } = told;
    if (told.counts.length !== classes * classes)
      fail("MESSAGE_INVALID", { where: "evaluation", expected: `${classes * classes} counts`, got: String(told.counts.length) });
    return { kind: "classes", counts: { classes, counts: Float64Array.from(told.counts) } };
  }
  return told as ToldScores;
}
