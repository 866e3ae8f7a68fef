/** Membership at a real door: enrolment over a pinned connection, mutual TLS, signed requests, and revocation that cuts what is open. */
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { createMembership } from "../../src/coordinator/membership.js";
import { createAuthenticate } from "../../src/coordinator/membership-authenticate.js";
import { membershipRoutes } from "../../src/coordinator/membership-routes.js";
import { millis } from "../../src/core/quantities.js";
import type { RequestSigner, Route } from "../../src/core/route.js";
import { systemClock } from "../../src/io/clock.js";
import { createAuthority, openAuthority } from "../../src/io/crypto/authority.js";
import { factsOf, readCertificate } from "../../src/io/crypto/certificate.js";
import { type Enrolled, enrol } from "../../src/io/crypto/enrol.js";
import { exportPrivateKey, generateKey } from "../../src/io/crypto/keys.js";
import { createRequest } from "../../src/io/crypto/request.js";
import { createRequestSigner } from "../../src/io/crypto/signed-request.js";
import { readToken, writeToken } from "../../src/io/crypto/token.js";
import { memoryRecord } from "../../src/io/record/memory.js";
import { httpsClient } from "../../src/io/transport/client.js";
import { refusedOf } from "../../src/io/transport/network-errors.js";
import { type HttpsServer, serveHttps } from "../../src/io/transport/server.js";
import { codeOfAsync, day, testRandom } from "../io/crypto/support.js";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function door() {
  const shift = { ms: 0 };
  const clock = { ...systemClock, now: () => millis(systemClock.now() + shift.ms) };
  const random = testRandom(11);
  const store = memoryRecord().open();
  const authority = openAuthority({ ...createAuthority({ federation: "press-shops", clock, random }), clock, random });
  let server: HttpsServer | undefined;
  const membership = createMembership({
    ...{ store, authority, clock, random, trust: { plan: [], release: [] } },
    onRevoked: ({ name, serials }) => server?.cut({ names: [name], serials }),
  });
  const waiting: (() => void)[] = [];
  const routes: Route[] = [
    ...membershipRoutes({ membership, record: store, urls: () => [server?.url ?? ""], now: clock.now }),
    {
      ...{ name: "echo", method: "POST", path: "/v1/echo", auth: "member", roles: ["site"], body: { kind: "json", limit: 1024 } },
      handle: async ({ caller, json }) => ({ status: 200, json: { by: caller?.by, name: caller?.name, json } }),
    },
    {
      ...{ name: "wait", method: "GET", path: "/v1/wait", auth: "member", roles: ["site"], body: { kind: "none", limit: 0 } },
      handle: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve({ status: 204 }));
          waiting.shift()?.();
        }),
    },
  ];
  const pair = authority.issueServer({ names: ["localhost"], addresses: ["127.0.0.1"] });
  const authenticate = createAuthenticate({ federation: "press-shops", authorities: [authority.x509], membership, store, clock });
  server = await serveHttps({
    ...{ host: "127.0.0.1", port: 0, tls: { key: pair.key, cert: pair.certificate, ca: authority.certificate } },
    ...{ routes, authenticate, clock, log: () => undefined },
  });
  open.push({ close: () => server?.close(0) });
  const { url } = server;
  const client = (tls: object, sign?: RequestSigner) => {
    const made = httpsClient({ url, tls, clock: systemClock, env: {}, ...(sign === undefined ? {} : { sign }) });
    open.push(made);
    return made;
  };
  const join = async (name: string) => {
    const { token } = await membership.createToken({ org: "acme", name, role: "site", urls: [url], by: "local" });
    const key = generateKey("p256");
    const enrolled = await enrol(
      readToken(token),
      key,
      async ({ path, pin, json }) => (await client({ pin }).request({ method: "POST", path, json })).json,
      clock.now,
    );
    const tls = { key: exportPrivateKey(key), cert: enrolled.certificate, ca: enrolled.authority };
    return { key, enrolled, tls, token };
  };
  const waits = () => new Promise<void>((resolve) => waiting.push(resolve));
  return { shift, clock, membership, authority, url, client, join, waits };
}

/** What the server refused with, or what the client itself says. */
const refusal = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => "answered",
    (error) => refusedOf(error)?.body.code ?? error.code,
  );
const echo = { method: "POST", path: "/v1/echo?a=1", json: { round: 7 } } as const;

describe("a plant at the door", () => {
  it("enrols over a pinned connection, and is then known by its certificate", async () => {
    const { join, client } = await door();
    const { tls } = await join("plant-3");
    expect((await client(tls).request(echo)).json).toMatchObject({ by: "certificate", name: "plant-3", json: { round: 7 } });
    expect(await refusal(client({ ca: tls.ca }).request(echo))).toBe("AUTH_REQUIRED");
  });

  it("does not give its token to a server of another authority", async () => {
    const { membership, url, client } = await door();
    const { token } = await membership.createToken({ org: "acme", name: "plant-3", role: "site", urls: [url], by: "local" });
    const forged = readToken(writeToken({ ...readToken(token), authority: "ab".repeat(32) }));
    const send = async ({ path, pin, json }: { path: string; pin: string; json: unknown }) =>
      (await client({ pin }).request({ method: "POST", path, json })).json;
    expect(await codeOfAsync(() => enrol(forged, generateKey("p256"), send, systemClock.now))).toBe("TRANSPORT_INTERCEPTED");
    // The secret never left: it is still good.
    await enrol(readToken(token), generateKey("p256"), send, systemClock.now);
  });

  it("loses its long poll and its next request when it is revoked", async () => {
    const { join, client, membership, waits } = await door();
    const { tls } = await join("plant-3");
    const other = client((await join("plant-4")).tls);
    const plant = client(tls);
    const arrived = waits();
    const polling = refusal(plant.request({ method: "GET", path: "/v1/wait", timeoutMs: 60_000 }));
    await arrived;
    await membership.revoke({ name: "plant-3" }, "sold", "local");
    expect(await polling).toBe("TRANSPORT_UNREACHABLE");
    expect(await refusal(plant.request(echo))).toBe("AUTH_REVOKED");
    expect(await refusal(other.request(echo))).toBe("answered");
  });

  it("whose certificate ends in the middle of a connection is told so, and renews before", async () => {
    const { join, client, shift, clock } = await door();
    const { tls, key, enrolled } = await join("plant-3");
    const plant = client(tls);
    await plant.request(echo);
    shift.ms = 20 * day;
    const next = generateKey("p256");
    const renewed = (await plant.request({ method: "POST", path: "/v1/renew", json: { request: createRequest(next, "plant-3") } }))
      .json as Enrolled;
    expect(factsOf(readCertificate(renewed.certificate)).notAfter).toBeGreaterThan(factsOf(readCertificate(enrolled.certificate)).notAfter);
    shift.ms = 31 * day;
    expect(await refusal(plant.request(echo))).toBe("AUTH_EXPIRED");
    const sign = createRequestSigner({ key, certificate: enrolled.certificate, clock, random: testRandom(2) });
    expect(await refusal(client({ ca: tls.ca }, sign).request(echo))).toBe("AUTH_EXPIRED");
    const renewedSign = createRequestSigner({ key: next, certificate: renewed.certificate, clock, random: testRandom(3) });
    expect(await refusal(client({ ca: tls.ca }, renewedSign).request(echo))).toBe("answered");
  });
});

describe("a signed request at the door", () => {
  const signer = async (change?: (headers: Record<string, string>) => Record<string, string>) => {
    const there = await door();
    const { key, enrolled, tls } = await there.join("plant-3");
    const sign = createRequestSigner({ key, certificate: enrolled.certificate, clock: systemClock, random: testRandom(4) });
    const signing: RequestSigner = async (request) => {
      const headers = { ...(await sign(request)) };
      return change === undefined ? headers : change(headers);
    };
    return { ...there, sign, signed: there.client({ ca: tls.ca }, signing), tls };
  };
  it("needs no client certificate", async () => {
    const { signed } = await signer();
    expect((await signed.request(echo)).json).toMatchObject({ by: "signature", name: "plant-3", json: { round: 7 } });
  });
  it("with another body, another path, or sent twice is refused, each by its code", async () => {
    const { sign, client, tls } = await signer();
    const digest = (json: unknown) => createHash("sha256").update(JSON.stringify(json)).digest("hex");
    const headers = async (target: string, json: unknown) => ({ ...(await sign({ method: "POST", target, bodySha256: digest(json) })) });
    const plain = client({ ca: tls.ca });
    expect(await refusal(plain.request({ ...echo, headers: await headers(echo.path, { round: 8 }) }))).toBe("AUTH_BODY_ALTERED");
    expect(await refusal(plain.request({ ...echo, headers: await headers("/v1/echo?a=2", echo.json) }))).toBe("AUTH_TARGET");
    const once = await headers(echo.path, echo.json);
    expect(await refusal(plain.request({ ...echo, headers: once }))).toBe("answered");
    expect(await refusal(plain.request({ ...echo, headers: once }))).toBe("AUTH_REPLAYED");
  });
  it("of a revoked member is refused", async () => {
    const { signed, membership } = await signer();
    await membership.revoke({ name: "plant-3" }, "sold", "local");
    expect(await refusal(signed.request(echo))).toBe("AUTH_REVOKED");
  });
  it("that a proxy damaged is refused", async () => {
    const { signed } = await signer((headers) => ({ ...headers, signature: headers.signature.replace(/:.../, ":AAA") }));
    expect(await refusal(signed.request(echo))).toBe("AUTH_SIGNATURE");
  });
});
