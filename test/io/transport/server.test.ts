/** The server's promises in good weather: who is let in, what a handler sees, what comes back, long polls, sessions, and being cut. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fail } from "../../../src/core/errors.js";
import { type Call, type Role, roles } from "../../../src/core/route.js";
import { systemClock } from "../../../src/io/clock.js";
import { refusedOf } from "../../../src/io/transport/network-errors.js";
import { matrixOf, routeFaults } from "../../../src/io/transport/router.js";
import { pollUntil, waiters } from "../../../src/io/transport/waiters.js";
import { bench, errorOf, federation, ok, route, speak } from "./support.js";

let room: ReturnType<typeof bench>;
beforeEach(() => {
  room = bench();
});
afterEach(() => room.close());

const json = { kind: "json", limit: 1000 } as const;

describe("a call", () => {
  it("reaches its handler with who calls and what was said", async () => {
    let seen: Call | undefined;
    const handle = async (call: Call) => {
      seen = call;
      return { status: 201, json: { a: 1 }, retryAfterMs: 700 };
    };
    const server = await room.serve([route("/v1/things/:id", { method: "POST", body: json, handle })]);
    const client = room.client(server.url, room.member("plant-1"));
    const answer = await client.request({ method: "POST", path: "/v1/things/x-1?a=b%20c&d=", json: { deep: [1, { two: 2 }] } });
    expect(answer).toMatchObject({ status: 201, json: { a: 1, retryAfterMs: 700 }, retryAfterMs: 700 });
    expect(seen).toMatchObject({
      params: { id: "x-1" },
      query: { a: "b c", d: "" },
      local: true,
      caller: { name: "plant-1", by: "certificate" },
    });
    expect(JSON.stringify(seen?.json)).toBe('{"deep":[1,{"two":2}]}');
    expect(Object.getPrototypeOf(seen?.json)).toBe(null);
  });

  it("is answered at the server's pace unless the handler says otherwise", async () => {
    const server = await room.serve([route("/a")], { pace: (caller) => (caller === undefined ? 9 : 42) });
    const client = room.client(server.url, room.member("plant-1"));
    expect((await client.request({ method: "GET", path: "/a" })).json).toMatchObject({ fine: true, retryAfterMs: 42 });
    const error = refusedOf(await errorOf(client.request({ method: "GET", path: "/nothing" })));
    expect(error).toMatchObject({ status: 404, body: { code: "ROUTE_UNKNOWN", retryAfterMs: 9 } });
  });

  it("that fails on purpose says so; one that fails by accident says nothing to the other end and all to the log", async () => {
    const refuse = async () => fail("RECORD_CONFLICT", { where: "here", expected: "a", got: "b", remedy: "c" });
    const crash = async () => {
      throw new Error("secret path /var/lib");
    };
    const disk = async () => fail("FILE_UNWRITABLE", { where: "/var/lib/secret", expected: "a", got: "ENOSPC" });
    const server = await room.serve([
      route("/refuse", { handle: refuse }),
      route("/crash", { handle: crash }),
      route("/disk", { handle: disk }),
    ]);
    const client = room.client(server.url, room.member("plant-1"));
    const refused = async (path: string) => refusedOf(await errorOf(client.request({ method: "GET", path })));
    expect(await refused("/refuse")).toMatchObject({
      status: 409,
      body: { code: "RECORD_CONFLICT", where: "here", expected: "a", got: "b", remedy: "c" },
    });
    expect(await refused("/crash")).toMatchObject({ status: 500, body: { code: "INTERNAL" } });
    expect(await refused("/disk")).toMatchObject({ status: 503, body: { code: "FILE_UNWRITABLE" } });
    expect(JSON.stringify([await refused("/crash"), await refused("/disk")])).not.toContain("secret");
    expect(JSON.stringify(room.logged)).toContain("secret path");
  });

  it("has its signal aborted when the client goes away, and not when it was answered", async () => {
    const signals: AbortSignal[] = [];
    const poll = waiters({ clock: systemClock });
    const handle = async (call: Call) => {
      signals.push(call.signal);
      return { status: 200, json: { how: await poll.wait("plant-1", pollUntil(systemClock, 30_000), call.signal) } };
    };
    const server = await room.serve([route("/next", { handle })]);
    const client = room.client(server.url, room.member("plant-1"));
    const stop = new AbortController();
    const first = errorOf(client.request({ method: "GET", path: "/next", signal: stop.signal }));
    await until(() => poll.size() === 1);
    stop.abort();
    expect((await first).code).toBe("ABORTED");
    await until(() => poll.size() === 0);
    expect(signals[0]?.aborted).toBe(true);
    const second = client.request({ method: "GET", path: "/next" });
    await until(() => poll.size() === 1);
    poll.wake("plant-1");
    expect((await second).json).toMatchObject({ how: "woken" });
    expect(signals[1]?.aborted).toBe(false);
  });
});

describe("identity", () => {
  it.each([
    ["no certificate", () => undefined, "nobody"],
    ["one of another CA", () => federation("rollers", 0, 2).member("plant-1"), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["one nobody knows", () => room.cas.member("plant-1"), "a stranger"],
  ])("%s is refused", async (_name, make, why) => {
    const server = await room.serve([route("/a")]);
    const client = room.client(server.url, make());
    const refused = refusedOf(await errorOf(client.request({ method: "GET", path: "/a" })));
    expect(refused).toMatchObject({ status: 401, body: { code: "AUTH_REQUIRED" } });
    expect(refused?.body.got).toContain(why);
  });

  it("an expired certificate is refused, and so is one that expires while the connection is open", async () => {
    const past = federation("rollers", 40);
    const expired = past.member("plant-1");
    room.known.add(expired, "plant-1");
    const stale = await room.serve([route("/a")], { tls: { ...room.cas.server(), ca: past.ca } });
    const dead = await errorOf(
      room.client(stale.url, expired, { tls: { ...expired, ca: room.cas.ca } }).request({ method: "GET", path: "/a" }),
    );
    expect(dead.message).toContain("CERT_HAS_EXPIRED");
    let ahead = 0;
    const clock = { ...systemClock, now: () => (systemClock.now() + ahead) as ReturnType<typeof systemClock.now> };
    const server = await room.serve([route("/a")], { clock });
    const client = room.client(server.url, room.member("plant-2"));
    expect((await client.request({ method: "GET", path: "/a" })).status).toBe(200);
    ahead = 31 * 86_400_000;
    expect((await errorOf(client.request({ method: "GET", path: "/a" }))).message).toContain("CERT_HAS_EXPIRED");
    expect(server.connections()).toBe(1);
  });

  it("is not asked for where a route is public", async () => {
    const server = await room.serve([route("/healthz", { auth: "none", roles: [] })]);
    expect((await room.client(server.url).request({ method: "GET", path: "/healthz" })).status).toBe(200);
  });

  it.each(["TLSv1.2", "TLSv1.1"] as const)("%s is not spoken", async (maxVersion) => {
    const server = await room.serve([route("/a")]);
    await expect(speak(server.port, room.cas.ca, undefined, { maxVersion, minVersion: "TLSv1" })).rejects.toThrow();
  });

  it("speaks http/1.1 and nothing else", async () => {
    const server = await room.serve([route("/a")]);
    const spoken = await speak(server.port, room.cas.ca);
    expect(spoken.socket.alpnProtocol).toBe("http/1.1");
    expect(spoken.socket.getProtocol()).toBe("TLSv1.3");
    spoken.socket.destroy();
    await expect(speak(server.port, room.cas.ca, undefined, { ALPNProtocols: ["h2"] })).rejects.toThrow();
  });

  it("survives a session that is taken up again, also by a server that was started anew", async () => {
    const ticketKeys = new Uint8Array(48).fill(7);
    const tls = { ...room.cas.server(), ticketKeys };
    const first = await room.serve([route("/a")], { tls });
    const client = room.client(first.url, room.member("plant-1"));
    await client.request({ method: "GET", path: "/a" });
    const spoken = await speak(first.port, room.cas.ca, room.member("plant-2"));
    const session = await new Promise<Buffer>((resolve) => spoken.socket.once("session", resolve));
    const { port } = first;
    await first.close(0);
    const second = await room.serve([route("/a")], { tls, port });
    const again = await speak(port, room.cas.ca, room.member("plant-2"), { session });
    expect(again.socket.isSessionReused()).toBe(true);
    again.say("GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    expect(await again.heard()).toContain("200 OK");
    expect((await client.request({ method: "GET", path: "/a" })).status).toBe(200);
    await second.close(0);
    // Another CA: what the old one vouched for does not count.
    const other = federation("rollers", 0, 3);
    const third = await room.serve([route("/a")], { tls: { ...other.server(), ticketKeys }, port });
    const refused = await speak(port, other.ca, room.member("plant-2"), { session, rejectUnauthorized: false });
    expect(refused.socket.isSessionReused()).toBe(false);
    refused.socket.destroy();
    await third.close(0);
  });
});

describe("roles", () => {
  const table = [
    route("/site", { roles: ["site"] }),
    route("/audit", { roles: ["auditor", "admin"] }),
    route("/all", { roles }),
    route("/public", { auth: "none", roles: [] }),
  ];
  it("hold for every role and route of the table", async () => {
    const server = await room.serve(table);
    for (const role of roles) {
      const client = room.client(server.url, room.member(`a-${role}`, role));
      for (const { path, may } of matrixOf(table)) {
        const status = await client.request({ method: "GET", path }).then(
          (answer) => answer.status,
          (error) => refusedOf(error)?.status,
        );
        expect([role, path, status]).toEqual([role, path, may === "public" || may[role] ? 200 : 403]);
      }
      client.close();
    }
  });
  it("are named by every route that asks who calls", async () => {
    const unsound = [
      route("/a", { roles: [] }),
      route("/b", { auth: "none" }),
      route("/c", { roles: ["king" as Role] }),
      route("/d/:x", { name: "d1" }),
      route("/d/:y", { name: "d2" }),
      route("/e", { name: "d1" }),
      route("/f", { body: json }),
      route("/g", { method: "PUT", body: { kind: "json", limit: Number.POSITIVE_INFINITY } }),
      route("h"),
    ];
    expect(routeFaults(unsound)).toHaveLength(unsound.length - 1);
    expect((await errorOf(room.serve([route("/a", { roles: [] })]))).code).toBe("PLAN_REFUSED");
    expect(routeFaults(table)).toEqual([]);
  });
});

describe("revocation", () => {
  it("cuts a live long poll at once, by serial and by name, and nobody else", async () => {
    const handle = (call: Call) =>
      new Promise<never>((_resolve, reject) => call.signal.addEventListener("abort", () => reject(new Error("cut"))));
    const server = await room.serve([route("/next", { handle }), route("/a")]);
    const [one, two, three] = ["plant-1", "plant-2", "plant-3"].map((name) => room.member(name));
    const polls = [one, two, three].map((identity) => errorOf(room.client(server.url, identity).request({ method: "GET", path: "/next" })));
    await until(() => server.inFlight() === 3);
    expect(server.cut({ serials: [one?.serial ?? ""] })).toBe(1);
    expect((await polls[0])?.code).toBe("TRANSPORT_UNREACHABLE");
    expect(server.cut({ names: ["plant-2"] })).toBe(1);
    expect((await polls[1])?.code).toBe("TRANSPORT_UNREACHABLE");
    expect(server.inFlight()).toBe(1);
    expect(server.cut({ names: ["plant-9"], serials: ["00"] })).toBe(0);
  });

  it("cuts a connection that is idle", async () => {
    const server = await room.serve([route("/a")]);
    const member = room.member("plant-1");
    const spoken = await speak(server.port, room.cas.ca, member);
    await until(() => server.connections() === 1);
    server.cut({ serials: [member.serial] });
    await spoken.heard();
    expect(spoken.isClosed()).toBe(true);
  });

  it("is not outrun by an answer of the member table from before it", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked = 0;
    const member = room.member("plant-1");
    const server = await room.serve([route("/a")], {
      authenticate: async (evidence) => {
        const first = asked++ === 0;
        const found = await room.known.authenticate(evidence);
        if (first) await gate;
        return found;
      },
    });
    // Another's certificate on the socket, so that only the second look at the table can refuse.
    const pending = errorOf(room.client(server.url, member).request({ method: "GET", path: "/a" }));
    await until(() => asked === 1);
    room.known.remove(member);
    server.cut({ serials: ["ff"] });
    release();
    expect((await pending).message).toContain("AUTH_REQUIRED");
    expect(asked).toBe(2);
  });
});

describe("the server's own certificate", () => {
  it("is replaced while connections stay open", async () => {
    const server = await room.serve([route("/a")]);
    const client = room.client(server.url, room.member("plant-1"));
    await client.request({ method: "GET", path: "/a" });
    const before = await speak(server.port, room.cas.ca);
    const { key, cert } = room.cas.server();
    server.renew({ key, cert });
    const after = await speak(server.port, room.cas.ca, room.member("plant-2"));
    expect(after.socket.getPeerCertificate().serialNumber).not.toBe(before.socket.getPeerCertificate().serialNumber);
    after.say("GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    expect(await after.heard()).toContain("200 OK");
    expect((await client.request({ method: "GET", path: "/a" })).status).toBe(200);
    expect(before.isClosed()).toBe(false);
    before.socket.destroy();
  });
});

describe("closing", () => {
  it("ends long polls, finishes what is under way and takes nothing new", async () => {
    const poll = waiters({ clock: systemClock });
    const handle = async (call: Call) => ({
      status: 200,
      json: { how: await poll.wait("a", pollUntil(systemClock, 50_000), call.signal) },
    });
    const server = await room.serve([route("/next", { handle }), route("/a", { handle: ok })]);
    const client = room.client(server.url, room.member("plant-1"));
    const pending = client.request({ method: "GET", path: "/next" });
    await until(() => poll.size() === 1);
    await server.close();
    expect((await pending).json).toMatchObject({ how: "gone" });
    expect((await errorOf(client.request({ method: "GET", path: "/a" }))).code).toBe("TRANSPORT_UNREACHABLE");
  });
});

/** Waits for something that has no event. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
