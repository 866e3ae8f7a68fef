/** A text file as a stream of strings: decompressed where it is gzip (by its first bytes, not its name), decoded, counted. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { fail, MillwrightError } from "../../core/errors.js";
import type { ReadLimits } from "./limits.js";

export const encodings = ["utf-8", "windows-1252", "utf-16le"] as const;
export type Encoding = (typeof encodings)[number];

/** Errors: FILE_UNREADABLE (absent, no permission, broken gzip, bytes that are not the encoding), LIMIT_EXCEEDED. */
export async function* readText(path: string, limits: ReadLimits, encoding: Encoding = "utf-8"): AsyncGenerator<string> {
  const zipped = await startsAsGzip(path);
  const file = createReadStream(path, { highWaterMark: 262_144 });
  const counted = countBytes(path, limits.bytes);
  const done = zipped ? pipeline(file, createGunzip(), counted) : pipeline(file, counted);
  // The loop below sees the same error; this keeps it from being reported as unhandled as well.
  done.catch(() => undefined);
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of counted) yield decoder.decode(chunk as Buffer, { stream: true });
    const rest = decoder.decode();
    if (rest !== "") yield rest;
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    const isEncoding = cause instanceof TypeError;
    fail("FILE_UNREADABLE", {
      where: path,
      expected: isEncoding ? `text in ${encoding}` : zipped ? "a whole gzip file" : "a readable file",
      got: cause instanceof Error ? cause.message : String(cause),
      remedy: isEncoding ? "name the encoding in the file, for example encoding: windows-1252" : undefined,
      cause,
    });
  } finally {
    file.destroy();
    counted.destroy();
  }
}

/** Lines without their line break. Errors as readText; LIMIT_EXCEEDED where a line is longer than `maxLine`. */
export async function* readLines(path: string, limits: ReadLimits, encoding?: Encoding, maxLine = 16_777_216): AsyncGenerator<string> {
  let rest = "";
  for await (const text of readText(path, limits, encoding)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxLine)
      fail("LIMIT_EXCEEDED", { where: path, expected: `lines of at most ${maxLine} characters`, got: "a longer one" });
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  if (rest !== "") yield rest.endsWith("\r") ? rest.slice(0, -1) : rest;
}

async function startsAsGzip(path: string): Promise<boolean> {
  try {
    const handle = await open(path, "r");
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    fail("FILE_UNREADABLE", { where: path, expected: "a readable file", got: code === "ENOENT" ? "no such file" : String(code), cause });
  }
}

function countBytes(path: string, limit: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= limit) done(null, chunk);
      else done(new MillwrightError("LIMIT_EXCEEDED", { where: path, expected: `at most ${limit} bytes of text`, got: "more" }));
    },
  });
}
