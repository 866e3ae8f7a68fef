/** Answers on their way out: the status that a code means, one form for every refusal, and bytes no faster than the client takes them. */
import type { ServerResponse } from "node:http";
import { type ErrorCode, MillwrightError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import type { ErrorBody, Reply } from "../../core/route.js";
import { after } from "./pace.js";

/** Codes whose status is not that of their family (AUTH_ 403, RECORD_ and STORE_ 503, INTERNAL 500, the rest 400). */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  AUTH_REQUIRED: 401,
  ROUTE_UNKNOWN: 404,
  BLOB_MISSING: 404,
  RECORD_MISSING: 404,
  RECORD_CONFLICT: 409,
  RECORD_INVALID: 400,
  LIMIT_EXCEEDED: 413,
  RATE_LIMITED: 429,
  SERVER_BUSY: 503,
  FILE_UNREADABLE: 503,
  FILE_UNWRITABLE: 503,
  ABORTED: 503,
  INTERNAL: 500,
};

export function statusOf(code: ErrorCode): number {
  const own = statuses[code];
  if (own !== undefined) return own;
  if (code.startsWith("AUTH_")) return 403;
  return /^(RECORD|STORE|JOURNAL)_/.test(code) ? 503 : 400;
}

/** A refusal as a reply. What is not a MillwrightError, and what concerns only this machine's own disk, is not told to the other end. */
export function refusal(error: unknown, retryAfterMs: number): { readonly status: number; readonly body: ErrorBody } {
  const known = error instanceof MillwrightError && error.code !== "INTERNAL";
  if (!known) {
    return {
      status: 500,
      body: { code: "INTERNAL", expected: "an answer", got: "a fault of the server", remedy: "the server's log has it", retryAfterMs },
    };
  }
  const { code, detail } = error;
  const status = statusOf(code);
  if (/^(RECORD|STORE|JOURNAL|FILE)_/.test(code) && status === 503) {
    return {
      status,
      body: { code, expected: "the server's store to work", got: "a fault of it", remedy: "the server's log has it", retryAfterMs },
    };
  }
  return {
    status,
    body: {
      code,
      ...(detail.where !== undefined && { where: detail.where }),
      expected: detail.expected,
      got: detail.got,
      ...(detail.remedy !== undefined && { remedy: detail.remedy }),
      retryAfterMs,
    },
  };
}

export interface Sending {
  readonly clock: Clock;
  /** Milliseconds without the client taking anything after which it is cut off. */
  readonly drainTime: number;
  readonly retryAfterMs: number;
  readonly pace?: (bytes: number) => Promise<void>;
}

/** Writes a reply and returns the bytes of its body; resolves when all of it was handed to the socket or the socket is gone. */
export async function send(response: ServerResponse, reply: Reply, sending: Sending): Promise<number> {
  const retryAfterMs = reply.retryAfterMs ?? sending.retryAfterMs;
  const body = reply.json === undefined ? reply.bytes : jsonBytes(reply.json, retryAfterMs);
  const type = reply.json === undefined ? "application/octet-stream" : "application/json; charset=utf-8";
  const size = reply.stream?.size ?? body?.length ?? 0;
  response.writeHead(reply.status, {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "retry-after-ms": String(retryAfterMs),
    ...(reply.status === 204 || reply.status === 304 ? {} : { "content-length": String(size), ...(size > 0 && { "content-type": type }) }),
    ...reply.headers,
  });
  if (reply.stream !== undefined && response.req.method !== "HEAD") await pump(response, reply.stream.chunks, sending);
  response.end(reply.stream === undefined && response.req.method !== "HEAD" ? body : undefined);
  return size;
}

function jsonBytes(json: unknown, retryAfterMs: number): Uint8Array {
  const plain = typeof json === "object" && json !== null && !Array.isArray(json) && !("retryAfterMs" in json);
  return Buffer.from(JSON.stringify(plain ? { ...json, retryAfterMs } : json));
}

async function pump(response: ServerResponse, chunks: AsyncIterable<Uint8Array>, { clock, drainTime, pace }: Sending): Promise<void> {
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    await pace?.(chunk.length);
    if (response.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        response.off("drain", done).off("close", done);
        resolve();
      };
      const cancel = after(clock, drainTime, () => {
        // A client that reads nothing holds the blob's chunk and a socket; others need both.
        response.destroy();
        done();
      });
      response.on("drain", done).on("close", done);
    });
  }
}
