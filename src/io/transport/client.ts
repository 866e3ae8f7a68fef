/**
 * The plant's and the relay's way to a coordinator: requests over a few kept connections, each with an end in time, nothing larger than
 * declared in either direction, bulk bytes at the pace of the link. No redirect is followed and no compression is asked for. Whether
 * to try again is for the caller to decide: here only a request that met a connection which the server had just closed is repeated.
 */
import { createHash } from "node:crypto";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { BucketSpec, Traffic } from "../../core/bucket.js";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { millis } from "../../core/quantities.js";
import type { ErrorBody, RequestSigner } from "../../core/route.js";
import { type ClientTls, dialer } from "./dial.js";
import { refusedBy, unreachable } from "./network-errors.js";
import { link, paceBytes } from "./pace.js";
import { proxyFor } from "./proxy.js";
import { parseJson } from "./safe-json.js";
import { type DownloadTo, download, downloadBytes, type UploadFrom, upload } from "./transfer.js";
import { watchdog } from "./watchdog.js";

export interface ClientLimits {
  /** Connections at once: a long poll, a transfer, and room for a reply. */
  readonly sockets: number;
  readonly connectTime: number;
  /** From the request to the first byte of its answer, where a request names no other. */
  readonly answerTime: number;
  /** Longest silence while a body goes either way. */
  readonly stallTime: number;
  /** Largest answer that is held in memory. */
  readonly answerBytes: number;
  /** Piece of an upload that is sent as one request. */
  readonly chunkBytes: number;
  /** Attempts of a transfer in a row that bring nothing. */
  readonly attempts: number;
}

export const clientLimits: ClientLimits = {
  sockets: 4,
  connectTime: 20_000,
  answerTime: 30_000,
  stallTime: 30_000,
  answerBytes: 16_777_216,
  chunkBytes: 4_194_304,
  attempts: 5,
};

export interface ClientOptions {
  /** "https://coordinator.example:8443" */
  readonly url: string;
  readonly tls: ClientTls;
  /** Signs every request: for where a proxy opens TLS. */
  readonly sign?: RequestSigner;
  /** An address, "none", or nothing: then https_proxy and no_proxy are read. */
  readonly proxy?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly bucket?: BucketSpec;
  readonly clock: Clock;
  readonly limits?: Partial<ClientLimits>;
}

export interface Ask {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Milliseconds to the first byte of the answer: for a long poll, its wait and some more. */
  readonly timeoutMs?: number;
  readonly traffic?: Traffic;
  /** Takes the answer's body piece by piece instead of having it held; of answers below 300 only. */
  readonly onChunk?: (chunk: Uint8Array, answer: Answer) => Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Of a JSON answer; parsed with the same care as a request. */
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** When the server wants to be asked again. */
  readonly retryAfterMs: number;
}

export interface HttpsClient {
  /** Errors: TRANSPORT_UNREACHABLE, TRANSPORT_REFUSED (see refusedOf), TRANSPORT_INTERCEPTED, TRANSPORT_DAMAGED, LIMIT_EXCEEDED, ABORTED. */
  readonly request: (ask: Ask) => Promise<Answer>;
  /** Fetches a blob into a writer, going on where it stands. Errors: BLOB_MISMATCH and those of request. */
  readonly download: (sha256: string, to: DownloadTo) => Promise<void>;
  /** Fetches a blob of a bounded size into memory. */
  readonly downloadBytes: (sha256: string, size: number, signal?: AbortSignal) => Promise<Uint8Array>;
  /** Sends a blob, going on where the server stands; durable there when it resolves. */
  readonly upload: (sha256: string, from: UploadFrom) => Promise<void>;
  /** Breaks off what is under way. */
  readonly close: () => void;
}

export function httpsClient(options: ClientOptions): HttpsClient {
  const limits: ClientLimits = { ...clientLimits, ...options.limits };
  const { clock } = options;
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (url === undefined || url.protocol !== "https:" || url.pathname !== "/" || url.search !== "" || url.username !== "") {
    return fail("USAGE", {
      where: "coordinator",
      expected: "an address like https://coordinator.example:8443",
      got: options.url.slice(0, 200),
    });
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 443 : Number(url.port);
  const proxy = proxyFor(host, port, options.proxy, options.env ?? process.env);
  const dial = dialer({
    host,
    port,
    tls: options.tls,
    clock,
    connectTime: millis(limits.connectTime),
    ...(proxy !== undefined && { proxy }),
  });
  const agent = new Agent({ keepAlive: true, maxSockets: limits.sockets, maxFreeSockets: limits.sockets, scheduling: "lifo" });
  Object.assign(agent, {
    createConnection: (_: unknown, done: (error: Error | null, socket?: unknown) => void) => {
      dial().then(
        (socket) => done(null, socket),
        (error) => done(error),
      );
    },
  });
  const pace = options.bucket === undefined ? undefined : link(options.bucket, clock);
  const closing = new AbortController();

  async function once(ask: Ask): Promise<Answer> {
    const where = `${ask.method} ${url?.origin}${ask.path.split("?")[0]}`;
    const body = ask.json === undefined ? ask.bytes : Buffer.from(JSON.stringify(ask.json));
    const signed = await options.sign?.({
      method: ask.method,
      target: ask.path,
      bodySha256: createHash("sha256")
        .update(body ?? "")
        .digest("hex"),
    });
    const signals = ask.signal === undefined ? [closing.signal] : [ask.signal, closing.signal];
    const aborted = (): boolean => signals.some((signal) => signal.aborted);
    if (aborted()) fail("ABORTED", { where, expected: "to ask", got: "a request to stop" });
    const request = httpsRequest({
      agent,
      host,
      port,
      method: ask.method,
      path: ask.path,
      headers: {
        ...(ask.json !== undefined && { "content-type": "application/json" }),
        ...(body !== undefined && { "content-length": String(body.length) }),
        ...ask.headers,
        ...signed,
      },
    });
    const stop = (): void => void request.destroy(new Error("aborted"));
    for (const signal of signals) signal.addEventListener("abort", stop, { once: true });
    const dog = watchdog(clock, () => request.destroy(new Error("silence")));
    const take = async (bytes: number): Promise<void> => {
      dog.rest();
      await pace?.take(bytes, ask.traffic ?? "control", ask.signal ?? closing.signal);
      dog.watch(limits.stallTime);
    };
    // Until a socket is there, the dialler's own limit holds; the agent may also make this request wait for a free one.
    dog.watch(limits.connectTime + limits.stallTime);
    let answered = false;
    try {
      const response = answerOf(request);
      response.catch(() => {});
      await ready(request);
      dog.watch(limits.stallTime);
      await write(request, body, take);
      dog.watch(ask.timeoutMs ?? limits.answerTime);
      const message = await response;
      answered = true;
      dog.watch(limits.stallTime);
      return await read(message, ask, where, limits, take);
    } catch (error) {
      request.destroy();
      if (aborted()) return fail("ABORTED", { where, expected: "an answer", got: "a request to stop" });
      if (error instanceof MillwrightError) throw error;
      if (dog.barked()) throw unreachable(where, "timeout", "ETIMEDOUT", error);
      if (!answered && request.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET") throw stale(error);
      throw unreachable(where, answered ? "the answer broke off" : "request", error);
    } finally {
      dog.stop();
      for (const signal of signals) signal.removeEventListener("abort", stop);
    }
  }

  const client: HttpsClient = {
    request: async (ask) => {
      for (let stales = 0; ; stales++) {
        try {
          return await once(ask);
        } catch (error) {
          // A kept connection that the server closed as the request left: it was not read. POST may have been, and is the caller's to repeat.
          if (!isStale(error)) throw error;
          if (ask.method === "POST" || stales >= limits.sockets) throw unreachable(host, "request", (error as Error).cause);
        }
      }
    },
    download: (sha256, to) => download(client, clock, limits, sha256, to),
    downloadBytes: (sha256, size, signal) => downloadBytes(client, clock, limits, sha256, size, signal),
    upload: (sha256, from) => upload(client, clock, limits, sha256, from),
    close: () => {
      closing.abort();
      agent.destroy();
    },
  };
  return client;
}

const stales = new WeakSet<Error>();
function stale(cause: unknown): Error {
  const error = new Error("a connection that was just closed", { cause });
  stales.add(error);
  return error;
}
const isStale = (error: unknown): boolean => error instanceof Error && stales.has(error);

function ready(request: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once("socket", () => resolve()).once("error", reject);
  });
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve).on("error", reject);
    request.once("close", () => reject(new Error("closed without an answer")));
  });
}

async function write(request: ClientRequest, body: Uint8Array | undefined, take: (bytes: number) => Promise<void>): Promise<void> {
  let early = false;
  request.once("response", () => {
    early = true;
  });
  // The head counts as well, roughly.
  await take(512);
  for (let from = 0; body !== undefined && from < body.length; from += paceBytes) {
    const piece = body.subarray(from, from + paceBytes);
    await take(piece.length);
    // An answer that came early is a refusal: the rest need not leave.
    if (request.destroyed || early) return;
    if (!request.write(piece)) await drained(request);
  }
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("drain", done).off("close", done).off("response", done);
      resolve();
    };
    request.on("drain", done).on("close", done).on("response", done);
  });
}

async function read(
  message: IncomingMessage,
  ask: Ask,
  where: string,
  limits: ClientLimits,
  take: (bytes: number) => Promise<void>,
): Promise<Answer> {
  const headers = message.headers as Record<string, string | undefined>;
  const status = message.statusCode ?? 0;
  const answer: Answer = { status, headers, retryAfterMs: bounded(headers["retry-after-ms"]) };
  const held: Uint8Array[] = [];
  let size = 0;
  const streamed = ask.onChunk !== undefined && status < 300;
  const most = status < 300 ? limits.answerBytes : 65_536;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    await take(chunk.length);
    size += chunk.length;
    if (streamed) await ask.onChunk?.(chunk, answer);
    else if (size > most) fail("LIMIT_EXCEEDED", { where, expected: `an answer of at most ${most} bytes`, got: "more" });
    else held.push(chunk);
  }
  const bytes = Buffer.concat(held);
  const isJson = /^application\/json\b/.test(headers["content-type"] ?? "");
  if (status >= 200 && status < 300) return isJson && bytes.length > 0 ? { ...answer, json: answered(bytes, where) } : { ...answer, bytes };
  throw refusedBy(where, { status, body: refusalBody(status, isJson && bytes.length > 0 ? answered(bytes, where) : undefined, answer) });
}

function answered(bytes: Uint8Array, where: string): unknown {
  try {
    return parseJson(bytes);
  } catch (cause) {
    return fail("TRANSPORT_DAMAGED", { where, expected: "a JSON answer", got: "bytes that are none", cause });
  }
}

/** What the server said; for what is not its own words (a proxy's page, an answer to HEAD) what the status says. */
function refusalBody(status: number, json: unknown, answer: Answer): ErrorBody {
  const { code, where, expected, got, remedy } = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  const { retryAfterMs } = answer;
  if (typeof code === "string" && /^[A-Z_]{3,40}$/.test(code) && typeof expected === "string" && typeof got === "string") {
    const text = (value: unknown): string | undefined => (typeof value === "string" ? value.slice(0, 1000) : undefined);
    const body = { code, expected: expected.slice(0, 1000), got: got.slice(0, 1000), retryAfterMs };
    return {
      ...body,
      ...(text(where) !== undefined && { where: text(where) }),
      ...(text(remedy) !== undefined && { remedy: text(remedy) }),
    };
  }
  const type = answer.headers["content-type"];
  const got2 = `status ${status}${type === undefined ? "" : ` with ${type.slice(0, 60)}`}`;
  const remedy2 = "if this is not the coordinator's answer, a proxy between gave it";
  return {
    code: answer.headers["error-code"] ?? "UNKNOWN",
    expected: "an answer of the coordinator",
    got: got2,
    remedy: remedy2,
    retryAfterMs,
  };
}

function bounded(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) && value > 0 ? Math.min(value, 3_600_000) : 0;
}
