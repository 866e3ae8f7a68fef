/**
 * A verified connection to the coordinator: straight or through a proxy's tunnel, TLS 1.3, the server's certificate checked against the
 * federation's CA (or, before the plant has it, against the CA's digest from the enrolment token) and the name that was dialled. No
 * byte of a request leaves before that. Sessions are taken up again, which halves the cost of coming back after a restart.
 */
import { createHash, X509Certificate } from "node:crypto";
import { type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, connect as netConnect, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { MillwrightError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import type { Millis } from "../../core/quantities.js";
import { intercepted, unreachable } from "./network-errors.js";
import { after } from "./pace.js";
import type { ProxyServer } from "./proxy.js";

export interface ClientTls {
  /** PEM, of an enrolled plant. */
  readonly key?: string;
  readonly cert?: string;
  /** PEM: the federation's CA; where a proxy opens TLS, that proxy's CA as well. */
  readonly ca?: string | readonly string[];
  /** Before there is a CA: the SHA-256 of its certificate (DER), hex. */
  readonly pin?: string;
}

export interface Dialling {
  readonly host: string;
  readonly port: number;
  readonly tls: ClientTls;
  readonly proxy?: ProxyServer;
  readonly clock: Clock;
  readonly connectTime: Millis;
}

/** Opens connections to one server. Errors: TRANSPORT_UNREACHABLE, TRANSPORT_INTERCEPTED. */
export function dialer(to: Dialling): () => Promise<TLSSocket> {
  let session: Buffer | undefined;
  const where = `${to.host}:${to.port}`;
  return async () => {
    let stage = to.proxy === undefined ? "connecting" : "connecting to the proxy";
    let open: Socket | ClientRequest | undefined;
    let late = false;
    const cancel = after(to.clock, to.connectTime, () => {
      late = true;
      open?.destroy(new Error("late"));
    });
    try {
      const raw = await (to.proxy === undefined
        ? plain(to, (socket) => (open = socket))
        : tunnel(to, to.proxy, where, (request) => (open = request)));
      open = raw;
      stage = "TLS";
      const socket = await handshake(raw, to, session);
      raw.on("error", () => socket.destroy());
      open = socket;
      verify(socket, to, where);
      socket.on("session", (ticket) => {
        session = ticket;
      });
      return socket;
    } catch (error) {
      open?.destroy();
      if (error instanceof MillwrightError) throw error;
      // A ticket that the server no longer knows costs nothing; one that breaks the handshake must not break the next.
      session = undefined;
      throw late
        ? unreachable(where, "timeout", `nothing for ${to.connectTime} ms while ${stage}`, error)
        : unreachable(where, stage, error);
    } finally {
      cancel();
    }
  };
}

function plain(to: Dialling, opened: (socket: Socket) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = netConnect({ host: to.host, port: to.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    opened(socket);
    socket.once("error", reject).once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** A tunnel by CONNECT (RFC 9110 section 9.3.6). */
function tunnel(to: Dialling, proxy: ProxyServer, where: string, opened: (request: ClientRequest) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const path = `${isIP(to.host) === 6 ? `[${to.host}]` : to.host}:${to.port}`;
    const auth =
      proxy.credentials === undefined ? {} : { "proxy-authorization": `Basic ${Buffer.from(proxy.credentials).toString("base64")}` };
    const request = (proxy.secure ? httpsRequest : httpRequest)({
      host: proxy.host,
      port: proxy.port,
      method: "CONNECT",
      path,
      headers: { host: path, ...auth },
      agent: false,
    });
    opened(request);
    const refuse = (status: number | undefined): void => {
      request.destroy();
      const remedy = status === 407 ? "put user and password into the proxy's address" : "ask for the coordinator's address to be allowed";
      reject(unreachable(where, "proxy", `status ${status} from ${proxy.host}:${proxy.port}`, undefined, remedy));
    };
    request.once("connect", (response, socket, head) => {
      if (response.statusCode !== 200 || head.length > 0) {
        socket.destroy();
        return refuse(response.statusCode);
      }
      socket.setNoDelay(true).setKeepAlive(true, 30_000);
      resolve(socket);
    });
    request.once("response", (response) => refuse(response.statusCode));
    request.once("error", reject);
    request.end();
  });
}

function handshake(socket: Socket, to: Dialling, session: Buffer | undefined): Promise<TLSSocket> {
  const { key, cert, ca } = to.tls;
  return new Promise((resolve, reject) => {
    const secure = connect({
      socket,
      host: to.host,
      ...(isIP(to.host) === 0 && { servername: to.host }),
      minVersion: "TLSv1.3",
      ALPNProtocols: ["http/1.1"],
      ...(key !== undefined && cert !== undefined && { key, cert }),
      ...(ca !== undefined && { ca: [ca].flat() }),
      ...(session !== undefined && { session }),
      // Judged in `verify`, where the certificate can be named in the refusal.
      rejectUnauthorized: false,
    });
    secure.once("error", reject).once("close", () => reject(new Error("the connection was closed in the handshake")));
    secure.once("secureConnect", () => {
      secure.off("error", reject);
      resolve(secure);
    });
  });
}

/** OpenSSL's words for a chain that does not lead to our CA. */
const foreign = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
]);

function verify(socket: TLSSocket, to: Dialling, where: string): void {
  if (to.tls.pin !== undefined) {
    verifyPin(socket, to.tls.pin, to, where);
    return;
  }
  if (socket.authorized) return;
  const problem = String((socket.authorizationError as unknown as NodeJS.ErrnoException)?.code ?? socket.authorizationError);
  if (foreign.has(problem)) throw intercepted(where, issuerOf(socket));
  throw unreachable(where, "certificate", problem);
}

/** The chain that was sent must end in the pinned CA, which must have signed the server's certificate for this name, now. */
function verifyPin(socket: TLSSocket, pin: string, to: Dialling, where: string): void {
  const shown = socket.getPeerCertificate(true);
  if (shown?.raw === undefined) throw unreachable(where, "certificate", "none was shown");
  const leaf = new X509Certificate(shown.raw);
  const issuer = shown.issuerCertificate?.raw === undefined ? undefined : new X509Certificate(shown.issuerCertificate.raw);
  const digest = issuer === undefined ? undefined : createHash("sha256").update(issuer.raw).digest("hex");
  if (issuer === undefined || digest !== pin || !issuer.ca || !leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey)) {
    throw intercepted(where, issuerOf(socket));
  }
  const now = to.clock.now();
  if (now < Date.parse(leaf.validFrom) || now > Date.parse(leaf.validTo)) throw unreachable(where, "certificate", "CERT_HAS_EXPIRED");
  const named = isIP(to.host) === 0 ? leaf.checkHost(to.host) : leaf.checkIP(to.host);
  const serves = (leaf.keyUsage ?? []).includes("1.3.6.1.5.5.7.3.1");
  if (named === undefined || !serves) throw unreachable(where, "certificate", "ERR_TLS_CERT_ALTNAME_INVALID");
}

function issuerOf(socket: TLSSocket): string {
  const { CN, O } = socket.getPeerCertificate()?.issuer ?? {};
  return [CN, O].flat().filter(Boolean).join(", ").slice(0, 120) || "an unnamed authority";
}
