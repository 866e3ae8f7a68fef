/**
 * What the answers to questions mean: one entry for every topic of src/round/topics.ts, so that a new question cannot leave a plant
 * without a sentence that says what it tells. Words only: whether it may leave is the policy's matter.
 */
import type { Topic } from "../round/topics.js";
import type { Field } from "./outbox.js";

export interface TopicMeaning {
  readonly what: string;
  readonly meaning: string;
  readonly fields: readonly Field[];
}

/** The body of an answer of that topic, as the plant has made it. */
type Tell = (body: Readonly<Record<string, unknown>>) => TopicMeaning;

const seen = "Whoever adds the answers up sees them: no privacy is claimed.";

export const topicMeanings: Readonly<Record<Topic, Tell>> = {
  statistics(body) {
    const moments = recordOf(body.moments);
    const schema = recordOf(body.schema);
    const columns = Object.keys(moments);
    const labels = Object.entries(recordOf(schema.categories)).map(([name, list]) => `${name}: ${sizeOf(list)} labels`);
    return {
      what: `sums, counts and smallest/largest value of ${columns.length} columns`,
      meaning: `Scaling needs them. Each smallest and largest value is the value of one row of yours; means and spreads follow from the rest. No other row leaves. ${seen}`,
      fields: [
        ...columns.map((name) => {
          const { count, min, max } = recordOf(moments[name]);
          return { name, meaning: "count, sum, sum of squares, smallest and largest value", value: `${count} values, ${min} .. ${max}` };
        }),
        {
          name: "schema",
          meaning: "names of columns, their units, labels of categories",
          value: [listOf(schema.inputs).join(", "), ...labels].join("; "),
        },
      ],
    };
  },
  prepare(body) {
    const outputs = recordOf(body.outputs);
    return {
      what: "how many windows there are to train, validate and test on",
      meaning: `How much data you have and, for failures, how many windows to train on hold one. ${seen}`,
      fields: [
        ...numbersOf(body, {
          train: "windows to train on",
          validation: "windows to validate on",
          test: "windows to test on",
          positives: "training windows that say yes",
          members: "sites it stands for",
        }),
        { name: "inputs", meaning: "shapes of the model's inputs", value: JSON.stringify(body.inputs) },
        { name: "outputs", meaning: "what the model answers", value: [outputs.kind, ...listOf(outputs.labels)].join(" ") },
        ...("answers" in body ? [{ name: "answers", meaning: "how answers are scaled", value: JSON.stringify(body.answers) }] : []),
      ],
    };
  },
  histogram: (body) => ({
    what: `counts of scores in ${sizeOf(body.positives)} bins, with and without a failure`,
    meaning: `How sure the model is on your training or validation windows. No score of a single window leaves, but a bin that counts one window tells of that window. ${seen}`,
    fields: [
      counted("positives", "windows that say yes, by score", body.positives),
      counted("negatives", "windows that say no, by score", body.negatives),
    ],
  }),
  threshold: (body) => ({
    what: `counts of right and wrong answers at ${sizeOf(body.tp)} thresholds`,
    meaning: `How often the model would be right on your training or validation windows. ${seen}`,
    fields: [
      { name: "tp", meaning: "failures seen, by threshold", value: `${sizeOf(body.tp)} counts` },
      { name: "fp", meaning: "false alarms, by threshold", value: `${sizeOf(body.fp)} counts` },
      { name: "fn", meaning: "failures missed, by threshold", value: `${sizeOf(body.fn)} counts` },
    ],
  }),
  evaluation: (body) => ({
    what:
      body.kind === undefined
        ? "nothing: this task has no figures that add up"
        : "counts and sums of right and wrong answers on the test windows",
    meaning:
      body.kind === undefined
        ? "The plant says only that it has nothing to add."
        : `How well the model does on your test windows; your own figure can be computed from it. ${seen}`,
    fields: Object.entries(body).map(([name, value]) => ({
      name,
      meaning: evaluationFields[name] ?? "part of the sums",
      value: shown(value),
    })),
  }),
};

const evaluationFields: Readonly<Record<string, string>> = {
  kind: "what is counted",
  threshold: "from which score on an answer is yes",
  confusion: "failures seen and missed, false alarms, quiet windows",
  positives: "windows that say yes, by score",
  negatives: "windows that say no, by score",
  classes: "number of classes",
  counts: "windows by true class and answer",
  sums: "sums of errors and of true values",
  capped: "sums of errors, lives cut at the cap",
  uncapped: "sums of errors",
};

const counted = (name: string, meaning: string, list: unknown): Field => ({
  name,
  meaning,
  value: `${sizeOf(list)} counts, ${total(list)} windows`,
});
const total = (list: unknown): number => listOf(list).reduce((sum: number, value) => sum + Number(value), 0);

function numbersOf(body: Readonly<Record<string, unknown>>, meanings: Readonly<Record<string, string>>): Field[] {
  return Object.entries(meanings).flatMap(([name, meaning]) => (name in body ? [{ name, meaning, value: String(body[name]) }] : []));
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} counts`;
  return typeof value === "object" && value !== null ? JSON.stringify(value).slice(0, 200) : String(value);
}

export const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const sizeOf = (value: unknown): number => listOf(value).length;
