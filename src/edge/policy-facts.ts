/**
 * What a policy is judged against: the plan that was signed, the request that is on the table, and what this plant has told before. All of
 * it is known on the plant; the only thing the coordinator contributes is the signed plan, and what a plan does not say counts against it.
 */
import { type FederationFile, quorumDefaults } from "../round/file.js";
import type { Request } from "../round/messages.js";

/** A plan as far as a policy looks at it. */
export interface PlanFacts {
  readonly federation: string;
  /** SHA-256 of the signed plan. */
  readonly plan: string;
  /** What the model is for: the kind of the plan's task (failure, rul, anomaly, class, value). */
  readonly purpose: string;
  /** The rule by which the node that gets this plant's answers aggregates. */
  readonly rule: string;
  /** Fewest sites that a closed round of that node mixes; undefined where the plan does not tell. */
  readonly members?: number;
  /** SHA-256 of every module of code in the plan. */
  readonly plugins: readonly string[];
  /** What the plan claims the whole run costs; undefined where it claims nothing. */
  readonly epsilon?: number;
}

/** One question or round, before the work ("work") and again before the answer leaves ("send"). */
export interface RequestFacts {
  readonly run: string;
  readonly action: "answer" | "train";
  readonly stage: "work" | "send";
  /** Of a question. */
  readonly topic?: string;
  /** Of a round. */
  readonly round?: number;
  /** The node that gets what leaves. */
  readonly recipient: string;
  /** How much will leave, once known. */
  readonly bytes?: number;
}

/** One thing that has left this plant, as the outbox keeps it. */
export interface PastShare {
  readonly at: number;
  readonly federation: string;
  readonly run: string;
  readonly action: "answer" | "train";
  readonly topic?: string;
  readonly round?: number;
  readonly bytes: number;
  /** What the plan of that run claimed for the whole run. */
  readonly epsilon?: number;
}

export interface Facts {
  readonly plan: PlanFacts;
  readonly request: RequestFacts;
  /** What has left before, at least of the last 365 days, in any order. */
  readonly history: readonly PastShare[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The policy's pause file is there. */
  readonly paused?: boolean;
}

/** What is known of a signed plan beside the federation file in it. */
export interface PlanContext {
  readonly sha256: string;
  /** Sites, or nodes, that the node which gets this plant's answers aggregates. */
  readonly cohort?: number;
  /** That node's own rule and smallest share, where it has its own. */
  readonly rule?: string;
  readonly minimum?: number;
  readonly plugins?: readonly string[];
  readonly epsilon?: number;
}

/** The facts of a plan, from its federation file and what the signed plan says beside it. */
export function planFacts(file: FederationFile, context: PlanContext): PlanFacts {
  const minimum = context.minimum ?? (file.quorum ?? quorumDefaults).minimum;
  return {
    federation: file.federation,
    plan: context.sha256,
    purpose: file.task.kind,
    rule: context.rule ?? file.aggregate.use,
    ...(context.cohort === undefined ? {} : { members: Math.max(1, Math.ceil(minimum * context.cohort)) }),
    plugins: context.plugins ?? [],
    ...(context.epsilon === undefined ? {} : { epsilon: context.epsilon }),
  };
}

/** The facts of a request as the policy judges it. Before a round its bytes are known already: 4 for every weight, and a header. */
export function requestFacts(request: Request, run: string, recipient: string, bytes?: number): RequestFacts {
  const shared = { run, recipient, stage: bytes === undefined ? ("work" as const) : ("send" as const) };
  if (request.type === "ask") return { ...shared, action: "answer", topic: request.topic, ...(bytes === undefined ? {} : { bytes }) };
  return { ...shared, action: "train", round: request.round, bytes: bytes ?? request.values.length * 4 };
}

/** An entry of the outbox, as far as a history needs it. */
export interface SentEntry {
  readonly at: number;
  readonly federation: string;
  readonly plan: string;
  readonly action: "answer" | "train" | "refuse";
  readonly topic?: string;
  readonly round?: number;
  readonly epsilon?: number;
  readonly bytes: number;
}

/**
 * The history that a policy counts, from the plant's own outbox. What was written down counts, acknowledged or not: it may have left.
 * Refusals tell no data and do not count.
 */
export const historyOf = (outbox: readonly SentEntry[]): PastShare[] =>
  outbox.flatMap(({ action, plan, at, federation, bytes, topic, round, epsilon }) =>
    action === "refuse" ? [] : [{ at, federation, run: plan, action, bytes, topic, round, epsilon }],
  );
