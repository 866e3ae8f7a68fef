/** All features by name. A new feature is one file and one line here: schema, types and documentation derive from it. */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { findColumn } from "../columns.js";
import type { Dataset } from "../dataset.js";
import type { Frame } from "../frame.js";
import { calendar } from "./calendar.js";
import { counts } from "./counts.js";
import { ewma } from "./ewma.js";
import type { FeatureContext, Reach } from "./feature.js";
import { image } from "./image.js";
import { lags } from "./lags.js";
import { log1p } from "./log1p.js";
import { oneHot } from "./one-hot.js";
import { products } from "./products.js";
import { scale } from "./scale.js";
import { clip, drop, impute, select } from "./simple.js";
import { statistics } from "./statistics.js";

export const features = {
  scale,
  ewma,
  statistics,
  lags,
  calendar,
  "one-hot": oneHot,
  log1p,
  clip,
  impute,
  products,
  counts,
  drop,
  select,
  image,
} as const;

export type FeatureName = keyof typeof features;
/** One entry of `features:` in a federation file, as read. */
export type FeatureSpec = { [N in FeatureName]: z.output<(typeof features)[N]["schema"]> }[FeatureName];

const full = z.discriminatedUnion(
  "use",
  Object.values(features).map((f) => f.schema) as unknown as [typeof scale.schema, ...(typeof scale.schema)[]],
) as unknown as z.ZodType<FeatureSpec>;

/** A feature as written in a file: its fields, or its name alone. */
export const featureSchema: z.ZodType<FeatureSpec> = z.preprocess(
  (value) => (typeof value === "string" ? { use: value } : value),
  full,
) as z.ZodType<FeatureSpec>;
export const featuresSchema = z.array(featureSchema).max(100);

interface AnyFeature {
  readonly apply: (frame: Frame, spec: FeatureSpec, context: FeatureContext) => void;
  readonly reach?: (spec: FeatureSpec, ahead: number) => Reach;
}
const lookup = (use: FeatureName): AnyFeature => features[use] as unknown as AnyFeature;

/** What holds where a file names no features: z-scores, one-hot categories, images normalised. Missing values are refused, not filled in. */
export function defaultFeatures(dataset: Dataset): FeatureSpec[] {
  const kinds = new Set(dataset.inputs.map((name) => findColumn(dataset.readings, name)?.kind));
  const list: FeatureSpec[] = [];
  if (kinds.has("number")) list.push({ use: "scale" });
  if (kinds.has("category")) list.push({ use: "one-hot" });
  if (kinds.has("tensor")) list.push({ use: "image" });
  return list;
}

/** Runs a list of features over a frame, in order. */
export function applyFeatures(frame: Frame, list: readonly FeatureSpec[], context: Omit<FeatureContext, "where">): void {
  list.forEach((spec, i) => {
    lookup(spec.use).apply(frame, spec, { ...context, where: `features[${i}] (${spec.use})` });
  });
}

export interface History {
  /** Rows before the window's last row that its values depend on, smoothing included. */
  readonly read: number;
  /** Rows that must exist up to and including the last one (a window, or the longest lag). */
  readonly needed: number;
}

/** How far back a list of features reads for windows of a length. */
export function historyOf(list: readonly FeatureSpec[], window: number, ahead: number): History {
  let smoothing = 0;
  let back = window - 1;
  for (const spec of list) {
    const reach = lookup(spec.use).reach?.(spec, ahead);
    smoothing += reach?.rows ?? 0;
    back = Math.max(back, reach?.window ?? 0);
  }
  return { read: back + smoothing, needed: back + 1 };
}

/** Refuses lists that cannot be measured in one round: two federated scalings, or products of undecided columns. Errors: FILE_INVALID. */
export function checkFeatures(list: readonly FeatureSpec[]): void {
  const scalings = list.filter((spec) => spec.use === "scale" && spec.own === undefined);
  if (scalings.length > 1) {
    fail("FILE_INVALID", {
      where: "features",
      expected: "one federated scale",
      got: String(scalings.length),
      remedy: "give one scale all its columns",
    });
  }
  const logs = list.filter((spec) => spec.use === "log1p").length;
  if (logs > 1) fail("FILE_INVALID", { where: "features", expected: "one log1p", got: String(logs) });
  const logAt = list.findIndex((spec) => spec.use === "log1p");
  const scaleAt = list.findIndex((spec) => spec.use === "scale" && spec.own === undefined);
  if (logAt >= 0 && scaleAt >= 0 && logAt > scaleAt) {
    fail("FILE_INVALID", { where: "features", expected: "log1p before scale", got: "log1p after it" });
  }
  const between = logAt >= 0 && scaleAt > logAt ? list.slice(logAt + 1, scaleAt) : [];
  const mixing = between.find((spec) => ["products", "statistics", "counts", "lags"].includes(spec.use));
  if (mixing !== undefined) {
    fail("FILE_INVALID", {
      where: "features",
      expected: `${mixing.use} after scale where log1p is used`,
      got: `${mixing.use} between log1p and scale`,
    });
  }
}
