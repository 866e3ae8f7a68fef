/** A federation with one CA, servers and members on loopback, and a socket that says whatever a test wants to say. */
import { connect, type TLSSocket } from "node:tls";
import { MillwrightError } from "../../../src/core/errors.js";
import { millis } from "../../../src/core/quantities.js";
import type { Authenticate, Caller, Reply, Role, Route } from "../../../src/core/route.js";
import { systemClock } from "../../../src/io/clock.js";
import { type Authority, createAuthority, openAuthority } from "../../../src/io/crypto/authority.js";
import { exportPrivateKey, generateKey } from "../../../src/io/crypto/keys.js";
import { createRequest } from "../../../src/io/crypto/request.js";
import { type ClientOptions, httpsClient } from "../../../src/io/transport/client.js";
import { type HttpsOptions, type HttpsServer, type Served, serveHttps } from "../../../src/io/transport/server.js";
import { testRandom } from "../crypto/support.js";

export interface Identity {
  readonly key: string;
  readonly cert: string;
  readonly serial: string;
}

const day = 86_400_000;

/** `ago`: days since everything was issued. */
export function federation(name = "rollers", ago = 0, seed = 1) {
  const clock = { ...systemClock, now: () => millis(systemClock.now() - ago * day) };
  const random = testRandom(seed);
  const authority: Authority = openAuthority({ ...createAuthority({ federation: name, clock, random }), clock, random });
  return {
    ca: authority.certificate,
    fingerprint: authority.fingerprint,
    server: (addresses: readonly string[] = ["127.0.0.1"], names: readonly string[] = ["localhost"]) => {
      const { key, certificate } = authority.issueServer({ names, addresses });
      return { key, cert: certificate, ca: authority.certificate };
    },
    member: (member: string, role: Role = "site"): Identity => {
      const key = generateKey("p256");
      const { certificate, serial } = authority.issueMember(createRequest(key, member), { org: "acme", name: member, role });
      return { key: exportPrivateKey(key), cert: certificate, serial };
    },
  };
}

export type Federation = ReturnType<typeof federation>;

/** Believes in the members it was told of, by serial. */
export function registry() {
  const members = new Map<string, Caller>();
  const authenticate: Authenticate = async ({ certificate, problem }) => {
    const caller = certificate === undefined ? undefined : members.get(certificate.serial);
    if (caller !== undefined) return { caller };
    throw new MillwrightError("AUTH_REQUIRED", {
      expected: "a member",
      got: problem ?? (certificate === undefined ? "nobody" : "a stranger"),
    });
  };
  return {
    authenticate,
    add: (identity: Identity, name: string, role: Role = "site"): Identity => {
      members.set(identity.serial, { name, org: "acme", role, serial: identity.serial, by: "certificate" });
      return identity;
    },
    remove: (identity: Identity): void => void members.delete(identity.serial),
  };
}

export const ok = async (): Promise<Reply> => ({ status: 200, json: { fine: true } });

export function route(path: string, more: Partial<Route> = {}): Route {
  const body = more.body ?? { kind: "none", limit: 0 };
  return { name: path, method: "GET", path, auth: "member", roles: ["site"], handle: ok, ...more, body };
}

/** Everything a test opens is closed at its end. */
export function bench() {
  const closing: (() => unknown)[] = [];
  const cas = federation();
  const known = registry();
  const logged: { level: string; event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const served: Served[] = [];
  return {
    cas,
    known,
    logged,
    served,
    member: (name: string, role: Role = "site"): Identity => known.add(cas.member(name, role), name, role),
    serve: async (routes: readonly Route[], more: Partial<HttpsOptions> = {}): Promise<HttpsServer> => {
      const server = await serveHttps({
        host: "127.0.0.1",
        port: 0,
        tls: cas.server(),
        routes,
        authenticate: known.authenticate,
        clock: systemClock,
        log: (level, event, fields) => logged.push({ level, event, fields }),
        onServed: (one) => served.push(one),
        ...more,
      });
      closing.push(() => server.close(0));
      return server;
    },
    client: (url: string, identity?: Identity, more: Partial<ClientOptions> = {}) => {
      const tls = { ca: cas.ca, ...(identity !== undefined && { key: identity.key, cert: identity.cert }) };
      const client = httpsClient({ url, tls, clock: systemClock, env: {}, ...more });
      closing.push(() => client.close());
      return client;
    },
    after: (close: () => unknown): void => void closing.push(close),
    close: async (): Promise<void> => {
      for (const close of closing.splice(0).reverse()) await close();
    },
  };
}

/** A verified connection for saying anything; `say` sends and `heard` gives all that came until the other end closed or `enough` holds. */
export async function speak(port: number, ca: string, identity?: Identity, more: object = {}) {
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port,
    ca,
    key: identity?.key,
    cert: identity?.cert,
    ALPNProtocols: ["http/1.1"],
    ...more,
  });
  let text = "";
  let closed = false;
  const waiting = new Set<() => void>();
  const tell = (): void => {
    for (const one of [...waiting]) one();
  };
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    tell();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    tell();
  });
  await new Promise<void>((resolve, reject) => {
    socket
      .once("secureConnect", resolve)
      .once("error", reject)
      .once("close", () => reject(new Error("closed")));
  });
  return {
    socket,
    say: (words: string | Uint8Array): boolean => socket.write(words),
    isClosed: () => closed,
    heard: (enough: (text: string) => boolean = () => false): Promise<string> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!closed && !enough(text)) return;
          waiting.delete(look);
          resolve(text);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Whether an answer is there whole: its head, and as many bytes as it announces. */
export const whole = (text: string): boolean => {
  const end = text.indexOf("\r\n\r\n");
  return end >= 0 && text.length >= end + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
};

export const statusIn = (text: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);

/** The code of an answer's JSON, or of what a promise threw. */
export const codeIn = (text: string): string => String((JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as { code?: string }).code);

export async function errorOf(promise: Promise<unknown>): Promise<MillwrightError> {
  const error = await promise.then(
    () => undefined,
    (found: unknown) => found,
  );
  if (error instanceof MillwrightError) return error;
  throw new Error(`expected a MillwrightError, got ${error}`);
}
