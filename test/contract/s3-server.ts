/** An S3-compatible server in a temporary folder: s3rver (npm), which is old and therefore installed outside the project. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { S3Options } from "../../src/io/store/blobs-s3-bucket.js";

export const needsS3 = "(needs @aws-sdk/client-s3 and s3rver: npm install --prefix FOLDER both, then set MILLWRIGHT_ADAPTERS=FOLDER)";

const folder = process.env.MILLWRIGHT_ADAPTERS ?? "";
export const hasS3 = ["@aws-sdk/client-s3", "s3rver"].every(
  (name) => folder !== "" && existsSync(join(resolve(folder), "node_modules", name)),
);

interface Rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

/** Starts it on a free port of this machine; `options` names a bucket that is there. */
export async function startS3(): Promise<{ readonly options: S3Options; readonly stop: () => Promise<void> }> {
  const load = createRequire(join(resolve(folder), "package.json"));
  const S3rver = load("s3rver") as new (options: object) => Rver;
  const directory = mkdtempSync(join(tmpdir(), "mw-s3-"));
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: "millwright", configs: [] }],
  });
  const { port } = await server.run();
  return {
    options: {
      endpoint: `http://127.0.0.1:${port}`,
      bucket: "millwright",
      credentials: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" },
    },
    async stop() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
