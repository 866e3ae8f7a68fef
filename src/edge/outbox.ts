/**
 * What leaves a plant, in bytes and in words: every message that a member can send has an entry, with what it is, what somebody could read
 * from it, and every field of it. It describes the message itself, after it was made and as it will be encoded; nothing is estimated.
 */
import { encodeMessage, type Message, type Request } from "../round/messages.js";
import { topics } from "../round/topics.js";
import { recordOf, topicMeanings } from "./outbox-topics.js";

/** One field of a message: its name, what it tells, and its value in short. */
export interface Field {
  readonly name: string;
  readonly meaning: string;
  readonly value: string;
}

export interface Described {
  /** One line. */
  readonly what: string;
  /** What it tells to whoever gets it. */
  readonly meaning: string;
  /** Length of the frame that leaves. */
  readonly bytes: number;
  readonly fields: readonly Field[];
}

/** What is known beside the message: the question it answers, and how a round trains. */
export interface About {
  readonly request?: Request;
  readonly epochs?: number;
}

const envelope: Readonly<Record<string, string>> = {
  exchange: "number of the question",
  round: "number of the round",
  attempt: "attempt of the round",
  from: "name of this site",
  members: "sites it stands for",
};
const named = (message: object): Field[] =>
  Object.entries(message).flatMap(([name, value]) => (name in envelope ? [{ name, meaning: envelope[name], value: String(value) }] : []));

const tell: { readonly [T in Message["type"]]: (message: Extract<Message, { type: T }>, about: About) => Omit<Described, "bytes"> } = {
  answer(message, { request }) {
    const topic = request?.type === "ask" ? request.topic : undefined;
    const known = topics.find((one) => one === topic);
    if (known !== undefined) {
      const { fields, ...told } = topicMeanings[known](recordOf(message.body));
      return { ...told, fields: [...named(message), ...fields] };
    }
    return {
      what: topic === undefined ? "an answer whose question is not known" : `an answer to ${JSON.stringify(topic)}`,
      meaning: "This version does not know the question; read the body itself.",
      fields: [...named(message), { name: "body", meaning: "unknown", value: (JSON.stringify(message.body) ?? "nothing").slice(0, 200) }],
    };
  },
  update(message, { epochs }) {
    const passes = epochs === undefined ? "local training" : `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`;
    const of =
      message.members === 1 ? `${grouped(message.weight)} windows` : `${grouped(message.weight)} windows of ${message.members} sites`;
    return {
      what: `change of ${grouped(message.update.length)} weights after ${passes} on ${of}`,
      meaning:
        "How training on your rows moved the shared model. It can leak training data: no privacy is claimed. " +
        "Its loss tells how well the model fits your rows.",
      fields: [
        ...named(message),
        { name: "weight", meaning: "windows it was trained on", value: String(message.weight) },
        { name: "loss", meaning: "mean training loss of the last epoch", value: String(message.loss) },
        {
          name: "update",
          meaning: "change of every weight, in fixed point",
          value: `${message.update.length} numbers, ${nonZero(message.update)} not zero`,
        },
        ...(message.rounds === undefined
          ? []
          : [{ name: "rounds", meaning: "which sites counted in each round below", value: `${message.rounds.length} rounds` }]),
      ],
    };
  },
  partial: (message) => ({
    what: `sum of the changes of ${grouped(message.sums.length)} weights over ${message.members} sites`,
    meaning: `What ${message.members} sites learnt, added up; no site's own change can be read from the sum where others are in it. The names and sizes of the sites are told.`,
    fields: [
      ...named(message),
      { name: "weight", meaning: "windows they were trained on", value: String(message.weight) },
      { name: "loss", meaning: "sum behind the mean training loss", value: String(message.loss) },
      {
        name: "included",
        meaning: "who counted, with how many windows and what loss",
        value: message.included.map(({ site }) => site).join(", "),
      },
      { name: "sums", meaning: "exact sums of weighted changes", value: `${message.sums.length} numbers` },
    ],
  }),
  refuse: (message) => ({
    what: `a refusal of ${message.answers}: ${message.code}`,
    meaning: "Why this plant does not do what it was asked. Its text can name columns, rows or rules of the policy.",
    fields: [
      ...named(message),
      { name: "answers", meaning: "what is refused", value: message.answers },
      { name: "code", meaning: "kind of the refusal", value: message.code },
      { name: "text", meaning: "the reason in words", value: message.text },
    ],
  }),
  // What comes down or stays; a plant sends none of these, and if one stood in its outbox it should be read for what it is.
  ask: (message) => ({
    what: `a question: ${message.topic}`,
    meaning:
      message.values === undefined
        ? "Asked by the coordinator."
        : `Asked by the coordinator about a model of ${grouped(message.values.length)} weights.`,
    fields: [...named(message), { name: "topic", meaning: "what is asked", value: message.topic }],
  }),
  train: (message) => ({
    what: `the shared model, to train round ${message.round}`,
    meaning: `${grouped(message.values.length)} weights from the coordinator.`,
    fields: [...named(message), { name: "learningRate", meaning: "step of the training", value: String(message.learningRate) }],
  }),
  order: (message) => ({
    what: `an order to the node: ${message.order}`,
    meaning: "The operator's word to this node; it never leaves it.",
    fields: [{ name: "order", meaning: "what to do", value: message.order }],
  }),
};

/** What a message is, tells and weighs. */
export function describe(message: Message, about: About = {}): Described {
  const told = (tell[message.type] as (message: Message, about: About) => Omit<Described, "bytes">)(message, about);
  return { ...told, bytes: encodeMessage(message).length };
}

/** 12345 -> "12,345". */
export const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

const nonZero = (values: Int32Array): number => values.reduce((n, value) => n + (value === 0 ? 0 : 1), 0);
