/**
 * A node of the tree without I/O: the root that runs a federation from the first question to the released model, or a relay (a facility,
 * a region) that is a coordinator to its children and a site to its parent. Whoever drives it keeps the record: every input that
 * changed the state is written down before its effects are carried out, so a node that was killed is rebuilt by replaying them.
 *
 * A state is stepped once: running sums are added to in place, because a copy of a large model for every update would be most of the
 * work. Whoever cannot write an input down must forget the state and build it again from the record.
 */
import type { MillwrightError } from "../core/errors.js";
import type { Protocol } from "../core/protocol.js";
import type { Millis } from "../core/quantities.js";
import type { Bundle } from "./bundle.js";
import type { Message, Request } from "./messages.js";
import type { RelayState } from "./node-relay.js";
import type { RootState } from "./node-root.js";

export type NodeInput =
  /** Root only: begins the run. */
  | { readonly type: "start" }
  /** From a child; or an order (Message "order") from the operator, whose `from` is `operator`. */
  | { readonly type: "message"; readonly from: string; readonly message: Message }
  /** Relay only: from the parent. */
  | { readonly type: "parent"; readonly message: Message }
  | { readonly type: "timer" };

export type NodeEffect =
  /** For a child; replaces whatever was waiting for it. */
  | { readonly type: "send"; readonly to: string; readonly message: Message }
  /** Relay only: for the parent. */
  | { readonly type: "reply"; readonly message: Message }
  | { readonly type: "timer"; readonly at: Millis }
  | { readonly type: "closed"; readonly round: ClosedStep }
  /** Root only: the run is over. */
  | { readonly type: "released"; readonly release: Release }
  | { readonly type: "failed"; readonly error: MillwrightError };

/** Who gives orders to a node. No member can have this name. */
export const operator = "@operator";

/** A member that reports to a node: a site, or a relay with the number of sites below it. */
export interface Child {
  readonly site: string;
  /** Sites it may stand for: 1 for a site. */
  readonly members: number;
}

/** Who counted in a closed round of a node. A child that is a relay names its own members, one entry per round it ran for this one. */
export interface Inclusion {
  readonly site: string;
  /** Training examples it stands for. */
  readonly weight: number;
  readonly loss: number;
  readonly members: number;
  /** Relay children only: what was included there, by their rounds. */
  readonly rounds?: readonly (readonly Inclusion[])[];
}

export interface ClosedStep {
  readonly round: number;
  readonly attempt: number;
  /** The node's model after the round; a relay that only adds up keeps none. */
  readonly model?: Float32Array;
  readonly loss: number;
  readonly included: readonly Inclusion[];
  readonly excluded: readonly { readonly site: string; readonly reason: string }[];
}

export interface Release {
  readonly bundle: Bundle;
  /** Figures over everybody's test examples, from counts that the sites told; empty where the task has none that add up. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly rounds: number;
}

/** What a node waits for, in words a person can act on, for `status`. */
export interface Waiting {
  /** For example "round 7, attempt 1: updates", "statistics", "a task from the parent", "nothing: the run is over". */
  readonly what: string;
  readonly since: Millis;
  /** When the wait ends by itself; a question that waits for everybody is then asked again. */
  readonly until?: Millis;
  readonly answered: readonly string[];
  readonly missing: readonly string[];
  /** Who said that it cannot, and why. */
  readonly refused: readonly { readonly site: string; readonly reason: string }[];
}

export type NodeState = RootState | RelayState;

/** A node as its driver holds it: the protocol, the state before the first input, and what can be done with any state. */
export interface Node extends Protocol<NodeState, NodeInput, NodeEffect> {
  readonly initial: NodeState;
  /** The whole state as bytes; equal states have equal bytes. */
  readonly snapshot: (state: NodeState) => Uint8Array;
  /** The inverse, under the same plan. Errors: MESSAGE_INVALID, RECORD_DAMAGED. */
  readonly restore: (bytes: Uint8Array) => NodeState;
  readonly waiting: (state: NodeState) => Waiting;
  /** What is open now, and for whom. */
  readonly pending: (state: NodeState) => readonly { readonly to: string; readonly message: Request }[];
  /** The children that count now, with the largest weight each may claim where it is known. */
  readonly roster: (state: NodeState) => readonly (Child & { readonly weight?: number })[];
}
