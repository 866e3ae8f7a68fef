/** The coordinator's routes for members: what there is to do, replies, the plan, how things stand. Thin: each says who may call and how much. */
import { checkedDigest } from "../core/blobs.js";
import { fail } from "../core/errors.js";
import type { RecordStore } from "../core/record.js";
import type { Caller, Reply, Route } from "../core/route.js";
import type { Exchange } from "./exchange.js";
import { rolesFor } from "./roles.js";
import type { Status } from "./status.js";

export interface RouteParts {
  readonly exchange: Exchange;
  readonly record: RecordStore;
  readonly runId: () => string;
  readonly plan: () => Promise<Uint8Array>;
  readonly status: () => Promise<Status>;
  readonly metrics: () => Promise<string>;
  /** Ready to take part in rounds; says what is missing otherwise. */
  readonly ready: () => string | undefined;
  readonly control: (caller: Caller, body: unknown) => Promise<void>;
}

const none = { kind: "none", limit: 0 } as const;
/** A reply that comes in one piece; what is larger is uploaded as a blob first. */
export const inlineLimit = 8 << 20;

export function memberRoutes(parts: RouteParts): readonly Route[] {
  const { exchange, record } = parts;
  return [
    open("health", "/healthz", async () => ({ status: 200, json: { ok: true } })),
    open("ready", "/readyz", async () => {
      const missing = parts.ready();
      return missing === undefined ? { status: 200, json: { ready: true } } : { status: 503, json: { ready: false, missing } };
    }),
    {
      name: "metrics",
      method: "GET",
      path: "/metrics",
      auth: "member",
      roles: rolesFor("metrics.read"),
      body: none,
      handle: async () => ({
        status: 200,
        bytes: new TextEncoder().encode(await parts.metrics()),
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
    },
    {
      name: "plan",
      method: "GET",
      path: "/v1/plan",
      auth: "member",
      roles: rolesFor("plan.read"),
      body: none,
      handle: async () => ({ status: 200, bytes: await parts.plan(), headers: { "content-type": "application/octet-stream" } }),
    },
    {
      name: "next",
      method: "GET",
      path: "/v1/next",
      auth: "member",
      roles: rolesFor("round.take-part"),
      body: none,
      async handle({ caller, query, signal }) {
        const { have, doing } = query;
        const answer = await exchange.next(
          nameOf(caller),
          { have, doing: doing?.slice(0, 120), waitMs: wholeOf("wait", query.wait ?? "0") },
          signal,
        );
        return { status: 200, json: answer, retryAfterMs: answer.retryAfterMs };
      },
    },
    {
      name: "reply",
      method: "POST",
      path: "/v1/replies",
      auth: "member",
      roles: rolesFor("round.take-part"),
      body: { kind: "bytes", limit: inlineLimit },
      traffic: "bulk",
      async handle({ caller, query, bytes }) {
        const key = textOf("key", query.key);
        const frame = query.sha256 === undefined ? (bytes ?? new Uint8Array(0)) : { sha256: checkedDigest(query.sha256) };
        const answer = await exchange.reply(nameOf(caller), key, frame);
        return { status: 200, json: answer, retryAfterMs: answer.retryAfterMs };
      },
    },
    {
      name: "status",
      method: "GET",
      path: "/v1/status",
      auth: "member",
      roles: rolesFor("status.read"),
      body: none,
      // A plant sees what the round waits for, not who else takes part.
      handle: async ({ caller }) => ({ status: 200, json: forReader(await parts.status(), caller) }),
    },
    {
      name: "rounds",
      method: "GET",
      path: "/v1/rounds",
      auth: "member",
      roles: rolesFor("rounds.read"),
      body: none,
      handle: async ({ query }) => ({
        status: 200,
        json: {
          rounds: await record.rounds(query.run ?? parts.runId(), {
            after: wholeOf("after", query.after ?? "0"),
            limit: Math.min(1000, wholeOf("limit", query.limit ?? "100")),
          }),
        },
      }),
    },
    {
      name: "runs",
      method: "GET",
      path: "/v1/runs",
      auth: "member",
      roles: rolesFor("rounds.read"),
      body: none,
      handle: async () => ({ status: 200, json: { runs: await record.runs(100) } }),
    },
    {
      name: "audit",
      method: "GET",
      path: "/v1/audit",
      auth: "member",
      roles: rolesFor("audit.read"),
      body: none,
      handle: async ({ query }) => ({
        status: 200,
        json: { audit: await record.auditLog({ after: wholeOf("after", query.after ?? "0"), limit: 1000 }) },
      }),
    },
    {
      name: "control",
      method: "POST",
      path: "/v1/control",
      auth: "member",
      roles: rolesFor("run.control"),
      body: { kind: "json", limit: 64 << 10 },
      async handle({ caller, json }) {
        await parts.control(caller as Caller, json);
        return { status: 200, json: { done: true } };
      },
    },
  ];
}

function open(name: string, path: string, handle: () => Promise<Reply>): Route {
  return { name, method: "GET", path, auth: "none", roles: [], body: none, handle };
}

function forReader(status: Status, caller: Caller | undefined): unknown {
  if (caller !== undefined && rolesFor("rounds.read").includes(caller.role)) return status;
  const { members, waiting, ...rest } = status;
  const { missing, answered, refused, text, ...told } = waiting;
  // The line for people names who is missing; of the refusals, a member is told its own.
  const longestFirst = [...missing].sort((a, b) => b.length - a.length);
  const line = longestFirst.reduce((words, name) => words.replaceAll(name, "a member"), text);
  const own = refused.filter(({ site }) => site === caller?.name);
  return {
    ...rest,
    waiting: { ...told, text: line, missing: missing.length, answered: answered.length, refused: own },
    members: members.length,
  };
}

function nameOf(caller: Caller | undefined): string {
  return caller?.name ?? fail("AUTH_REQUIRED", { expected: "a member", got: "nobody" });
}

function textOf(where: string, value: string | undefined): string {
  if (value !== undefined && value.length > 0 && value.length <= 200) return value;
  return fail("REQUEST_INVALID", {
    where: `?${where}`,
    expected: "1 to 200 characters",
    got: value === undefined ? "nothing" : `${value.length} characters`,
  });
}

function wholeOf(where: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  return fail("REQUEST_INVALID", { where: `?${where}`, expected: "a whole number of at least 0", got: JSON.stringify(value.slice(0, 40)) });
}
