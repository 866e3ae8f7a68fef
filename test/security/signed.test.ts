/** Signed requests at a real coordinator, where a proxy took the certificate away: good once, for one body, one address, one federation. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { httpsLink } from "../../src/edge/https-link.js";
import { systemClock } from "../../src/io/clock.js";
import { createRequestSigner } from "../../src/io/crypto/signed-request.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { httpsClient } from "../../src/io/transport/client.js";
import { decodeMessage, encodeMessage } from "../../src/round/messages.js";
import { asked, type Member, type World, world } from "./world.js";

let there: World;
let member: Member;
const clients: ReturnType<typeof httpsClient>[] = [];
beforeAll(async () => {
  there = await world();
  member = await there.join(there.sites[0]);
}, 30_000);
afterAll(async () => {
  for (const one of clients) one.close();
  await there.close();
});

/** Without a client certificate, as what comes out of a proxy that opened TLS. */
const open = (sign?: ReturnType<typeof createRequestSigner>) => {
  const client = httpsClient({
    ...{ url: there.coordinator.url, tls: { ca: member.identity.authority }, clock: systemClock, env: {} },
    ...(sign === undefined ? {} : { sign }),
  });
  clients.push(client);
  return client;
};
const signer = (now = systemClock.now) => {
  const { key, certificate } = member.identity;
  return createRequestSigner({ key, certificate, clock: { now }, random: systemRandom });
};
const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

it("a plant works over signed requests alone: task, frame, reply", async () => {
  const link = httpsLink(open(signer()));
  const signal = new AbortController().signal;
  const { task } = await link.next({ waitMs: 0 }, signal);
  const bytes = await link.fetch(task?.sha256 ?? "", task?.size ?? 0, signal);
  expect(decodeMessage(bytes)).toMatchObject({ type: "ask", topic: "statistics" });
});

it("each of them is good once, and for nothing else", async () => {
  const { name } = member.identity;
  const path = "/v1/replies?key=exchange%2099";
  const bytes = encodeMessage({ type: "answer", exchange: 99, from: name, body: {} });
  const headers = async (target: string, body: Uint8Array, sign = signer()) => ({
    ...(await sign({ method: "POST", target, bodySha256: digest(body) })),
  });
  const send = (body: Uint8Array, with_: Readonly<Record<string, string>>, to = path) =>
    asked(open().request({ method: "POST", path: to, bytes: body, headers: with_ }));
  const once = await headers(path, bytes);
  expect((await send(bytes, once)).code).toBe("answered");
  expect((await send(bytes, once)).code).toBe("AUTH_REPLAYED");
  const other = encodeMessage({ type: "answer", exchange: 99, from: name, body: { more: 1 } });
  expect((await send(other, await headers(path, bytes))).code).toBe("AUTH_BODY_ALTERED");
  expect((await send(bytes, await headers(path, bytes), "/v1/replies?key=exchange%2098")).code).toBe("AUTH_TARGET");
  const hour = 3_600_000;
  for (const shift of [-hour, hour]) {
    const stale = await headers(
      path,
      bytes,
      signer(() => (systemClock.now() + shift) as never),
    );
    expect((await send(bytes, stale)).code).toBe("AUTH_STALE");
  }
  const { signature: _, ...unsigned } = await headers(path, bytes);
  expect((await send(bytes, unsigned)).code).toBe("AUTH_SIGNATURE");
  const cut = await headers(path, bytes);
  expect((await send(bytes, { ...cut, "millwright-certificate": "" })).code).toBe("AUTH_SIGNATURE");
});

it("the same request at the same moment, many times, is let in once", async () => {
  const path = "/v1/renew";
  const body = Buffer.from(JSON.stringify({ request: "x" }));
  const headers = { ...(await signer()({ method: "POST", target: path, bodySha256: digest(body) })), "content-type": "application/json" };
  const codes = await Promise.all(Array.from({ length: 8 }, () => asked(open().request({ method: "POST", path, bytes: body, headers }))));
  expect(codes.filter(({ code }) => code !== "AUTH_REPLAYED").length).toBe(1);
});

it("a role is the same whoever carries it: what a site may not do by certificate it may not do by signature", async () => {
  const signed = open(signer());
  for (const path of ["/v1/members", "/v1/audit", "/metrics", "/v1/rounds"]) {
    expect((await asked(signed.request({ method: "GET", path }))).code).toBe("AUTH_FORBIDDEN");
  }
});
