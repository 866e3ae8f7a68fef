/**
 * Blobs over the network: reading by digest with one range, writing in pieces that go on where the last one ended. No name of a client's
 * choice reaches the disk: a digest is checked to be one. Who may not read a blob is told what is told of one that is not there.
 */
import { type BlobStore, type BlobWriter, isDigest } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import type { Call, Caller, Reply, Role, Route } from "../../core/route.js";

export interface BlobAsk {
  readonly sha256: string;
  readonly action: "read" | "write";
  /** Of a write: the announced size of the whole. */
  readonly size?: number;
}

export interface BlobRouteOptions {
  /** Whether this caller has business with this blob: deny what no task, plan or reply of its own names. */
  readonly may: (caller: Caller, ask: BlobAsk) => boolean | Promise<boolean>;
  readonly readers?: readonly Role[];
  readonly writers?: readonly Role[];
  /** Largest blob that is accepted. */
  readonly limit?: number;
  /** Largest piece of an upload. */
  readonly chunk?: number;
  /** Uploads that are being written at once, by all and by one member. */
  readonly writing?: number;
  readonly writingPerMember?: number;
}

/** What is read from the disk at once. */
const gather = 262_144;

export function blobRoutes(blobs: BlobStore, options: BlobRouteOptions): readonly Route[] {
  const { may, limit = 1_073_741_824, chunk = 8_388_608, writing = 64, writingPerMember = 4 } = options;
  const readers = options.readers ?? ["admin", "operator", "scientist", "auditor", "aggregator", "site", "witness"];
  const writers = options.writers ?? ["aggregator", "site"];
  const busy = new Map<string, string>();

  async function permitted(call: Call, ask: Omit<BlobAsk, "sha256">): Promise<string> {
    const { sha256 } = call.params;
    if (!isDigest(sha256)) return missing();
    if (call.caller === undefined || !(await may(call.caller, { ...ask, sha256 }))) return missing();
    return sha256;
  }

  async function read(call: Call): Promise<Reply> {
    const sha256 = await permitted(call, { action: "read" });
    const stat = await blobs.stat(sha256);
    if (stat === undefined) return missing();
    const headers = { etag: `"${sha256}"`, "accept-ranges": "bytes" };
    const range = call.headers.range === undefined ? { from: 0, to: stat.size } : rangeOf(call.headers.range, stat.size);
    if (range === undefined) {
      return {
        status: 416,
        json: notSatisfiable,
        headers: { ...headers, "content-range": `bytes */${stat.size}`, "error-code": "REQUEST_INVALID" },
      };
    }
    const { from, to } = range;
    const partial: Record<string, string> =
      call.headers.range === undefined ? {} : { "content-range": `bytes ${from}-${to - 1}/${stat.size}` };
    return {
      status: call.headers.range === undefined ? 200 : 206,
      headers: { ...headers, ...partial },
      stream: { size: to - from, chunks: pieces(sha256, from, to, call.signal) },
    };
  }

  async function* pieces(sha256: string, from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let at = from; at < to && !signal.aborted; ) {
      const piece = await blobs.read(sha256, at, Math.min(gather, to - at));
      if (piece.length === 0) fail("STORE_DAMAGED", { where: `blob ${sha256}`, expected: `${to} bytes`, got: `${at}` });
      at += piece.length;
      yield piece;
    }
  }

  async function write(call: Call): Promise<Reply> {
    const offset = count(call.query.offset, "offset");
    const size = count(call.query.size, "size");
    if (size > limit) fail("LIMIT_EXCEEDED", { where: "size", expected: `at most ${limit} bytes`, got: `${size}` });
    if (offset > size || offset + (call.length ?? 0) > size) {
      fail("REQUEST_INVALID", { where: "offset", expected: `a piece within ${size} bytes`, got: "one beyond" });
    }
    const sha256 = await permitted(call, { action: "write", size });
    const name = call.caller?.name ?? "";
    const own = [...busy.values()].filter((other) => other === name).length;
    // Two requests that write one blob would each wait for the other's bytes; the one that is under way ends or falls silent soon.
    if (busy.has(sha256) || busy.size >= writing || own >= writingPerMember) {
      fail("SERVER_BUSY", {
        where: "uploads",
        expected: "room for one more, and no other of this blob",
        got: "none",
        remedy: "go on later",
      });
    }
    busy.set(sha256, name);
    try {
      if (await blobs.has(sha256)) return { status: 200, json: { received: size, complete: true } };
      const writer = await blobs.writer(sha256, size);
      if (writer.received() < offset) return elsewhere(writer.received());
      const received = await take(call, writer, offset);
      if (received < size) return { status: 200, json: { received, complete: false } };
      await writer.finish();
      return { status: 201, json: { received, complete: true } };
    } finally {
      busy.delete(sha256);
    }
  }

  /** What came before the line broke is kept by the writer: the next piece begins behind it. */
  async function take(call: Call, writer: BlobWriter, offset: number): Promise<number> {
    let at = offset;
    for await (const bytes of call.stream ?? []) {
      await writer.write(bytes, at);
      at += bytes.length;
    }
    return writer.received();
  }

  return [
    {
      name: "blobs.read",
      method: "GET",
      path: "/v1/blobs/:sha256",
      auth: "member",
      roles: readers,
      body: none,
      traffic: "bulk",
      handle: read,
    },
    {
      name: "uploads.state",
      method: "HEAD",
      path: "/v1/uploads/:sha256",
      auth: "member",
      roles: writers,
      body: none,
      handle: async (call) => {
        const sha256 = await permitted(call, { action: "write" });
        const complete = await blobs.has(sha256);
        const offset = await blobs.received(sha256);
        return { status: 200, headers: { "upload-offset": `${offset}`, "upload-complete": complete ? "?1" : "?0" } };
      },
    },
    {
      name: "uploads.write",
      method: "PUT",
      path: "/v1/uploads/:sha256",
      auth: "member",
      roles: writers,
      body: { kind: "stream", limit: chunk },
      traffic: "bulk",
      handle: write,
    },
  ];
}

const none = { kind: "none", limit: 0 } as const;
const notSatisfiable = { code: "REQUEST_INVALID", where: "range", expected: "one range of bytes within the blob", got: "another" };

/** The server lost pieces that it never made durable: the client goes on from where it really stands. */
function elsewhere(received: number): Reply {
  const json = {
    code: "REQUEST_INVALID",
    where: "offset",
    expected: `a piece that begins at ${received} or before`,
    got: "one behind a gap",
  };
  return { status: 409, json, headers: { "error-code": "REQUEST_INVALID", "upload-offset": `${received}` } };
}

function missing(): never {
  return fail("BLOB_MISSING", { where: "blob", expected: "a blob for this caller", got: "none under this digest" });
}

function count(text: string | undefined, where: string): number {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  return fail("REQUEST_INVALID", { where, expected: "a whole number", got: text === undefined ? "nothing" : "another text" });
}

/** One range (RFC 9110 section 14.1.2): several would let a small request ask for a blob a thousand times. */
function rangeOf(text: string, size: number): { readonly from: number; readonly to: number } | undefined {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text);
  if (parts === null || (parts[1] === "" && parts[2] === "")) return undefined;
  if (parts[1] === "") {
    const from = Math.max(0, size - Number(parts[2]));
    return from < size ? { from, to: size } : undefined;
  }
  const from = Number(parts[1]);
  const to = parts[2] === "" ? size : Math.min(size, Number(parts[2]) + 1);
  return from < to ? { from, to } : undefined;
}
