/** One request and its answer: the order in which a stranger is told no, and who has what under way. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { fail, MillwrightError } from "../../core/errors.js";
import { type Millis, millis } from "../../core/quantities.js";
import type { Call, Caller, Reply, Route } from "../../core/route.js";
import { addressed, plainHeaders } from "./address.js";
import { refusal, send } from "./answer.js";
import { type Announced, announced, incoming, type Reading, whole } from "./body.js";
import type { ServerLimits } from "./limits.js";
import { after, steady } from "./pace.js";
import { peerOf } from "./peer.js";
import { rates } from "./rates.js";
import { router } from "./router.js";
import { parseJson } from "./safe-json.js";
import type { HttpsOptions } from "./server.js";

/** A request that is being answered, and what becomes known of it on the way. */
interface Running {
  readonly socket: TLSSocket;
  readonly stop: AbortController;
  readonly began: Millis;
  caller?: Caller;
  /** Counted among the member's requests. */
  counted: boolean;
  route: string;
  bulk: boolean;
  bytesIn: number;
  /** Of a refusal for its rate. */
  retryAfterMs?: number;
}

export interface Exchange {
  readonly answer: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => Promise<void>;
  /** The sockets of these certificates and of requests that these members or certificates have under way; their calls are aborted. */
  readonly cut: (serials: ReadonlySet<string>, names: ReadonlySet<string>, open: ReadonlySet<TLSSocket>) => ReadonlySet<TLSSocket>;
  readonly inFlight: () => number;
  readonly isAnswering: (socket: TLSSocket) => boolean;
  /** Aborts every call that is under way; what comes later is refused. */
  readonly close: () => void;
}

/** How long an unread body may go on arriving after its refusal was sent: closing at once would take the refusal from the client. */
const lingering = 2000;

export function createExchange(options: HttpsOptions, limits: ServerLimits): Exchange {
  const { clock, log } = options;
  const find = router(options.routes);
  const strangers = rates(limits.strangerRate, limits.strangerBurst, limits.remembered);
  const members = rates(limits.memberRate, limits.memberBurst, limits.remembered);
  const running = new Set<Running>();
  const bySocket = new WeakMap<TLSSocket, number>();
  const byMember = new Map<string, number>();
  /** Whom a socket served last: an idle one is cut by name as well. */
  const owner = new WeakMap<TLSSocket, Caller>();
  let held = 0;
  let cuts = 0;
  let closing = false;

  /** Who calls; asked again where somebody was cut meanwhile, so that no answer from before a revocation is used after it. */
  async function identify(request: IncomingMessage, target: string, headers: Record<string, string>) {
    const evidence = { method: request.method as string, target, headers };
    for (;;) {
      const before = cuts;
      const found = await options.authenticate({ ...peerOf(request.socket as TLSSocket, clock.now()), ...evidence });
      if (before === cuts) return found;
    }
  }

  /** The caller of a member's route, entitled to it and within its rate. Returns what its signature says of the body. */
  async function admit(
    request: IncomingMessage,
    one: Running,
    route: Route,
    target: string,
    headers: Record<string, string>,
    where: string,
  ) {
    const { caller, bodySha256 } = await identify(request, target, headers);
    if (one.stop.signal.aborted) fail("ABORTED", { where, expected: "a client that waits", got: "one that went away" });
    one.caller = caller;
    owner.set(one.socket, caller);
    if (!route.roles.includes(caller.role)) {
      fail("AUTH_FORBIDDEN", { where, expected: `a role of ${route.roles.join(", ")}`, got: `${caller.role} (${caller.name})` });
    }
    rated(one, members.ask(caller.name, steady(clock)), where);
    const now = (byMember.get(caller.name) ?? 0) + 1;
    if (now > limits.perMember) busy(where, `at most ${limits.perMember} requests of one member at once`);
    byMember.set(caller.name, now);
    one.counted = true;
    return bodySha256;
  }

  async function run(request: IncomingMessage, response: ServerResponse, one: Running, expectsContinue: boolean): Promise<Reply> {
    const { matched, query, target, where } = addressed(request, limits, find);
    const { route, params } = matched;
    one.route = route.name;
    one.bulk = route.traffic === "bulk";
    const head = announced(request, route.body, where);
    if (closing) busy(where, "a server that stays");
    if ((bySocket.get(one.socket) ?? 0) > limits.perConnection)
      busy(where, `at most ${limits.perConnection} requests at once on a connection`);
    const address = one.socket.remoteAddress ?? "";
    if (!one.socket.authorized) rated(one, strangers.ask(address, steady(clock)), where);
    const headers = plainHeaders(request);
    const sha256 = route.auth === "none" ? undefined : await admit(request, one, route, target, headers, where);
    if (expectsContinue) response.writeContinue();
    const onBytes = (bytes: number): void => {
      one.bytesIn += bytes;
    };
    const reading: Reading = { clock, limits, where, onBytes, ...(sha256 !== undefined && { sha256 }) };
    const call: Call = {
      ...(one.caller !== undefined && { caller: one.caller }),
      params,
      query,
      headers,
      ...(head.length !== undefined && { length: head.length }),
      signal: one.stop.signal,
      address,
      local: /^(::1|(::ffff:)?127\.)/.test(address),
    };
    if (route.body.kind === "stream") return route.handle({ ...call, stream: incoming(request, route.body, reading) });
    return withBody(request, route, head, reading, call);
  }

  /** JSON and bytes are held in memory: all of them together within one budget, until the handler is done with them. */
  async function withBody(request: IncomingMessage, route: Route, head: Announced, reading: Reading, call: Call): Promise<Reply> {
    // A compressed body is held twice and may grow to the limit; one without a length may do so too.
    const share = !head.present ? 0 : head.encoding === undefined && head.length !== undefined ? head.length : 2 * route.body.limit;
    if (held + share > limits.bodyMemory) busy(reading.where, "memory for one more body");
    held += share;
    try {
      // Of no body too: a signature may claim one.
      const bytes = head.present || reading.sha256 !== undefined ? await whole(request, route.body, head, reading) : new Uint8Array();
      if (route.body.kind === "json") return await route.handle({ ...call, json: parseJson(bytes) });
      return await route.handle(route.body.kind === "bytes" ? { ...call, bytes } : call);
    } finally {
      held -= share;
    }
  }

  function refused(one: Running, error: unknown): Reply & { readonly code: string } {
    if (!(error instanceof MillwrightError) || error.code === "INTERNAL") {
      log("error", "handler.fault", { route: one.route, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    const { status, body } = refusal(error, Math.ceil(one.retryAfterMs ?? options.pace?.(one.caller) ?? 0));
    // The code as a header as well: an answer to HEAD has nothing else.
    return { status, json: body, headers: { "error-code": body.code }, retryAfterMs: body.retryAfterMs, code: body.code };
  }

  /** Sends, and leaves the connection usable or closed, never half read. */
  async function finish(
    request: IncomingMessage,
    response: ServerResponse,
    one: Running,
    reply: Reply,
    continued: boolean,
  ): Promise<number> {
    if (response.destroyed) return 0;
    if (closing || !continued) response.setHeader("connection", "close");
    const link = one.bulk ? options.link : undefined;
    const sent = await send(response, reply, {
      clock,
      drainTime: limits.drainTime,
      retryAfterMs: options.pace?.(one.caller) ?? 0,
      ...(link !== undefined && { pace: (bytes: number) => link.take(bytes, "bulk", one.stop.signal) }),
    });
    if (!request.complete) {
      request.resume();
      const cancel = after(clock, lingering, () => one.socket.destroy());
      request.once("end", cancel);
    }
    return sent;
  }

  function done(one: Running): void {
    running.delete(one);
    bySocket.set(one.socket, (bySocket.get(one.socket) ?? 1) - 1);
    if (!one.counted || one.caller === undefined) return;
    const left = (byMember.get(one.caller.name) ?? 1) - 1;
    if (left > 0) byMember.set(one.caller.name, left);
    else byMember.delete(one.caller.name);
  }

  return {
    inFlight: () => running.size,
    isAnswering: (socket) => (bySocket.get(socket) ?? 0) > 0,
    close: () => {
      closing = true;
      for (const one of running) one.stop.abort();
    },
    cut: (serials, names, open) => {
      cuts++;
      const meant = (caller: Caller | undefined): boolean => caller !== undefined && (serials.has(caller.serial) || names.has(caller.name));
      const found = new Set<TLSSocket>();
      for (const socket of open) {
        const shown = peerOf(socket, clock.now()).certificate;
        if (meant(owner.get(socket)) || (shown !== undefined && serials.has(shown.serial))) found.add(socket);
      }
      for (const one of running) {
        if (!meant(one.caller) && !found.has(one.socket)) continue;
        found.add(one.socket);
        one.stop.abort();
      }
      return found;
    },
    answer: async (request, response, expectsContinue) => {
      const socket = request.socket as TLSSocket;
      const one: Running = {
        socket,
        stop: new AbortController(),
        began: steady(clock),
        counted: false,
        route: "-",
        bulk: false,
        bytesIn: 0,
      };
      running.add(one);
      bySocket.set(socket, (bySocket.get(socket) ?? 0) + 1);
      response.once("close", () => {
        if (!response.writableFinished) one.stop.abort();
      });
      let reply: Reply & { readonly code?: string } = { status: 0 };
      let bytesOut = 0;
      try {
        reply = await run(request, response, one, expectsContinue).catch((error: unknown) => refused(one, error));
        bytesOut = await finish(request, response, one, reply, !expectsContinue || reply.code === undefined);
      } catch (error) {
        // Headers that cannot be written, a stream that broke in the middle: the client must not take it for whole.
        if (!one.stop.signal.aborted) log("error", "answer.fault", { route: one.route, error: String(error) });
        response.destroy();
      } finally {
        done(one);
      }
      options.onServed?.({
        route: one.route,
        method: request.method ?? "",
        status: reply.status,
        ...(reply.code !== undefined && { code: reply.code }),
        ...(one.caller !== undefined && { caller: one.caller.name }),
        address: socket.remoteAddress ?? "",
        ms: millis(steady(clock) - one.began),
        bytesIn: one.bytesIn,
        bytesOut,
      });
    },
  };
}

function rated(one: Running, wait: number, where: string): void {
  if (wait === 0) return;
  one.retryAfterMs = wait;
  fail("RATE_LIMITED", { where, expected: "requests at the declared rate", got: "more", remedy: `come back in ${Math.ceil(wait)} ms` });
}

function busy(where: string, expected: string): never {
  return fail("SERVER_BUSY", { where, expected, got: "one more", remedy: "ask again later" });
}
