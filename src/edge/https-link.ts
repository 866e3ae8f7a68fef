/** A member's link over HTTPS: what member.ts asks for, as the coordinator's routes. */
import type { NextAnswer, ReplyAnswer } from "../coordinator/exchange.js";
import { codes, type ErrorCode, fail, MillwrightError } from "../core/errors.js";
import type { HttpsClient } from "../io/transport/client.js";
import { refusedOf } from "../io/transport/network-errors.js";
import { frameLimits } from "../wire/frame.js";
import type { Link } from "./link.js";

/** A reply larger than this is uploaded in pieces that can be resumed; below it, one request is quicker. */
export const inlineBytes = 4 << 20;
/** What an answer may take beyond the wait that was asked for. */
const slack = 15_000;

export function httpsLink(client: HttpsClient): Link {
  return {
    async plan(signal) {
      const { bytes } = await said(client.request({ method: "GET", path: "/v1/plan", signal }));
      return bytes ?? fail("MESSAGE_INVALID", { where: "plan", expected: "a signed plan", got: "no bytes" });
    },
    async next({ have, doing, waitMs }, signal) {
      const query = new URLSearchParams({ wait: String(waitMs) });
      if (have !== undefined) query.set("have", have);
      if (doing !== undefined) query.set("doing", doing.slice(0, 120));
      const { json } = await said(client.request({ method: "GET", path: `/v1/next?${query}`, signal, timeoutMs: waitMs + slack }));
      return checkNext(json);
    },
    fetch: (sha256, size, signal) => said(client.downloadBytes(sha256, size, signal)),
    async reply(key, { sha256, bytes }, signal) {
      const query = new URLSearchParams({ key });
      const inline = bytes.length <= inlineBytes;
      if (!inline) {
        const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
        await said(client.upload(sha256, { size: bytes.length, read, signal }));
        query.set("sha256", sha256);
      }
      const { json } = await said(
        client.request({
          method: "POST",
          path: `/v1/replies?${query}`,
          bytes: inline ? bytes : new Uint8Array(0),
          signal,
          traffic: "bulk",
        }),
      );
      const answer = json as Partial<ReplyAnswer> | undefined;
      if (typeof answer?.counts !== "boolean") fail("MESSAGE_INVALID", { where: "answer to a reply", expected: "counts", got: "nothing" });
      return { counts: answer.counts, retryAfterMs: numberOr(answer.retryAfterMs, 0) };
    },
  };
}

/** What the coordinator refuses is refused under its own code. */
async function said<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const body = refusedOf(error)?.body;
    if (body === undefined || !Object.hasOwn(codes, body.code)) throw error;
    const { code, expected, got, where, remedy } = body;
    throw new MillwrightError(code as ErrorCode, { where, expected, got, remedy, cause: error });
  }
}

const states = ["running", "paused", "finished", "failed"] as const;
const kinds = ["ask", "train"] as const;
/** A pause that a coordinator may ask for: one that was taken over must not put its members to sleep for good. */
const longestPause = 3_600_000;
/** The largest frame that any message has: what is announced as more is not fetched. */
const largestTask = 8 + frameLimits.header + frameLimits.payload;

function checkNext(json: unknown): NextAnswer {
  const answer = json as { [K in keyof NextAnswer]?: unknown } | undefined;
  const { state, plan, waiting, task } = answer ?? {};
  const known = states.find((one) => one === state);
  if (known === undefined || typeof plan !== "string" || typeof waiting !== "string") {
    return fail("MESSAGE_INVALID", { where: "answer of /v1/next", expected: "state, plan and waiting", got: "something else" });
  }
  const found: NextAnswer = { state: known, plan, waiting: waiting.slice(0, 500), retryAfterMs: numberOr(answer?.retryAfterMs, 0) };
  return task === undefined ? found : { ...found, task: checkTask(task) };
}

function checkTask(value: unknown): NonNullable<NextAnswer["task"]> {
  const task = (value ?? {}) as { [K in keyof NonNullable<NextAnswer["task"]>]?: unknown };
  const kind = kinds.find((one) => one === task.kind);
  const sound =
    typeof task.key === "string" &&
    task.key.length <= 200 &&
    typeof task.sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(task.sha256) &&
    Number.isSafeInteger(task.size) &&
    (task.size as number) >= 0 &&
    (task.size as number) <= largestTask;
  if (!sound || kind === undefined)
    return fail("MESSAGE_INVALID", { where: "task", expected: `key, kind, sha256 and a size up to ${largestTask}`, got: "something else" });
  const remainingMs = numberOr(task.remainingMs, Number.NaN);
  return {
    key: task.key as string,
    kind,
    sha256: task.sha256 as string,
    size: task.size as number,
    ...(Number.isNaN(remainingMs) ? {} : { remainingMs }),
  };
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.min(value, longestPause) : otherwise;
}
