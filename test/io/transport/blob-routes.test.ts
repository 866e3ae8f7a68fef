/** Blobs over the network: whole, in parts, over a line that breaks, against those who ask for what is not theirs or for silly ranges. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, connect as netConnect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BlobStore } from "../../../src/core/blobs.js";
import { folderDisk } from "../../../src/io/disk/folder.js";
import { fileBlobs } from "../../../src/io/store/blobs.js";
import { memoryBlobs } from "../../../src/io/store/blobs-memory.js";
import { blobRoutes } from "../../../src/io/transport/blob-routes.js";
import { refusedOf } from "../../../src/io/transport/network-errors.js";
import { bench, errorOf, speak, statusIn, whole } from "./support.js";

let room: ReturnType<typeof bench>;
let folder: string;
let blobs: BlobStore;
beforeEach(async () => {
  room = bench();
  folder = mkdtempSync(join(tmpdir(), "millwright-blobs-"));
  blobs = await fileBlobs(folderDisk(folder));
});
afterEach(async () => {
  await room.close();
  rmSync(folder, { recursive: true, force: true });
});

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const content = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7919) >> 5);
const source = (bytes: Uint8Array) => ({ size: bytes.length, read: async (at: number, length: number) => bytes.subarray(at, at + length) });
const serve = (may: Parameters<typeof blobRoutes>[1]["may"] = () => true) => room.serve(blobRoutes(blobs, { may }));

/** A line to a port that breaks after so many bytes in either direction, each time it is dialled, until `breaks` are used up. */
async function fragile(port: number, after: number, breaks: number): Promise<{ readonly port: number; readonly broken: () => number }> {
  let broken = 0;
  const server = createServer((socket) => {
    const to: Socket = netConnect(port, "127.0.0.1");
    let bytes = 0;
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes < after || broken >= breaks) return;
      broken++;
      bytes = Number.NEGATIVE_INFINITY;
      socket.destroy();
      to.destroy();
    };
    for (const [from, into] of [
      [socket, to],
      [to, socket],
    ] as const) {
      from.on("data", count).on("error", () => {});
      from.pipe(into);
      from.on("close", () => into.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  room.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, broken: () => broken };
}

describe("a blob", () => {
  it.each([0, 1, 65_536, 9_000_001])("of %i bytes goes up, is durable, and comes down the same", async (size) => {
    const server = await serve();
    const client = room.client(server.url, room.member("plant-1"));
    const bytes = content(size);
    const sha256 = digest(bytes);
    await client.upload(sha256, source(bytes));
    expect(await blobs.stat(sha256)).toEqual({ sha256, size });
    const again = await fileBlobs(folderDisk(folder));
    expect(digest((await again.get(sha256)) ?? new Uint8Array())).toBe(sha256);
    expect(digest(await client.downloadBytes(sha256, size))).toBe(sha256);
    const store = memoryBlobs();
    await client.download(sha256, { writer: await store.writer(sha256, size) });
    expect(await store.has(sha256)).toBe(true);
    // What is there is not sent again.
    const before = room.served.length;
    await client.upload(sha256, source(bytes));
    expect(room.served.slice(before).map((one) => one.route)).toEqual(["uploads.state"]);
  });

  it("that is not what it was announced as is thrown away", async () => {
    const server = await serve();
    const client = room.client(server.url, room.member("plant-1"));
    const sha256 = digest(content(10));
    const error = refusedOf(await errorOf(client.upload(sha256, source(content(1000).fill(1)))));
    expect(error?.body.code).toBe("BLOB_MISMATCH");
    expect([await blobs.has(sha256), await blobs.received(sha256)]).toEqual([false, 0]);
    await blobs.put(content(10));
    expect((await errorOf(client.downloadBytes(sha256, 11))).code).toBe("TRANSPORT_DAMAGED");
  });

  it("goes on where a broken line left it, up and down", async () => {
    const server = await serve();
    const bytes = content(6_000_000);
    const sha256 = digest(bytes);
    const line = await fragile(server.port, 1_500_000, 5);
    const client = room.client(`https://127.0.0.1:${line.port}`, room.member("plant-1"), { limits: { chunkBytes: 1_000_000 } });
    await client.upload(sha256, source(bytes));
    expect(await blobs.has(sha256)).toBe(true);
    const sent = room.served.filter((one) => one.route === "uploads.write").reduce((sum, one) => sum + one.bytesIn, 0);
    expect(line.broken()).toBeGreaterThan(2);
    expect(sent).toBeLessThan(9_000_000);
    const down = await fragile(server.port, 1_500_000, 3);
    const other = room.client(`https://127.0.0.1:${down.port}`, room.member("plant-2"));
    expect(digest(await other.downloadBytes(sha256, bytes.length))).toBe(sha256);
    expect(down.broken()).toBe(3);
    const starts = room.served.filter((one) => one.route === "blobs.read" && one.caller === "plant-2");
    expect(starts.length).toBeGreaterThanOrEqual(4);
  });

  it("is given up after attempts that bring nothing", async () => {
    const server = await serve();
    const line = await fragile(server.port, 0, 1e9);
    const client = room.client(`https://127.0.0.1:${line.port}`, room.member("plant-1"), { limits: { attempts: 2 } });
    expect((await errorOf(client.upload(digest(content(9)), source(content(9))))).code).toBe("TRANSPORT_UNREACHABLE");
  });

  it("that the server lost half of is sent from where the server stands", async () => {
    const server = await serve();
    const bytes = content(500_000);
    const sha256 = digest(bytes);
    const client = room.client(server.url, room.member("plant-1"), { limits: { chunkBytes: 200_000 } });
    let lost = false;
    const read = async (at: number, length: number) => {
      if (at === 400_000 && !lost) {
        lost = true;
        await (await blobs.writer(sha256, bytes.length)).abort();
      }
      return bytes.subarray(at, at + length);
    };
    await client.upload(sha256, { size: bytes.length, read });
    expect([lost, await blobs.has(sha256)]).toEqual([true, true]);
  });
});

describe("who has no business with a blob", () => {
  it("is told what is told of one that is not there", async () => {
    const { sha256 } = await blobs.put(content(100));
    const server = await serve((caller, { action }) => caller.name === "plant-1" && action === "read");
    const [one, two] = [room.client(server.url, room.member("plant-1")), room.client(server.url, room.member("plant-2"))];
    expect((await one.downloadBytes(sha256, 100)).length).toBe(100);
    const refused = async (path: string) => refusedOf(await errorOf(two.request({ method: "GET", path })))?.body;
    expect(await refused(`/v1/blobs/${sha256}`)).toEqual(await refused(`/v1/blobs/${digest(content(5))}`));
    const up = refusedOf(await errorOf(one.upload(digest(content(5)), source(content(5)))));
    expect(up?.status).toBe(404);
    const witness = room.client(server.url, room.member("w", "witness"));
    expect(refusedOf(await errorOf(witness.upload(sha256, source(content(100)))))?.status).toBe(403);
  });
});

describe("requests that lie", () => {
  const sha256 = digest(content(1000));
  it.each([
    "bytes=0-,0-,0-",
    "bytes=-",
    "bytes=-0",
    "bytes=5-4",
    "bytes=1000-",
    "bytes=99999999999999999999-",
    "bytes=-1-5",
    "bytes=a-b",
    "items=0-5",
    "bytes 0-5",
    "bytes=0x1-5",
  ])("the range %s", async (range) => {
    await blobs.put(content(1000));
    const server = await serve();
    const error = refusedOf(
      await errorOf(
        room.client(server.url, room.member("plant-1")).request({ method: "GET", path: `/v1/blobs/${sha256}`, headers: { range } }),
      ),
    );
    expect(error).toMatchObject({ status: 416, body: { code: "REQUEST_INVALID" } });
  });
  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=990-", 990, 1000],
    ["bytes=-10", 990, 1000],
    ["bytes=-5000", 0, 1000],
    ["bytes=10-999999999999999", 10, 1000],
  ])("but the range %s is one", async (range, from, to) => {
    await blobs.put(content(1000));
    const server = await serve();
    const answer = await room
      .client(server.url, room.member("plant-1"))
      .request({ method: "GET", path: `/v1/blobs/${sha256}`, headers: { range } });
    expect([answer.status, answer.headers["content-range"]]).toEqual([206, `bytes ${from}-${to - 1}/1000`]);
    expect(Buffer.compare(answer.bytes ?? new Uint8Array(), content(1000).subarray(from, to))).toBe(0);
  });
  it.each([
    `/v1/blobs/${"A".repeat(64)}`,
    "/v1/blobs/..%2f..%2fetc%2fpasswd",
    "/v1/blobs/../../etc/passwd",
    "/v1/blobs/key.pem",
    `/v1/blobs/${sha256}0`,
  ])("the digest in %s", async (path) => {
    const server = await serve();
    const spoken = await speak(server.port, room.cas.ca, room.member("plant-1"));
    spoken.say(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
    expect(statusIn(await spoken.heard(whole))).toBe(404);
    spoken.socket.destroy();
  });
  it.each([
    "",
    "?offset=0",
    "?offset=0&size=-1",
    "?offset=5&size=4",
    "?offset=0&size=9999999999",
    "?offset=1e3&size=1e4",
    "?offset=0&size=2&size=3",
  ])("the piece %s", async (query) => {
    const server = await serve();
    const client = room.client(server.url, room.member("plant-1"));
    const error = refusedOf(await errorOf(client.request({ method: "PUT", path: `/v1/uploads/${sha256}${query}`, bytes: content(3) })));
    expect([400, 413]).toContain(error?.status);
    expect(await blobs.received(sha256)).toBe(0);
  });
  it("two writers of one blob: the second is asked to come back", async () => {
    const server = await serve();
    const slow = await speak(server.port, room.cas.ca, room.member("plant-1"));
    slow.say(`PUT /v1/uploads/${sha256}?offset=0&size=1000 HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx`);
    while (server.inFlight() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const client = room.client(server.url, room.member("plant-2"), { limits: { attempts: 1 } });
    const error = refusedOf(await errorOf(client.upload(sha256, source(content(1000)))));
    expect(error?.body.code).toBe("SERVER_BUSY");
    slow.socket.destroy();
  });
});
