/** Hashes of files: of the bytes, and of the numbers in a blank-separated table whatever its line ends and trailing zeros. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { readLimits } from "../source/limits.js";
import { readLines } from "../source/text.js";

/** SHA-256 of a file's bytes, in hex; of the bytes inside it with `unpack`. */
export async function fileHash(path: string, unpack = false): Promise<string> {
  const hash = createHash("sha256");
  await (unpack ? pipeline(createReadStream(path), createGunzip(), hash) : pipeline(createReadStream(path), hash));
  return hash.digest("hex");
}

/** SHA-256 over the lines of a table with every cell as JavaScript writes its number; unpacks gzip. */
export async function valuesHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const line of readLines(path, readLimits)) {
    const text = line.trim();
    if (text !== "")
      hash.update(
        `${text
          .split(/[ \t]+/)
          .map(Number)
          .join(" ")}\n`,
      );
  }
  return hash.digest("hex");
}
