/** What strangers and members with bad intentions send: each is refused with its code, costs little, and leaves the server serving. */
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seeded } from "../../../src/core/random.js";
import type { Call, Reply } from "../../../src/core/route.js";
import type { ServerLimits } from "../../../src/io/transport/limits.js";
import { bench, codeIn, type Identity, ok, route, speak, statusIn, whole } from "./support.js";

let room: ReturnType<typeof bench>;
let member: Identity;
let handled: number;
beforeEach(() => {
  room = bench();
  member = room.member("plant-1");
  handled = 0;
});
afterEach(() => room.close());

const count = async (): Promise<Reply> => {
  handled++;
  return ok();
};
/** Counts the bytes of a body. */
const measure = async (call: Call): Promise<Reply> => {
  let bytes = 0;
  for await (const chunk of call.stream ?? []) bytes += chunk.length;
  handled++;
  return { status: 200, json: { bytes: bytes + (call.bytes?.length ?? 0) } };
};
const table = [
  route("/v1/thing/:id", { handle: count }),
  route("/v1/json", { method: "POST", body: { kind: "json", limit: 1000, encodings: ["gzip", "br"] }, handle: count }),
  route("/v1/bytes", { method: "POST", body: { kind: "bytes", limit: 1_000_000, encodings: ["gzip", "br"] }, handle: measure }),
  route("/v1/stream", { method: "PUT", body: { kind: "stream", limit: 100_000 }, handle: measure }),
  route("/v1/enroll", { method: "POST", auth: "none", roles: [], body: { kind: "json", limit: 1000 }, handle: count }),
];
const serve = (limits: Partial<ServerLimits> = {}) => room.serve(table, { limits });

/** Sends these bytes on a fresh connection and gives the first answer. */
async function tell(port: number, words: string | Uint8Array, as: Identity | undefined = member): Promise<string> {
  const spoken = await speak(port, room.cas.ca, as);
  spoken.say(words);
  const answer = await spoken.heard(whole);
  spoken.socket.destroy();
  return answer;
}
const post = (path: string, body: string | Uint8Array, more = "content-type: application/json\r\n"): Uint8Array =>
  Buffer.concat([
    Buffer.from(`POST ${path} HTTP/1.1\r\nhost: a\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);

describe("bodies", () => {
  it("over the limit are refused by their announced length, before anybody is asked who they are", async () => {
    let asked = 0;
    const server = await room.serve(table, {
      authenticate: (evidence) => {
        asked++;
        return room.known.authenticate(evidence);
      },
    });
    const answer = await tell(
      server.port,
      "POST /v1/json HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1001\r\n\r\n",
    );
    expect([statusIn(answer), codeIn(answer), asked, handled]).toEqual([413, "LIMIT_EXCEEDED", 0, 0]);
    const huge = await tell(
      server.port,
      "POST /v1/json HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99999999999999999999\r\n\r\n",
    );
    expect(statusIn(huge)).toBe(400);
    expect(asked).toBe(0);
  });

  it.each(["/v1/json", "/v1/stream"])("over the limit are refused while they come, where no length was announced: %s", async (path) => {
    const server = await serve();
    const method = path === "/v1/json" ? "POST" : "PUT";
    const piece = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    const head = `${method} ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const answer = await tell(server.port, head + piece.repeat(4));
    expect([statusIn(answer), codeIn(answer), handled]).toEqual([413, "LIMIT_EXCEEDED", 0]);
  });

  it("shorter than announced are no bodies", async () => {
    const server = await serve();
    const spoken = await speak(server.port, room.cas.ca, member);
    spoken.say(`POST /v1/json HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"a":1}`);
    spoken.socket.end();
    await spoken.heard();
    expect(handled).toBe(0);
  });

  it("longer than announced are not read as part of the body, and what follows is not a request", async () => {
    const server = await serve();
    const spoken = await speak(server.port, room.cas.ca, member);
    spoken.say(Buffer.concat([post("/v1/json", "{}"), Buffer.from("}}}} garbage\r\n\r\n")]));
    await spoken.heard();
    expect(spoken.isClosed()).toBe(true);
    expect(handled).toBeLessThan(2);
    expect(room.served.filter((one) => one.route !== "/v1/json")).toEqual([]);
  });

  it.each([
    ["both lengths", "content-length: 3\r\ntransfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
    ["two lengths", "content-length: 3\r\ncontent-length: 4\r\n", "abcd"],
    ["a signed length", "content-length: +3\r\n", "abc"],
    ["a negative length", "content-length: -3\r\n", "abc"],
    ["a hidden chunked", "transfer-encoding: xchunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
    ["gzip as transfer", "transfer-encoding: gzip, chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
    ["a chunk of words", "transfer-encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n"],
    ["a chunk beyond numbers", "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\nabc\r\n"],
    ["a space before the colon", "content-length : 3\r\n", "abc"],
    ["a folded header", "a: b\r\n c\r\ncontent-length: 3\r\n", "abc"],
    ["a bare line feed", "a: b\ncontent-length: 3\r\n", "abc"],
  ])("smuggling: %s", async (_name, headers, body) => {
    const server = await serve();
    const answer = await tell(
      server.port,
      `POST /v1/bytes HTTP/1.1\r\nhost: a\r\n${headers}\r\n${body}GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\n\r\n`,
    );
    // Not answered at all, or with 400.
    expect([0, 400]).toContain(statusIn(answer));
    expect(handled).toBe(0);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ] as const)("bombs: 64 MB of nothing in %s stop at the limit", async (encoding, compress) => {
    const server = await serve();
    const bomb = compress(Buffer.alloc(64_000_000));
    const before = process.memoryUsage().arrayBuffers;
    const answer = await tell(server.port, post("/v1/bytes", bomb, `content-encoding: ${encoding}\r\n`));
    expect([statusIn(answer), codeIn(answer), handled]).toEqual([413, "LIMIT_EXCEEDED", 0]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32_000_000);
    const honest = await tell(server.port, post("/v1/bytes", compress(Buffer.alloc(900_000)), `content-encoding: ${encoding}\r\n`));
    expect(honest).toContain('"bytes":900000');
  });

  it.each(["deflate", "zstd", "gzip, gzip", "gzip,br"])("the encoding %s is not read", async (encoding) => {
    const server = await serve();
    const answer = await tell(server.port, post("/v1/bytes", gzipSync("abc"), `content-encoding: ${encoding}\r\n`));
    expect([statusIn(answer), codeIn(answer)]).toEqual([400, "REQUEST_INVALID"]);
  });

  it.each([
    ['{"__proto__":{"admin":true}}', "the key __proto__"],
    ['{"a":[{"constructor":{}}]}', "the key constructor"],
    [`${"[".repeat(400)}${"]".repeat(400)}`, "deeper nesting"],
    ['{"a":', "something else"],
    [Buffer.from([0x22, 0xff, 0x22]), "something else"],
  ])("JSON: %s", async (body, why) => {
    const server = await serve();
    const answer = await tell(server.port, post("/v1/json", body));
    expect([statusIn(answer), codeIn(answer), handled]).toEqual([400, "REQUEST_INVALID", 0]);
    expect(answer).toContain(why);
  });

  it("where there shall be none, none where there shall be one, and another type are refused", async () => {
    const server = await serve();
    expect(statusIn(await tell(server.port, "GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx"))).toBe(400);
    expect(statusIn(await tell(server.port, "POST /v1/json HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(400);
    expect(statusIn(await tell(server.port, post("/v1/json", "{}", "content-type: text/plain\r\n")))).toBe(400);
    expect(handled).toBe(0);
  });

  it("are asked for (100-continue) only when they will be read", async () => {
    const server = await serve();
    const words = (length: number): string =>
      `POST /v1/json HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
    expect(await tell(server.port, words(1001))).toMatch(/^HTTP\/1.1 413 /);
    expect(await tell(server.port, words(10), room.cas.member("plant-2"))).toMatch(/^HTTP\/1.1 401 /);
    expect(await tell(server.port, words(10))).toMatch(/^HTTP\/1.1 100 /);
  });

  it("held at once stay within one budget of memory", async () => {
    const server = await serve({ bodyMemory: 1_500_000 });
    const slow = await speak(server.port, room.cas.ca, member);
    slow.say("POST /v1/bytes HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\nx");
    while (server.inFlight() < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const answer = await tell(server.port, post("/v1/bytes", new Uint8Array(700_000), ""));
    expect([statusIn(answer), codeIn(answer)]).toEqual([503, "SERVER_BUSY"]);
    slow.socket.destroy();
    while (server.inFlight() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(statusIn(await tell(server.port, post("/v1/bytes", new Uint8Array(700_000), "")))).toBe(200);
  });
});

describe("slowness", () => {
  it("in the headers ends the connection", async () => {
    const server = await serve({ headerTime: 200, sweepTime: 50 });
    const spoken = await speak(server.port, room.cas.ca, member);
    spoken.say("GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\na: ");
    const drip = setInterval(() => spoken.say("b"), 20);
    const answer = await spoken.heard();
    clearInterval(drip);
    expect(answer === "" || statusIn(answer) >= 400).toBe(true);
    expect([spoken.isClosed(), handled]).toEqual([true, 0]);
  });
  it("in the body ends the connection, be it silence or a trickle", async () => {
    const server = await serve({ bodyTime: 150, bodyRate: 1_000_000 });
    for (const trickle of [false, true]) {
      const spoken = await speak(server.port, room.cas.ca, member);
      spoken.say("PUT /v1/stream HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\nx");
      const drip = trickle ? setInterval(() => spoken.say("y"), 20) : undefined;
      await spoken.heard();
      clearInterval(drip);
      expect([spoken.isClosed(), handled]).toEqual([true, 0]);
    }
  });
  it("before the first word ends the connection", async () => {
    const server = await serve({ headerTime: 150, sweepTime: 50 });
    const spoken = await speak(server.port, room.cas.ca, member);
    await spoken.heard();
    expect(spoken.isClosed()).toBe(true);
  });
  it("in taking the answer ends the connection", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 4000; i++) yield new Uint8Array(65_536);
    }
    const stream = { size: 4000 * 65_536, chunks: endless() };
    const server = await room.serve([route("/big", { handle: async () => ({ status: 200, stream }) })], { limits: { drainTime: 200 } });
    const spoken = await speak(server.port, room.cas.ca, member);
    spoken.say("GET /big HTTP/1.1\r\nhost: a\r\n\r\n");
    spoken.socket.pause();
    while (server.inFlight() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    while (server.inFlight() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(room.served.at(-1)?.route).toBe("/big");
    spoken.socket.destroy();
  });
});

describe("numbers", () => {
  it("of connections are limited", async () => {
    const server = await serve({ connections: 5 });
    const open = await Promise.all([1, 2, 3, 4, 5].map(() => speak(server.port, room.cas.ca, member)));
    await expect(speak(server.port, room.cas.ca, member)).rejects.toThrow();
    expect(room.logged.map((one) => one.event)).toContain("connection.dropped");
    open[0]?.socket.destroy();
    while (server.connections() > 4) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(statusIn(await tell(server.port, "GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(200);
    for (const { socket } of open) socket.destroy();
  });
  it("of requests per second are limited by member, and refusals say when to come back", async () => {
    const server = await serve({ memberRate: 1, memberBurst: 3 });
    const ask = "GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\n\r\n";
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push(statusIn(await tell(server.port, ask)));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const answer = await tell(server.port, ask);
    expect(codeIn(answer)).toBe("RATE_LIMITED");
    expect(Number(/retry-after-ms: (\d+)/.exec(answer)?.[1])).toBeGreaterThan(0);
    expect(statusIn(await tell(server.port, ask, room.member("plant-2")))).toBe(200);
  });
  it("of strangers' requests are limited by address", async () => {
    const server = await serve({ strangerRate: 1, strangerBurst: 2 });
    const statuses = [];
    for (let i = 0; i < 3; i++) {
      const spoken = await speak(server.port, room.cas.ca);
      spoken.say(post("/v1/enroll", "{}"));
      statuses.push(statusIn(await spoken.heard(whole)));
      spoken.socket.destroy();
    }
    expect(statuses).toEqual([200, 200, 429]);
    expect(statusIn(await tell(server.port, "GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(200);
  });
  it("of requests at once are limited by connection and by member", async () => {
    const wait = (call: Call) => new Promise<Reply>((resolve) => call.signal.addEventListener("abort", () => resolve({ status: 200 })));
    const server = await room.serve([route("/wait", { handle: wait })], { limits: { perMember: 2 } });
    const ask = "GET /wait HTTP/1.1\r\nhost: a\r\n\r\n";
    const open = [await speak(server.port, room.cas.ca, member), await speak(server.port, room.cas.ca, member)];
    for (const one of open) one.say(ask);
    while (server.inFlight() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const answer = await tell(server.port, ask);
    expect([statusIn(answer), codeIn(answer)]).toEqual([503, "SERVER_BUSY"]);
    for (const one of open) one.socket.destroy();
  });
  it("of headers and the length of lines are limited", async () => {
    const server = await serve();
    expect(statusIn(await tell(server.port, `GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\na: ${"x".repeat(20_000)}\r\n\r\n`))).toBe(431);
    expect(statusIn(await tell(server.port, `GET /v1/thing/1?${"x".repeat(3000)} HTTP/1.1\r\nhost: a\r\n\r\n`))).toBe(404);
    const many = Array.from({ length: 20 }, (_, i) => `a${i}=1`).join("&");
    expect(statusIn(await tell(server.port, `GET /v1/thing/1?${many} HTTP/1.1\r\nhost: a\r\n\r\n`))).toBe(400);
    expect(statusIn(await tell(server.port, "GET /v1/thing/1?a=1&a=2 HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(400);
    expect(handled).toBe(0);
  });
});

describe("addresses", () => {
  it.each([
    "/",
    "/v1",
    "/v1/thing/",
    "/v1/thing/../json",
    "/v1/thing/..",
    "/v1/thing/%2e%2e",
    "/v1/thing/a%2fb",
    "/v1/thing/a%00",
    "/v1/thing/a\\b",
    "//v1/thing/1",
    "/v1/thing/1/",
    "/v1/thing/1;a=b",
    "/V1/thing/1",
    "https://a/v1/thing/1",
    "*",
    "/__proto__",
    "/v1/thing/constructor/x",
    `/v1/thing/${"a".repeat(129)}`,
  ])("%s is nothing", async (path) => {
    const server = await serve();
    const answer = await tell(server.port, `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
    expect([statusIn(answer), handled]).toEqual([404, 0]);
    expect(answer).not.toContain("thing");
  });
  it("a wrong method is answered like a wrong address, to members and strangers alike", async () => {
    const server = await serve();
    const body = async (words: string, as: Identity | undefined = member): Promise<string> =>
      (await tell(server.port, words, as)).split("\r\n\r\n")[1] ?? "";
    const wrong = await body("GET /v1/json HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await body("GET /v2/none HTTP/1.1\r\nhost: a\r\n\r\n")).toBe(wrong);
    expect(await body("GET /v2/none HTTP/1.1\r\nhost: a\r\n\r\n", room.cas.member("x"))).toBe(wrong);
    expect(statusIn(await tell(server.port, "CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(0);
    expect(
      statusIn(await tell(server.port, "GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")),
    ).toBe(0);
    expect(statusIn(await tell(server.port, "GET /v1/thing/1 HTTP/1.1\r\n\r\n"))).toBe(400);
  });
  it("a handler's text cannot become a header of its own", async () => {
    const evil = async (): Promise<Reply> => ({ status: 200, headers: { "x-a": "b\r\nset-cookie: c" }, json: {} });
    const server = await room.serve([route("/a", { handle: evil })]);
    const spoken = await speak(server.port, room.cas.ca, member);
    spoken.say("GET /a HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await spoken.heard()).not.toContain("set-cookie");
    expect(room.logged.map((one) => one.event)).toContain("answer.fault");
  });
});

describe("mutated requests", () => {
  it("neither crash the server nor reach a handler with what it does not allow", async () => {
    const server = await serve({
      memberRate: 1e6,
      memberBurst: 1e6,
      strangerRate: 1e6,
      strangerBurst: 1e6,
      headerTime: 1000,
      sweepTime: 200,
    });
    const random = seeded(3, "http");
    const corpus = [
      "GET /v1/thing/1?a=b HTTP/1.1\r\nhost: a\r\naccept: */*\r\n\r\n",
      'POST /v1/json HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}',
      "PUT /v1/stream HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ].map((text) => Buffer.from(text));
    let spoken = await speak(server.port, room.cas.ca, member);
    let sent = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(corpus[i % corpus.length] as Buffer);
      for (let flips = 1 + random.integer(4); flips > 0; flips--) bytes[random.integer(bytes.length)] = random.integer(256);
      if (spoken.isClosed() || spoken.socket.destroyed) spoken = await speak(server.port, room.cas.ca, member);
      spoken.say(bytes);
      sent++;
      // Now and then a breath, so that the answers (and the ends of connections) arrive between.
      if (i % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
    }
    spoken.socket.destroy();
    expect(sent).toBe(3000);
    expect(statusIn(await tell(server.port, "GET /v1/thing/1 HTTP/1.1\r\nhost: a\r\n\r\n"))).toBe(200);
    expect(room.logged.filter((one) => one.level === "error")).toEqual([]);
  });
});
