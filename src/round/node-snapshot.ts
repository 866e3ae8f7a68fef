/**
 * A node's state as bytes, and back under the same plan. What follows from the plan (rules, rates, quorums) is not in it; numbers and open
 * answers are, so a snapshot may be taken at any moment, though it is smallest when a round has just been opened.
 *
 *   frame: { format, lengths } · JSON of the state · models · messages that have answered
 */
import { fail, MillwrightError } from "../core/errors.js";
import { decodeFrame, encodeFrame } from "../wire/frame.js";
import { float32Bytes, float32From, int64Bytes, int64From } from "../wire/numbers.js";
import type { CoordinatorPlan, CoordinatorState, Open } from "./coordinator.js";
import { decodeMessage, encodeMessage, type Message, type Reply, type Request } from "./messages.js";
import type { Cohort, Planner } from "./node-cohort.js";
import type { RelayState } from "./node-relay.js";
import type { RootState } from "./node-root.js";

const format = "millwright-node/1";

interface Parts {
  readonly json: Readonly<Record<string, unknown>>;
  readonly bytes: readonly Uint8Array[];
}

function seal(kind: string, { json, bytes }: Parts): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify({ ...json, lengths: bytes.map((one) => one.length) }));
  const payload = new Uint8Array(text.length + bytes.reduce((sum, one) => sum + one.length, 0));
  payload.set(text);
  let at = text.length;
  for (const one of bytes) {
    payload.set(one, at);
    at += one.length;
  }
  return encodeFrame({ format, kind, text: text.length }, payload);
}

function unseal(kind: string, sealed: Uint8Array): { json: Record<string, unknown>; bytes: Uint8Array[] } {
  const { header, payload } = decodeFrame(sealed);
  const length = header.text;
  if (header.format !== format || header.kind !== kind || typeof length !== "number" || !(length >= 0 && length <= payload.length))
    damaged(`a snapshot of a ${kind} in ${format}`);
  try {
    const json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(0, length as number)));
    let at = length as number;
    const bytes = (json.lengths as number[]).map((one) => {
      at += one;
      return payload.subarray(at - one, at);
    });
    if (at !== payload.length) damaged("as many bytes as announced");
    return { json, bytes };
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    return damaged("a state in JSON");
  }
}

function damaged(expected: string): never {
  return fail("RECORD_DAMAGED", { where: "snapshot", expected, got: "something else", remedy: "restore a backup" });
}

/** What a snapshot of this version always gives; a damaged one says so, whatever part of it is missing. */
function whole<T>(unpack: () => T): T {
  try {
    return unpack();
  } catch (error) {
    if (error instanceof MillwrightError) throw error;
    return damaged("a state of this version");
  }
}

/** What is packed of the conversation: numbers apart, everything else as JSON. */
function packCoordinator({ plan: _, model, open, ...rest }: CoordinatorState): Parts {
  if (open === undefined) return { json: rest, bytes: [float32Bytes(model)] };
  const { request, answers, partial, ...head } = open;
  const sum = partial === undefined ? undefined : { weight: partial.weight, members: partial.members };
  return {
    json: { ...rest, open: { ...head, partial: sum } },
    bytes: [
      float32Bytes(model),
      encodeMessage(request),
      partial === undefined ? new Uint8Array(0) : int64Bytes(partial.sums),
      ...[...answers.values()].map(encodeMessage),
    ],
  };
}

function unpackCoordinator(json: Record<string, unknown>, bytes: readonly Uint8Array[], plan: CoordinatorPlan): CoordinatorState {
  const { open, ...rest } = json as unknown as Omit<CoordinatorState, "open"> & { open?: Omit<Open, "answers"> };
  const model = float32From(bytes[0], bytes[0].length / 4);
  if (open === undefined) return { ...rest, plan, model };
  const { partial, ...head } = open;
  const [, request, sums, ...answers] = bytes;
  const asked = decodeMessage(request) as Request;
  const values = asked.type === "train" ? { ...asked, values: model } : asked;
  const replies = answers.map((one) => decodeMessage(one) as Reply);
  return {
    ...rest,
    plan,
    model,
    open: {
      ...head,
      request: values,
      answers: new Map(replies.map((reply) => [reply.from, reply])),
      ...(partial === undefined ? { partial: undefined } : { partial: { ...partial, sums: int64From(sums, sums.length / 8) } }),
    },
  };
}

/** The state of a root. Errors: LIMIT_EXCEEDED. */
export function packRoot(state: RootState): Uint8Array {
  const { kind, coordinator, recent, ...rest } = state;
  const talk = packCoordinator(coordinator);
  const bytes = [...recent.map(float32Bytes), ...talk.bytes];
  return seal(kind, { json: { rest, coordinator: talk.json, recent: recent.length }, bytes });
}

/** The inverse of packRoot. Errors: RECORD_DAMAGED, MESSAGE_INVALID. */
export function unpackRoot(sealed: Uint8Array, planner: Planner): RootState {
  return whole(() => rootOf(sealed, planner));
}

function rootOf(sealed: Uint8Array, planner: Planner): RootState {
  const { json, bytes } = unseal("root", sealed);
  const { rest, coordinator, recent } = json as { rest: Omit<RootState, "kind">; coordinator: Record<string, unknown>; recent: number };
  const models = bytes.slice(0, recent).map((one) => float32From(one, one.length / 4));
  return {
    ...rest,
    kind: "root",
    recent: models,
    coordinator: unpackCoordinator(coordinator, bytes.slice(recent), planner(rest as Cohort)),
  };
}

/** The state of a relay. Errors: LIMIT_EXCEEDED. */
export function packRelay(state: RelayState): Uint8Array {
  const { kind, coordinator, task, answer, contribution, ...rest } = state;
  const talk = packCoordinator(coordinator);
  const kept = [task, answer, contribution];
  const bytes = [...kept.map((one) => (one === undefined ? new Uint8Array(0) : encodeMessage(one))), ...talk.bytes];
  return seal(kind, { json: { rest, coordinator: talk.json }, bytes });
}

/** The inverse of packRelay. Errors: RECORD_DAMAGED, MESSAGE_INVALID. */
export function unpackRelay(sealed: Uint8Array, plannerFor: RelayPlanner): RelayState {
  return whole(() => relayOf(sealed, plannerFor));
}

type RelayPlanner = (state: Pick<RelayState, "task" | "children" | "weights" | "earlier">) => CoordinatorPlan;

function relayOf(sealed: Uint8Array, plannerFor: RelayPlanner): RelayState {
  const { json, bytes } = unseal("relay", sealed);
  const { rest, coordinator } = json as { rest: Omit<RelayState, "kind">; coordinator: Record<string, unknown> };
  const [task, answer, contribution] = bytes
    .slice(0, 3)
    .map((one): Message | undefined => (one.length === 0 ? undefined : decodeMessage(one)));
  const kept = {
    ...(task === undefined ? {} : { task: task as Request }),
    ...(answer === undefined ? {} : { answer: answer as RelayState["answer"] }),
    ...(contribution === undefined ? {} : { contribution: contribution as RelayState["contribution"] }),
  };
  const state = { ...rest, ...kept };
  return { ...state, kind: "relay", coordinator: unpackCoordinator(coordinator, bytes.slice(3), plannerFor(state)) };
}
