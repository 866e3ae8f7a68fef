/** The way out of a plant: what it trusts, what it says when it cannot get through, proxies of both kinds, signed requests, the link's pace. */
import { createHash } from "node:crypto";
import { createServer as createProxy } from "node:http";
import { createServer as createTls } from "node:https";
import { type AddressInfo, createServer as createTcp, connect as netConnect, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { Call, RequestSigner } from "../../../src/core/route.js";
import { systemClock } from "../../../src/io/clock.js";
import { refusedOf } from "../../../src/io/transport/network-errors.js";
import { link, paced } from "../../../src/io/transport/pace.js";
import { parseProxy, proxyFor } from "../../../src/io/transport/proxy.js";
import { bench, errorOf, federation, route } from "./support.js";

let room: ReturnType<typeof bench>;
beforeEach(() => {
  room = bench();
});
afterEach(() => room.close());

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    room.after(() => server.close());
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
const ask = { method: "GET", path: "/a" } as const;

describe("what cannot be reached is said to be", () => {
  it("no name, no server, no answer to TLS, another name", async () => {
    const nowhere = await errorOf(room.client("https://no-such-host.invalid:1").request(ask));
    expect([nowhere.code, nowhere.detail.got]).toEqual(["TRANSPORT_UNREACHABLE", expect.stringMatching(/^DNS/)]);
    const closed = await errorOf(room.client("https://127.0.0.1:1").request(ask));
    expect([closed.code, closed.detail.got]).toEqual(["TRANSPORT_UNREACHABLE", "refused"]);
    const port = await listening(createTcp((socket) => socket.on("error", () => {}).end("220 mail\r\n")));
    expect((await errorOf(room.client(`https://127.0.0.1:${port}`).request(ask))).detail.got).toMatch(/TLS/);
    const server = await room.serve([route("/a")], { tls: room.cas.server([], ["other.example"]) });
    expect((await errorOf(room.client(server.url).request(ask))).detail.got).toMatch(/another name/);
  });
  it("silence, in connecting and in answering, ends in the declared time", async () => {
    const sockets: Socket[] = [];
    const port = await listening(createTcp((socket) => void sockets.push(socket.on("error", () => {}))));
    const mute = await errorOf(room.client(`https://127.0.0.1:${port}`, undefined, { limits: { connectTime: 100 } }).request(ask));
    expect([mute.code, mute.detail.got]).toEqual(["TRANSPORT_UNREACHABLE", expect.stringMatching(/^timeout/)]);
    for (const socket of sockets) socket.destroy();
    const server = await room.serve([route("/a", { handle: () => new Promise(() => {}) })]);
    const slow = await errorOf(room.client(server.url, room.member("plant-1")).request({ ...ask, timeoutMs: 100 }));
    expect([slow.code, slow.detail.got]).toEqual(["TRANSPORT_UNREACHABLE", "timeout"]);
  });
  it("an address that is none", () => {
    for (const url of ["http://a:1", "https://a/b", "a", "https://u:p@a"]) expect(() => room.client(url)).toThrow(/USAGE/);
  });
});

describe("trust", () => {
  it("a server of another CA is a proxy that opens TLS, or an impostor: not a byte of the request reaches it", async () => {
    const other = federation("somebody-else", 0, 9);
    const server = await room.serve([route("/a")], { tls: other.server() });
    const error = await errorOf(room.client(server.url, room.member("plant-1")).request(ask));
    expect([error.code, error.detail.got]).toEqual(["TRANSPORT_INTERCEPTED", expect.stringContaining("somebody-else")]);
    expect(error.detail.remedy).toContain("signed requests");
    expect(room.served).toEqual([]);
  });
  it("an enrolment token's pin stands for the CA before there is one", async () => {
    const server = await room.serve([route("/a", { auth: "none", roles: [] })]);
    const pinned = (pin: string) => room.client(server.url, undefined, { tls: { pin } });
    expect((await pinned(room.cas.fingerprint).request(ask)).status).toBe(200);
    expect((await errorOf(pinned(federation("x", 0, 4).fingerprint).request(ask))).code).toBe("TRANSPORT_INTERCEPTED");
    const elsewhere = await room.serve([route("/a", { auth: "none", roles: [] })], { tls: room.cas.server(["127.0.0.2"], []) });
    const wrong = await errorOf(room.client(elsewhere.url, undefined, { tls: { pin: room.cas.fingerprint } }).request(ask));
    expect(wrong.detail.got).toMatch(/another name/);
  });
  it("a pinned CA that merely rides along with somebody's own certificate is not enough", async () => {
    const other = federation("rollers", 0, 9).server();
    const impostor = createTls({ key: other.key, cert: `${other.cert}\n${room.cas.ca}` }, (_request, response) => response.end("{}"));
    const port = await listening(impostor);
    const error = await errorOf(room.client(`https://127.0.0.1:${port}`, undefined, { tls: { pin: room.cas.fingerprint } }).request(ask));
    expect(error.code).toBe("TRANSPORT_INTERCEPTED");
  });
});

describe("answers", () => {
  it("beyond the limit, of no JSON and of somebody else are not taken for the coordinator's", async () => {
    const text = { "content-type": "application/json" };
    const server = await room.serve([
      route("/big", { handle: async () => ({ status: 200, bytes: new Uint8Array(2000) }) }),
      route("/bad", { handle: async () => ({ status: 200, bytes: Buffer.from("{"), headers: text }) }),
      route("/page", { handle: async () => ({ status: 403, bytes: Buffer.from("<html>"), headers: { "content-type": "text/html" } }) }),
      route("/moved", { handle: async () => ({ status: 302, headers: { location: "https://evil.example/" } }) }),
    ]);
    const client = room.client(server.url, room.member("plant-1"), { limits: { answerBytes: 1000 } });
    const failing = (path: string) => errorOf(client.request({ method: "GET", path }));
    expect((await failing("/big")).code).toBe("LIMIT_EXCEEDED");
    expect((await failing("/bad")).code).toBe("TRANSPORT_DAMAGED");
    expect((await failing("/page")).detail.got).toContain("status 403 with text/html");
    expect(refusedOf(await failing("/moved"))?.status).toBe(302);
  });
  it("over a connection that the server closed meanwhile are asked for again, except POST", async () => {
    const server = await room.serve([route("/a"), route("/b", { method: "POST" })]);
    const member = room.member("plant-1");
    const client = room.client(server.url, member);
    for (let i = 0; i < 5; i++) {
      await client.request(ask);
      server.cut({ names: ["plant-1"] });
      expect((await client.request(ask)).status).toBe(200);
    }
  });
});

/** A proxy for CONNECT that counts, and may want a password. */
async function proxy(password?: string) {
  const seen: string[] = [];
  const server = createProxy((_request, response) => response.writeHead(405).end());
  server.on("connect", (request, socket: Socket) => {
    seen.push(request.url ?? "");
    socket.on("error", () => {});
    if (password !== undefined && request.headers["proxy-authorization"] !== `Basic ${Buffer.from(password).toString("base64")}`) {
      socket.end("HTTP/1.1 407 no\r\n\r\n");
      return;
    }
    const [, port] = (request.url ?? "").split(":");
    const to = netConnect(Number(port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      to.pipe(socket).pipe(to);
    });
    to.on("error", () => socket.destroy());
  });
  return { port: await listening(server), seen };
}

describe("proxies", () => {
  it("are passed in a tunnel, with mutual TLS end to end", async () => {
    const server = await room.serve([route("/a")]);
    const one = await proxy("user:pass word");
    const address = `http://user:pass%20word@127.0.0.1:${one.port}`;
    const member = room.member("plant-1");
    expect((await room.client(server.url, member, { proxy: address }).request(ask)).status).toBe(200);
    expect((await room.client(server.url, member, { env: { https_proxy: address } }).request(ask)).status).toBe(200);
    expect(one.seen).toEqual([`127.0.0.1:${server.port}`, `127.0.0.1:${server.port}`]);
    expect((await room.client(server.url, member, { env: { https_proxy: address, no_proxy: "127.0.0.1" } }).request(ask)).status).toBe(200);
    expect((await room.client(server.url, member, { proxy: "none", env: { https_proxy: address } }).request(ask)).status).toBe(200);
    expect(one.seen).toHaveLength(2);
    const refused = await errorOf(room.client(server.url, member, { proxy: `http://127.0.0.1:${one.port}` }).request(ask));
    expect([refused.code, refused.detail.got]).toEqual(["TRANSPORT_UNREACHABLE", expect.stringContaining("407")]);
    const gone = await errorOf(room.client(server.url, member, { proxy: "http://127.0.0.1:1" }).request(ask));
    expect(gone.detail.got).toBe("refused");
  });
  it("are read from the environment as others read them", () => {
    const env = { https_proxy: "http://p:1", no_proxy: "localhost,.plant.example, *.lan ,10.0.0.1:8443" };
    const used = (host: string, port = 443) => proxyFor(host, port, undefined, env) !== undefined;
    expect([used("a.example"), used("localhost"), used("a.plant.example"), used("plant.example"), used("notplant.example")]).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
    expect([used("x.lan"), used("10.0.0.1", 8443), used("10.0.0.1", 1)]).toEqual([false, false, true]);
    expect(proxyFor("a", 1, undefined, { ...env, no_proxy: "*" })).toBe(undefined);
    expect(proxyFor("a", 1, undefined, {})).toBe(undefined);
    expect(parseProxy("http://u:p%40@[::1]:8")).toEqual({ host: "::1", port: 8, secure: false, credentials: "u:p@" });
    expect(() => parseProxy("socks://secret:secret@a")).toThrow(/USAGE/);
    expect(() => parseProxy("socks://secret:secret@a")).not.toThrow(/secret/);
  });
});

describe("signed requests", () => {
  const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
  const sign: RequestSigner = async ({ bodySha256, target }) => ({ "x-digest": bodySha256, "x-target": target });
  const echo = async (call: Call) => {
    let bytes = call.bytes ?? new Uint8Array();
    for await (const chunk of call.stream ?? []) bytes = Buffer.concat([bytes, chunk]);
    return { status: 200, json: { digest: digest(bytes), by: call.caller?.by } };
  };
  const table = [
    route("/a"),
    route("/b", { method: "POST", body: { kind: "bytes", limit: 1000 }, handle: echo }),
    route("/s", { method: "PUT", body: { kind: "stream", limit: 1000 }, handle: echo }),
  ];
  it("carry identity through a proxy that opens TLS, and hold the body to its digest", async () => {
    const server = await room.serve(table, {
      authenticate: async ({ headers, certificate, target }) => {
        expect([certificate, headers["x-target"]]).toEqual([undefined, target]);
        return { caller: { name: "p", org: "o", role: "site", serial: "1", by: "signature" }, bodySha256: headers["x-digest"] ?? "" };
      },
    });
    const client = room.client(server.url, undefined, { sign });
    const bytes = Buffer.from("abc");
    expect((await client.request({ method: "POST", path: "/b?x=1", bytes })).json).toMatchObject({
      digest: digest(bytes),
      by: "signature",
    });
    expect((await client.request(ask)).status).toBe(200);
    const altered: RequestSigner = async (one) => ({ ...(await sign(one)), "x-digest": digest(Buffer.from("other")) });
    const liar = room.client(server.url, undefined, { sign: altered });
    for (const attempt of [{ method: "POST", path: "/b", bytes }, { method: "PUT", path: "/s", bytes }, ask] as const) {
      expect(refusedOf(await errorOf(liar.request(attempt)))?.body.code).toBe("AUTH_BODY_ALTERED");
    }
  });
});

describe("the link's share", () => {
  it("holds bulk bytes to the bucket and lets control pass", async () => {
    let now = 0;
    const alarms: { at: number; ring: () => void }[] = [];
    const clock = {
      now: () => millis(now),
      at: (at: number, ring: () => void) => {
        alarms.push({ at, ring });
        return () => {};
      },
    };
    const one = link({ rate: 100_000, burst: 65_536 }, clock);
    const left: [number, number][] = [];
    let sent = 0;
    const work = (async () => {
      for await (const piece of paced(one, [new Uint8Array(500_000)])) {
        sent += piece.length;
        left.push([now, sent]);
      }
    })();
    const spin = async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
    };
    for (await spin(); alarms.length > 0; await spin()) {
      const next = alarms.shift();
      now = next?.at ?? now;
      next?.ring();
    }
    await work;
    expect(sent).toBe(500_000);
    for (const [at, bytes] of left) expect(bytes).toBeLessThanOrEqual(65_536 + (at * 100_000) / 1000);
    expect(now).toBe(Math.ceil((500_000 - 65_536) / 100));
    await one.take(1_000_000, "control");
  });
  it("slows a transfer down and not a heartbeat", async () => {
    const size = 200_000;
    const received: number[] = [];
    const handle = async (call: Call) => {
      let bytes = 0;
      for await (const chunk of call.stream ?? []) bytes += chunk.length;
      received.push(bytes);
      return { status: 200, json: {} };
    };
    const server = await room.serve([route("/up", { method: "PUT", body: { kind: "stream", limit: size }, handle }), route("/a")]);
    const waits: number[] = [];
    // Alarms of the link's making ring at once and are noted; what the transfer would have waited is their sum.
    const clock = {
      ...systemClock,
      at: (moment: number, ring: () => void) => {
        const delay = moment - systemClock.now();
        if (delay > 15_000) return systemClock.at(millis(moment), ring);
        waits.push(delay);
        return systemClock.at(systemClock.now(), ring);
      },
    };
    const client = room.client(server.url, room.member("plant-1"), { bucket: { rate: 100_000, burst: 65_536 }, clock });
    await client.request({ method: "PUT", path: "/up", bytes: new Uint8Array(size), traffic: "bulk" });
    expect(received).toEqual([size]);
    expect(Math.max(...waits)).toBeGreaterThan(1000);
    const before = waits.length;
    await client.request(ask);
    expect(waits.length).toBe(before);
  });
});
