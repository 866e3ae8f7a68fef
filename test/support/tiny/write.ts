/** Writes tiny files in the format of a named data set, plain or gzipped by their name. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

export async function write(root: string, path: string, content: string | Uint8Array): Promise<string> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, path.endsWith(".gz") ? gzipSync(content) : content);
  return file;
}
