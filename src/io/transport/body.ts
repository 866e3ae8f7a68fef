/**
 * Bodies of requests, within limits that hold before, while and after reading: the declared length, the bytes that come, the bytes they
 * decompress to, and the time they take. A chunked body without a length is held to the same limit while it is read.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip } from "node:zlib";
import { fail } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import type { BodySpec } from "../../core/route.js";
import type { ServerLimits } from "./limits.js";
import { after, steady } from "./pace.js";

const inflate = { gzip: promisify(gunzip), br: promisify(brotliDecompress) };

/** What the headers say about a body: judged before anybody is authenticated and before a byte of it is read. */
export interface Announced {
  readonly length?: number;
  readonly encoding?: "gzip" | "br";
  readonly present: boolean;
}

/** Errors: LIMIT_EXCEEDED, REQUEST_INVALID. */
export function announced(request: IncomingMessage, spec: BodySpec, where: string): Announced {
  const { "content-length": text, "transfer-encoding": chunked, "content-encoding": encoding, "content-type": type } = request.headers;
  const length = text === undefined ? undefined : Number(text);
  if (chunked !== undefined && (length !== undefined || chunked.toLowerCase() !== "chunked")) {
    fail("REQUEST_INVALID", { where, expected: "a body with one kind of length", got: "another transfer encoding" });
  }
  if (length !== undefined && !Number.isSafeInteger(length)) {
    fail("REQUEST_INVALID", { where, expected: "a content-length", got: "a number beyond all limits" });
  }
  const present = chunked !== undefined || (length ?? 0) > 0;
  if (!present) {
    if (spec.kind === "json") fail("REQUEST_INVALID", { where, expected: "a JSON body", got: "no body" });
    return { present, ...(length !== undefined && { length }) };
  }
  if (spec.kind === "none") fail("REQUEST_INVALID", { where, expected: "no body", got: "a body" });
  if ((length ?? 0) > spec.limit) tooLong(where, spec.limit, `${length}`);
  if (spec.kind === "json" && !/^application\/json(?:; *charset=utf-8)?$/i.test(type ?? "")) {
    fail("REQUEST_INVALID", { where, expected: "content-type application/json", got: "another one" });
  }
  if (encoding === undefined || encoding === "identity") return { present, ...(length !== undefined && { length }) };
  const accepted = (spec.encodings ?? []).find((name) => name === encoding);
  if (accepted === undefined) {
    fail("REQUEST_INVALID", {
      where,
      expected: `an encoding of ${["identity", ...(spec.encodings ?? [])].join(", ")}`,
      got: "another one",
    });
  }
  return { present, encoding: accepted, ...(length !== undefined && { length }) };
}

export interface Reading {
  readonly clock: Clock;
  readonly limits: Pick<ServerLimits, "bodyTime" | "bodyRate">;
  readonly where: string;
  /** What a signature claims the body to hash to. */
  readonly sha256?: string;
  readonly onBytes: (bytes: number) => void;
}

/** The body as it comes; too many, too slow, too few and other bytes than were signed are errors of the iteration. */
export async function* incoming(request: IncomingMessage, spec: BodySpec, reading: Reading): AsyncGenerator<Uint8Array> {
  const { clock, limits, where } = reading;
  const hash = reading.sha256 === undefined ? undefined : createHash("sha256");
  const began = steady(clock);
  let received = 0;
  let slow = false;
  let last: number = began;
  // Silence ends a body, and so does a trickle; a thin link, on which the time grows with the bytes, does not.
  const end = (): number => Math.min(last + limits.bodyTime, began + limits.bodyTime + (received * 1000) / limits.bodyRate);
  let cancel = (): void => {};
  const watch = (): void => {
    cancel = after(clock, end() - steady(clock), () => {
      if (steady(clock) < end()) watch();
      else {
        slow = true;
        request.destroy();
      }
    });
  };
  watch();
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      received += chunk.length;
      last = steady(clock);
      if (received > spec.limit) tooLong(where, spec.limit, "more");
      hash?.update(chunk);
      reading.onBytes(chunk.length);
      yield chunk;
      // What the handler took its time for is not the client's silence.
      last = steady(clock);
    }
  } catch (error) {
    if (slow) fail("LIMIT_EXCEEDED", { where, expected: `a body at ${limits.bodyRate} bytes a second or more`, got: "a slower one" });
    if (request.errored !== null || request.destroyed)
      fail("ABORTED", { where, expected: "the whole body", got: "a client that went away" });
    throw error;
  } finally {
    cancel();
  }
  if (!request.complete) fail("ABORTED", { where, expected: "the whole body", got: "a part of it" });
  if (hash !== undefined && hash.digest("hex") !== reading.sha256) {
    fail("AUTH_BODY_ALTERED", { where, expected: "the body that was signed", got: "another one", remedy: "send the request again" });
  }
}

/** The whole body, decompressed, at most `spec.limit` bytes. */
export async function whole(request: IncomingMessage, spec: BodySpec, head: Announced, reading: Reading): Promise<Uint8Array> {
  const bytes = await gathered(incoming(request, spec, reading), head.length);
  if (head.encoding === undefined) return bytes;
  try {
    // The limit is given to the decompressor: a bomb stops when it is reached, not when memory ends.
    return await inflate[head.encoding](bytes, { maxOutputLength: spec.limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") tooLong(reading.where, spec.limit, "more, once decompressed");
    return fail("REQUEST_INVALID", { where: reading.where, expected: `a body in ${head.encoding}`, got: "bytes that are not" });
  }
}

/** All pieces as one: into memory of the announced size, where there is one, so that a large body is held once and not twice. */
async function gathered(pieces: AsyncIterable<Uint8Array>, size: number | undefined): Promise<Uint8Array> {
  if (size === undefined) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of pieces) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const chunk of pieces) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  // The parser ends a body where its length says; nothing that was in this memory before is ever shown.
  return bytes.subarray(0, filled);
}

function tooLong(where: string, limit: number, got: string): never {
  return fail("LIMIT_EXCEEDED", { where, expected: `a body of at most ${limit} bytes`, got, remedy: "send large things as blobs" });
}
