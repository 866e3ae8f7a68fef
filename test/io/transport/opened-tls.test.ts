/** A company's proxy that opens TLS: recognised, and passed with signed requests, which it can neither change nor repeat as another's. */
import { X509Certificate } from "node:crypto";
import { createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Authenticate, Call } from "../../../src/core/route.js";
import { systemClock } from "../../../src/io/clock.js";
import { importPrivateKey } from "../../../src/io/crypto/keys.js";
import { createRequestSigner, readSignedRequest } from "../../../src/io/crypto/signed-request.js";
import { refusedOf } from "../../../src/io/transport/network-errors.js";
import { testRandom } from "../crypto/support.js";
import { bench, errorOf, federation, route } from "./support.js";

let room: ReturnType<typeof bench>;
beforeEach(() => {
  room = bench();
});
afterEach(() => room.close());

/** Speaks TLS with its own certificate on one side and as a client without one on the other; may change what passes. */
async function opener(port: number, change: { body?: (bytes: Buffer) => Buffer; path?: (path: string) => string }) {
  const own = federation("corporate-proxy", 0, 5);
  const { key, cert } = own.server();
  const server = createServer({ key, cert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const bytes = change.body?.(Buffer.concat(chunks)) ?? Buffer.concat(chunks);
      const path = change.path?.(request.url ?? "") ?? request.url;
      const headers = { ...request.headers, "content-length": String(bytes.length), connection: "close" };
      const on = httpsRequest(
        { host: "127.0.0.1", port, path, method: request.method, headers, ca: room.cas.ca, agent: false },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      on.on("error", () => response.destroy());
      on.end(bytes);
    });
  });
  room.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ca: own.ca };
}

const verifying: Authenticate = async (evidence) => {
  const authorities = [new X509Certificate(room.cas.ca)];
  const { facts, bodySha256 } = readSignedRequest(evidence, { federation: "rollers", authorities, now: systemClock.now() });
  return { caller: { name: facts.name, org: facts.org, role: facts.role, serial: facts.serial, by: "signature" }, bodySha256 };
};
const table = [
  route("/v1/say", {
    method: "POST",
    body: { kind: "json", limit: 1000 },
    handle: async (call: Call) => ({ status: 200, json: { name: call.caller?.name, by: call.caller?.by } }),
  }),
  route("/v1/other", { method: "POST", body: { kind: "json", limit: 1000 } }),
];

async function through(change: Parameters<typeof opener>[1]) {
  const server = await room.serve(table, { authenticate: verifying });
  const proxy = await opener(server.port, change);
  const member = room.cas.member("plant-1");
  const key = importPrivateKey(member.key, "key");
  const sign = createRequestSigner({ key, certificate: member.cert, clock: systemClock, random: testRandom() });
  return { proxy, member, signed: room.client(proxy.url, undefined, { sign, tls: { ca: [room.cas.ca, proxy.ca] } }) };
}
const say = { method: "POST", path: "/v1/say", json: { loss: 0.5 } } as const;

describe("a proxy that opens TLS", () => {
  it("is recognised, by whom it says it is, with what to do", async () => {
    const { proxy, member } = await through({});
    const error = await errorOf(room.client(proxy.url, member).request(say));
    expect([error.code, error.detail.got]).toEqual(["TRANSPORT_INTERCEPTED", expect.stringContaining("corporate-proxy")]);
    expect(error.detail.remedy).toContain("signed requests");
    expect(room.served).toEqual([]);
  });
  it("is passed with signed requests", async () => {
    const { signed } = await through({});
    expect((await signed.request(say)).json).toMatchObject({ name: "plant-1", by: "signature" });
  });
  it("cannot change the body or the address", async () => {
    const body = (bytes: Buffer): Buffer => Buffer.from(bytes.toString().replace("0.5", "0.6"));
    const altered = await through({ body });
    expect(refusedOf(await errorOf(altered.signed.request(say)))?.body.code).toBe("AUTH_BODY_ALTERED");
    const redirected = await through({ path: () => "/v1/other" });
    expect(refusedOf(await errorOf(redirected.signed.request(say)))?.body.code).toBe("AUTH_TARGET");
  });
});
