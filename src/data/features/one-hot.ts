/** Turns category inputs into one 0/1 channel per label. The labels are fixed when the federation measures its data. */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { select } from "../frame.js";
import { columnsSchema, feature } from "./feature.js";

const labelLimit = 1000;

export const oneHot = feature({
  name: "one-hot",
  schema: z.strictObject({
    use: z.literal("one-hot"),
    columns: columnsSchema,
    /** What a missing label becomes: refused (default), or zeros in every channel. */
    missing: z.enum(["refuse", "zeros"]).optional(),
  }),
  apply(frame, spec, { where }) {
    const encoded = spec.columns === undefined ? frame.categories : select(frame.categories, spec.columns, `${where}.columns`);
    for (const { name, codes, labels } of encoded) {
      if (labels.length > labelLimit) {
        fail("LIMIT_EXCEEDED", {
          where: `${where}, column ${JSON.stringify(name)}`,
          expected: `at most ${labelLimit} labels`,
          got: String(labels.length),
        });
      }
      const values = labels.map(() => new Float64Array(frame.rows));
      for (let i = 0; i < frame.rows; i++) {
        if (codes[i] >= 0) values[codes[i]][i] = 1;
        else if (spec.missing !== "zeros") {
          fail("DATA_INVALID", {
            where: `${where}, column ${JSON.stringify(name)}, machine ${JSON.stringify(frame.machineName)}`,
            expected: "a label",
            got: "a missing value",
            remedy: "set missing: zeros, or repair the data",
          });
        }
      }
      labels.forEach((label, code) => {
        frame.channels.push({ name: `${name}=${label}`, values: values[code] });
      });
    }
    frame.categories = frame.categories.filter((category) => !encoded.includes(category));
  },
});
