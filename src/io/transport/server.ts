/**
 * The coordinator's door: HTTP/1.1 over TLS 1.3 with client certificates, on bare node:https. No framework: one table of routes needs none,
 * its packages would be audited with every release, and limits shall hold before anything is parsed. A certificate is asked for and
 * not demanded by TLS, so that enrolment and signed requests can arrive; every route but the public ones then demands a caller.
 *
 * Order of a request: address, declared length, rate, identity, role, member's rate, body, handler. Promises: nothing is read or
 * computed for whoever is not entitled to it; a revoked member's sockets are gone when `cut` returns. Not promised: protection
 * against floods of handshakes; that is for the network in front.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import type { Millis } from "../../core/quantities.js";
import type { Authenticate, Caller, Route } from "../../core/route.js";
import { createExchange, type Exchange } from "./exchange.js";
import { type ServerLimits, serverLimits } from "./limits.js";
import { after, type Link } from "./pace.js";

/** What a server says about its work. */
export type Log = (level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, unknown>>) => void;

/** One answered request, for metrics and the access log. */
export interface Served {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly code?: string;
  readonly caller?: string;
  readonly address: string;
  readonly ms: Millis;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface HttpsOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM. `ca` is the federation's: clients are verified against it, and it is sent along so that an enrolling plant can pin it. */
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string; readonly ticketKeys?: Uint8Array };
  readonly routes: readonly Route[];
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ServerLimits>;
  /** Pace steering: when a caller shall come again, in milliseconds, unless a reply says otherwise. */
  readonly pace?: (caller: Caller | undefined) => number;
  readonly onServed?: (served: Served) => void;
  /** The share of bandwidth that answers of "bulk" routes keep to. */
  readonly link?: Link;
}

export interface HttpsServer {
  readonly port: number;
  readonly url: string;
  /** No new connections; long polls end; what is under way may finish for `grace` milliseconds. */
  readonly close: (grace?: number) => Promise<void>;
  /** Destroys the sockets of these certificates and members at once; returns how many. */
  readonly cut: (who: { readonly serials?: readonly string[]; readonly names?: readonly string[] }) => number;
  readonly connections: () => number;
  readonly inFlight: () => number;
  /** A renewed certificate of the server itself; open connections keep the old one. */
  readonly renew: (tls: { readonly key: string; readonly cert: string }) => void;
}

/** Listens. Errors: PLAN_REFUSED (route table, certificate), SERVER_BUSY where the address is taken. */
export async function serveHttps(options: HttpsOptions): Promise<HttpsServer> {
  const limits: ServerLimits = { ...serverLimits, ...options.limits };
  const { tls, clock, log } = options;
  const exchange: Exchange = createExchange(options, limits);
  const sockets = new Set<TLSSocket>();
  const server = listenerOf(tls, limits);
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headers;
  server.headersTimeout = limits.headerTime;
  // Bodies have their own clock, which grows with what arrived: a thin link may take long, a trickle may not.
  server.requestTimeout = 0;
  server.keepAliveTimeout = limits.idleTime;
  const answer = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    // Whoever frames a body otherwise may mean another end of it than we do: nothing behind it is read. Requests that were already in the
    // parser's hands when a socket was destroyed still come by here.
    const framing = request.headers["transfer-encoding"];
    if (framing !== undefined && framing.toLowerCase() !== "chunked") request.socket.destroy();
    if (request.socket.destroyed) return;
    exchange.answer(request, response, expectsContinue).catch((error: unknown) => {
      log("error", "request.fault", { error: String(error) });
      request.socket.destroy();
    });
  };
  server.on("request", (request, response) => answer(request, response, false));
  // Before "100 Continue" goes out, length and identity have been judged.
  server.on("checkContinue", (request, response) => answer(request, response, true));
  server.on("checkExpectation", (_request, response) => response.writeHead(417, { connection: "close" }).end());
  for (const event of ["upgrade", "connect"] as const) server.on(event, (_request: IncomingMessage, socket) => socket.destroy());
  server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    log("info", "tls.refused", { address: socket.remoteAddress, reason: error.code ?? error.message });
    socket.destroy();
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    log("info", "http.refused", { reason: error.code ?? error.message });
    // Bytes that are no HTTP get one fixed line; nothing of them is repeated.
    const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
    // Not into the middle of an answer that is under way.
    if (exchange.isAnswering(socket as TLSSocket)) socket.destroy();
    else if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    after(clock, 1000, () => socket.destroy());
  });
  server.on("drop", () => log("warn", "connection.dropped", { limit: limits.connections }));
  await listen(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  const name = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    port,
    url: `https://${name}:${port}`,
    connections: () => sockets.size,
    inFlight: exchange.inFlight,
    cut: ({ serials = [], names = [] }) => {
      let gone = 0;
      for (const socket of exchange.cut(new Set(serials), new Set(names), sockets)) {
        socket.destroy();
        gone++;
      }
      return gone;
    },
    renew: ({ key, cert }) => server.setSecureContext({ ...secure(tls, limits), key, cert: chain(cert, tls.ca) }),
    close: async (grace = 5000) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      exchange.close();
      server.closeIdleConnections();
      const cancel = after(clock, grace, () => {
        for (const socket of sockets) socket.destroy();
        server.closeAllConnections();
      });
      await closed;
      cancel();
    },
  };
}

/** The certificate and the CA behind it, so that whoever knows only the CA's digest can check both. */
const chain = (cert: string, ca: string): string => (cert.includes(ca.trim()) ? cert : `${cert.trimEnd()}\n${ca}`);

function secure(tls: HttpsOptions["tls"], limits: ServerLimits) {
  return {
    key: tls.key,
    cert: chain(tls.cert, tls.ca),
    ca: tls.ca,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    sessionTimeout: limits.sessionTime,
    // A session that another CA vouched for is not taken up again.
    sessionIdContext: createHash("sha256").update(tls.ca).digest("hex").slice(0, 32),
    ...(tls.ticketKeys !== undefined && { ticketKeys: Buffer.from(tls.ticketKeys) }),
  } as const;
}

function listenerOf(tls: HttpsOptions["tls"], limits: ServerLimits): Server {
  try {
    return createServer({
      ...secure(tls, limits),
      ALPNProtocols: ["http/1.1"],
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: limits.handshakeTime,
      maxHeaderSize: limits.headerBytes,
      connectionsCheckingInterval: limits.sweepTime,
      insecureHTTPParser: false,
      requireHostHeader: true,
    });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    return fail("PLAN_REFUSED", {
      where: "the server's certificate",
      expected: "a key, its certificate and the federation's CA in PEM",
      got,
      cause,
    });
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const detail = {
        where: `${host}:${port}`,
        expected: "an address to listen on",
        got: cause.code ?? cause.message,
        remedy: "choose another port or stop the program that has it",
      };
      reject(new MillwrightError("SERVER_BUSY", detail));
    });
    server.listen({ host, port, backlog: 4096 }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}
