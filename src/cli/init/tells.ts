/**
 * Columns that give the answer away: flags that are set only where a yes-or-no answer is yes (its parts or causes, written down after
 * the fact), or never where it is (its alternatives). A model that sees them learns to copy, and is of no use on a machine that runs.
 *
 * Only flags are looked at, and only in the sample: this finds the common traps, not every leak.
 */
import type { InferredSchema, Sample } from "../../data/infer.js";
import { isMissing, parseTruth } from "../../data/schema-text.js";

/** A flag set in fewer rows proves nothing. */
const leastRows = 5;
/** Rows with the flag that chance alone must be expected to bring to the other side before their absence there counts. */
const leastExpected = 4;

/** Names of the flags that tell a yes-or-no target. */
export function tellsOf(sample: Sample, schema: InferredSchema, target: string | undefined, kept: ReadonlySet<string>): string[] {
  const at = sample.columns.indexOf(target ?? "");
  if (at < 0 || schema.columns.find((c) => c.name === target)?.truth === undefined) return [];
  const answers = sample.rows.map((row) => (isMissing(row[at]) ? undefined : parseTruth(row[at])));
  const positives = answers.filter((a) => a === 1).length;
  const rate = positives / Math.max(1, answers.filter((a) => a !== undefined).length);
  return schema.columns
    .filter((column) => {
      const c = sample.columns.indexOf(column.name);
      if (c < 0 || c === at || kept.has(column.name) || column.truth === undefined || column.constant) return false;
      let set = 0;
      let both = 0;
      sample.rows.forEach((row, r) => {
        if (answers[r] === undefined || isMissing(row[c]) || parseTruth(row[c]) !== 1) return;
        set++;
        if (answers[r] === 1) both++;
      });
      if (set < leastRows) return false;
      if (both >= 0.95 * set) return set * (1 - rate) >= leastRows;
      return both === 0 && set * rate >= leastExpected;
    })
    .map((column) => column.name);
}
