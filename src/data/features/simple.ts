/** Small features on single values: clip, impute, drop, select. */
import { z } from "zod";
import { chosen, select as pick } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

/** Limits values to [min, max]. */
export const clip = feature({
  name: "clip",
  schema: z
    .strictObject({ use: z.literal("clip"), columns: columnsSchema, min: z.number().optional(), max: z.number().optional() })
    .refine((spec) => spec.min !== undefined || spec.max !== undefined, { error: "expected min, max or both, got neither" })
    .refine((spec) => (spec.min ?? 0) <= (spec.max ?? spec.min ?? 0), { error: "expected min <= max" }),
  apply(frame, spec, { where }) {
    const low = spec.min ?? Number.NEGATIVE_INFINITY;
    const high = spec.max ?? Number.POSITIVE_INFINITY;
    for (const { values } of chosen(frame, spec.columns, `${where}.columns`, "both")) {
      for (let i = 0; i < values.length; i++) values[i] = Math.max(low, Math.min(high, values[i]));
    }
  },
});

/** Replaces missing values by a constant (default 0: the mean, once scaled), with a 0/1 indicator per column on request. */
export const impute = feature({
  name: "impute",
  schema: z.strictObject({
    use: z.literal("impute"),
    columns: columnsSchema,
    value: z.number().optional(),
    indicator: z.boolean().optional(),
  }),
  apply(frame, spec, { where }) {
    const fill = spec.value ?? 0;
    for (const { name, values } of chosen(frame, spec.columns, `${where}.columns`, "rows")) {
      const missing = spec.indicator === true ? new Float64Array(values.length) : undefined;
      for (let i = 0; i < values.length; i++) {
        if (!Number.isNaN(values[i])) continue;
        values[i] = fill;
        if (missing !== undefined) missing[i] = 1;
      }
      if (missing !== undefined) frame.channels.push({ name: `${name}:missing`, values: missing });
    }
  },
});

/** Takes columns away: inputs, channels or window columns. */
export const drop = feature({
  name: "drop",
  schema: z.strictObject({ use: z.literal("drop"), columns: columnsSchema.unwrap() }),
  apply(frame, spec, { where }) {
    const gone = new Set<unknown>(pick([...frame.channels, ...frame.columns, ...frame.categories], spec.columns, `${where}.columns`));
    frame.channels = frame.channels.filter((one) => !gone.has(one));
    frame.columns = frame.columns.filter((one) => !gone.has(one));
    frame.categories = frame.categories.filter((one) => !gone.has(one));
  },
});

/** Keeps only the named columns: inputs, channels or window columns. */
export const select = feature({
  name: "select",
  schema: z.strictObject({ use: z.literal("select"), columns: columnsSchema.unwrap() }),
  apply(frame, spec, { where }) {
    const kept = new Set<unknown>(pick([...frame.channels, ...frame.columns, ...frame.categories], spec.columns, `${where}.columns`));
    frame.channels = frame.channels.filter((one) => kept.has(one));
    frame.columns = frame.columns.filter((one) => kept.has(one));
    frame.categories = frame.categories.filter((one) => kept.has(one));
  },
});
