/**
 * What a feature is: a schema for its place in the file and a function that changes a frame. Features are causal:
 * the value at a row depends on that row and earlier ones of the same machine, never on later ones.
 */
import { z } from "zod";
import type { Frame } from "../frame.js";
import type { Scaler } from "../scaler.js";

export interface FeatureContext {
  /** What the federation measured. Absent while it is being measured and while only names are wanted (no rows). */
  readonly scaler: Scaler | undefined;
  /** While measuring: whether log1p acts on every column (true) or on none (false). Undefined: as the scaler says. */
  readonly logAll?: boolean;
  /** Place of the feature in the file, for messages. */
  readonly where: string;
}

export interface Reach {
  /** Earlier rows that each row's value now depends on (smoothing). */
  readonly rows?: number;
  /** Rows before the last row of a window that a window's values depend on (lags). */
  readonly window?: number;
}

export interface Feature<N extends string, Schema extends z.ZodType<{ readonly use: N }>> {
  readonly name: N;
  readonly schema: Schema;
  readonly apply: (frame: Frame, spec: z.output<Schema>, context: FeatureContext) => void;
  /** How far back a feature reads. Default: nowhere. */
  readonly reach?: (spec: z.output<Schema>, ahead: number) => Reach;
}

/** Keeps the types of a feature together. */
export function feature<N extends string, Schema extends z.ZodType<{ readonly use: N }>>(one: Feature<N, Schema>): Feature<N, Schema> {
  return one;
}

/** Names of columns; `*` stands for any text ("error*", "*:mean"). */
export const columnsSchema = z.array(z.string().min(1)).min(1).optional();
