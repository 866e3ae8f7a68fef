/**
 * z-score: (value - mean) / sd, with mean and sd (population) from the federated sums over all sites' training rows,
 * or per operating regime, or locally from the first rows of each machine (`own`, which nobody else sees). A column
 * without spread becomes 0. Missing values stay missing.
 */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { type Channel, chosen, type Frame } from "../frame.js";
import { logKey, momentKey } from "../statistic.js";
import { columnsSchema, feature } from "./feature.js";

export const scale = feature({
  name: "scale",
  schema: z
    .strictObject({
      use: z.literal("scale"),
      columns: columnsSchema,
      /** Category column of the operating regime: each regime has its own mean and sd. */
      per: z.string().optional(),
      /** Largest size of a scaled value. */
      clip: z.number().positive().optional(),
      /** Mean and sd of the first rows of each machine instead of the federation's. */
      own: z.strictObject({ rows: z.int().min(2).max(10_000_000) }).optional(),
    })
    .refine((spec) => spec.own === undefined || spec.per === undefined, { error: "expected either own or per, got both" }),
  apply(frame, spec, { scaler, where }) {
    const targets = chosen(frame, spec.columns, `${where}.columns`, "both");
    if (frame.rows === 0) return;
    const limit = spec.clip ?? Number.POSITIVE_INFINITY;
    if (spec.own !== undefined) {
      for (const channel of targets) scaleOwn(frame, channel, spec.own.rows, limit, where);
      return;
    }
    if (scaler === undefined) {
      fail("INTERNAL", { where, expected: "a fitted scaler", got: "none" });
    }
    const regime = spec.per === undefined ? undefined : frame.labels(spec.per);
    const logged = new Set(frame.logged);
    for (const channel of targets) {
      const keyOf = (name: string, label: string): string => {
        const key = momentKey(name, spec.per === undefined ? undefined : label);
        return logged.has(name) ? logKey(key) : key;
      };
      const windowed = frame.columns.includes(channel);
      const pairs = (regime?.labels ?? [""]).map((label) => scaler.columns[keyOf(channel.name, label)]);
      const { values } = channel;
      for (let i = 0; i < values.length; i++) {
        const code = regime === undefined ? 0 : regime.codes[windowed ? frame.lasts[i] : i];
        const pair = pairs[code];
        if (pair === undefined) {
          const got = regime === undefined ? "none" : JSON.stringify(regime.labels[code] ?? null);
          const expected =
            regime === undefined ? `a mean and sd of ${channel.name}` : `a regime of ${spec.per} that occurs in the training data`;
          fail("DATA_INVALID", { where: `${where}, machine ${JSON.stringify(frame.machineName)}`, expected, got });
        }
        const scaled = pair.sd > 0 ? (values[i] - pair.mean) / pair.sd : values[i] * 0;
        values[i] = Math.max(-limit, Math.min(limit, scaled));
      }
    }
  },
});

function scaleOwn(frame: Frame, channel: Channel, rows: number, limit: number, where: string): void {
  if (frame.columns.includes(channel)) {
    fail("FILE_INVALID", { where, expected: "own scaling before window features", got: `column ${channel.name}` });
  }
  if (frame.rows < rows) {
    fail("DATA_INVALID", {
      where: `${where}, machine ${JSON.stringify(frame.machineName)}`,
      expected: `at least ${rows} rows to scale by`,
      got: String(frame.rows),
    });
  }
  const { values } = channel;
  let sum = 0;
  let count = 0;
  for (let i = 0; i < rows; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i];
    count++;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (let i = 0; i < rows; i++) if (!Number.isNaN(values[i])) squares += (values[i] - mean) * (values[i] - mean);
  const sd = count === 0 ? 0 : Math.sqrt(squares / count);
  for (let i = 0; i < values.length; i++) {
    const scaled = sd > 0 ? (values[i] - mean) / sd : values[i] - mean;
    values[i] = Math.max(-limit, Math.min(limit, scaled));
  }
}
