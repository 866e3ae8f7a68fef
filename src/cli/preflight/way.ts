/**
 * The way to a coordinator, step by step, so that the step that fails has a name: proxy, name, connection, tunnel, TLS, whose certificate,
 * the time at the other end. Nothing is trusted here and nothing secret is sent: certificates are shown, not believed; what a member's
 * program would believe is tried after it (see plant.ts).
 */
import { X509Certificate } from "node:crypto";
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { connect as secure, type TLSSocket } from "node:tls";
import { fail } from "../../core/errors.js";
import { type ProxyServer, proxyFor } from "../../io/transport/proxy.js";
import { type Check, failed, ok, warn } from "./check.js";

/** Each step is given up after this many milliseconds. */
const patience = 10_000;
/** Signed requests are refused beyond this difference (io/crypto/signed-request). */
export const clockTolerance = 300_000;

export interface Way {
  readonly checks: readonly Check[];
  /** False where no connection came about: what needs one need not be tried. */
  readonly reached: boolean;
}

export interface WayOptions {
  readonly url: string;
  readonly proxy?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** PEM of the federation's authority, where this machine has it. */
  readonly authority?: string;
  /** PEM of the authority of a proxy that is known to open TLS. */
  readonly proxyAuthority?: string;
}

export async function walk(options: WayOptions): Promise<Way> {
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (url === undefined || url.protocol !== "https:") {
    return {
      checks: [failed("Address", options.url.slice(0, 200), "an address looks like https://coordinator.example:8443")],
      reached: false,
    };
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 443 : Number(url.port);
  const checks: Check[] = [];
  const step = async <T>(name: string, advice: (code: string) => string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await inTime(work());
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      checks.push(failed(name, message.slice(0, 300), advice(code)));
      return undefined;
    }
  };
  let proxy: ProxyServer | undefined;
  try {
    proxy = proxyFor(host, port, options.proxy, options.env);
  } catch {
    return { checks: [failed("Proxy", "an address that is none", "write it like http://proxy.example:3128")], reached: false };
  }
  checks.push(
    ok(
      "Proxy",
      proxy === undefined
        ? "none"
        : `${proxy.host}:${proxy.port}${options.proxy === undefined ? ", from the environment" : ", from the site file"}`,
    ),
  );
  const first = proxy ?? { host, port };

  const found = await step(
    "Name",
    () => "check the address and this machine's name server",
    async () => (isIP(first.host) > 0 ? first.host : (await lookup(first.host)).address),
  );
  if (found === undefined) return { checks, reached: false };
  checks.push(ok("Name", found === first.host ? `${found} is an address` : `${first.host} is ${found}`));

  const what = proxy === undefined ? "the coordinator" : "the proxy";
  const socket = await step(
    "Connection",
    (code) =>
      code === "ECONNREFUSED"
        ? `nothing listens there: check that ${what} runs and that the port is right`
        : "check the firewall: one outgoing TCP connection is all a plant needs",
    () => opened(connect({ host: found, port: first.port })),
  );
  if (socket === undefined) return { checks, reached: false };
  checks.push(ok("Connection", `${first.host}:${first.port} answers`));

  if (proxy !== undefined) {
    const through = await step(
      "Tunnel",
      () => "ask for CONNECT to the coordinator's address to be allowed",
      () => tunnel(socket, proxy, host, port),
    );
    if (through === undefined) return dropped(socket, checks);
    checks.push(ok("Tunnel", `the proxy connects to ${host}:${port}`));
  }

  const tls = await step(
    "TLS",
    () => "only TLS 1.3 is spoken: something between may be older, or this is no coordinator",
    () => handshake(socket, host),
  );
  if (tls === undefined) return dropped(socket, checks);
  checks.push(ok("TLS", `${tls.getProtocol() ?? "?"}, ${tls.getCipher().standardName ?? tls.getCipher().name}`), shown(tls, options));

  const date = await step(
    "Clock",
    () => "no coordinator of Millwright answers there",
    () => dateOf(tls, host),
  );
  if (date !== undefined) checks.push(clockCheck(options.now() - date));
  tls.destroy();
  return { checks, reached: true };
}

/** Whose certificate is shown. A foreign issuer is a proxy that opens TLS, or another server. */
function shown(tls: TLSSocket, { authority, proxyAuthority }: WayOptions): Check {
  const name = "Server's certificate";
  const raw = tls.getPeerCertificate(true);
  if (raw?.raw === undefined) return failed(name, "none", "this is no coordinator");
  const leaf = new X509Certificate(raw.raw);
  const issuer = leaf.issuer.replaceAll("\n", ", ").slice(0, 160);
  const by = (pem: string): boolean => {
    const one = new X509Certificate(pem);
    return leaf.checkIssued(one) && leaf.verify(one.publicKey);
  };
  if (authority === undefined) return ok(name, `issued by ${issuer}; this machine has no authority to judge it by until it is enrolled`);
  if (by(authority)) return ok(name, "issued by the federation's authority");
  if (proxyAuthority !== undefined && by(proxyAuthority))
    return warn(
      name,
      `issued by the proxy's authority ${issuer}: TLS is opened on the way`,
      "run `join --signed --proxy-authority FILE`: signatures carry the identity",
    );
  return failed(
    name,
    `issued by "${issuer}": TLS is opened on the way, or this is another server`,
    "ask for an exception for this address; or run `join --signed --proxy-authority FILE`, FILE being that authority's certificate in PEM",
  );
}

export function clockCheck(aheadMs: number): Check {
  const name = "Clock";
  // The Date header is in whole seconds.
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const found = seconds <= 1 ? "as the coordinator's" : `${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} the coordinator's`;
  if (Math.abs(aheadMs) > clockTolerance)
    return failed(
      name,
      found,
      `signed requests are refused beyond ${clockTolerance / 1000} s, and certificates misjudged: set the clock, keep it by NTP`,
    );
  return seconds > 30 ? warn(name, found, "keep it by NTP: beyond 300 s signed requests are refused") : ok(name, found);
}

function dropped(socket: Socket, checks: readonly Check[]): Way {
  socket.destroy();
  return { checks, reached: false };
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing for ${patience / 1000} s`)), patience);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function opened<S extends Socket>(socket: S, event = "connect"): Promise<S> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject).once("close", () => reject(new Error("the connection was closed")));
    socket.once(event, () => resolve(socket));
  });
}

async function tunnel(socket: Socket, proxy: ProxyServer, host: string, port: number): Promise<true> {
  if (proxy.secure)
    fail("USAGE", { where: "proxy", expected: "an http:// address, for this check", got: "https://", remedy: "`join` itself can use it" });
  const to = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const auth = proxy.credentials === undefined ? "" : `Proxy-Authorization: Basic ${Buffer.from(proxy.credentials).toString("base64")}\r\n`;
  socket.write(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n${auth}\r\n`);
  const head = await headOf(socket);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? "no HTTP";
  if (status !== "200") throw new Error(`the proxy answers ${status}${status === "407" ? ": put user and password into its address" : ""}`);
  return true;
}

function handshake(socket: Socket, host: string): Promise<TLSSocket> {
  const name = isIP(host) === 0 ? { servername: host } : {};
  return opened(
    secure({ socket, ...name, minVersion: "TLSv1.3", ALPNProtocols: ["http/1.1"], rejectUnauthorized: false }),
    "secureConnect",
  );
}

async function dateOf(tls: TLSSocket, host: string): Promise<number> {
  tls.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const date = Date.parse(/^date:\s*(.+)$/im.exec(await headOf(tls))?.[1] ?? "");
  if (Number.isNaN(date)) throw new Error("an answer without a date");
  return date;
}

/** The head of an HTTP answer, at most 16 kB. */
function headOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const take = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (text.includes("\r\n\r\n")) end(() => resolve(text));
      else if (text.length > 16_384) end(() => reject(new Error("an endless answer")));
    };
    const closed = (): void => end(() => reject(new Error("the connection was closed")));
    const end = (say: () => void): void => {
      socket.off("data", take).off("close", closed);
      say();
    };
    socket.on("data", take).once("close", closed);
  });
}
