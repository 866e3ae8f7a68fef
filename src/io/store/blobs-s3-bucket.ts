/**
 * A bucket of an S3-compatible service through `@aws-sdk/client-s3` (optional: `npm install @aws-sdk/client-s3`). Only operations that every
 * such service has: put, get, head, delete, list, copy, multipart. No conditional put: names are digests, so a put can be repeated.
 *
 * Every body goes with its MD5, which the service checks; what it acknowledged is as durable as the service says it is.
 */
import { createHash } from "node:crypto";
import { fail } from "../../core/errors.js";
import { loadPackage } from "../engine/package.js";

export interface S3Options {
  /** For example "https://s3.eu-central-1.amazonaws.com" or "http://minio.example:9000". */
  readonly endpoint?: string;
  readonly region?: string;
  readonly bucket: string;
  /** Keys begin with this; several federations may share a bucket. */
  readonly prefix?: string;
  /** Left out, the SDK looks for them as it always does: environment, profile, the machine's role. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  /** The bucket in the path instead of the host name; most services that are not Amazon's need it. Default: true with an endpoint. */
  readonly pathStyle?: boolean;
}

export interface Listed {
  readonly key: string;
  /** When it was written, by the service's clock, in ms. */
  readonly modified: number;
  readonly size: number;
}

export interface Bucket {
  readonly put: (key: string, bytes: Uint8Array) => Promise<void>;
  /** All of it, or `length` bytes (at least one, and inside) from `offset`; undefined where there is none. */
  readonly get: (key: string, range?: { readonly offset: number; readonly length: number }) => Promise<Uint8Array | undefined>;
  readonly size: (key: string) => Promise<number | undefined>;
  readonly remove: (key: string) => Promise<void>;
  readonly list: (prefix: string) => AsyncIterable<Listed>;
  readonly copy: (from: string, to: string) => Promise<void>;
  readonly multipart: (key: string) => Promise<Multipart>;
  readonly close: () => void;
}

/** An object in parts: not there before `complete`. */
export interface Multipart {
  readonly part: (bytes: Uint8Array) => Promise<void>;
  readonly complete: () => Promise<void>;
  readonly abort: () => Promise<void>;
}

/** The part of the package that is used here, so that it need not be installed to compile. */
type Command = new (input: Readonly<Record<string, unknown>>) => object;
interface S3Module {
  readonly S3Client: new (
    options: Readonly<Record<string, unknown>>,
  ) => {
    send(command: object): Promise<Readonly<Record<string, unknown>>>;
    destroy(): void;
  };
  readonly PutObjectCommand: Command;
  readonly GetObjectCommand: Command;
  readonly HeadObjectCommand: Command;
  readonly DeleteObjectCommand: Command;
  readonly CopyObjectCommand: Command;
  readonly ListObjectsV2Command: Command;
  readonly CreateMultipartUploadCommand: Command;
  readonly UploadPartCommand: Command;
  readonly CompleteMultipartUploadCommand: Command;
  readonly AbortMultipartUploadCommand: Command;
}

const used = [
  "S3Client",
  "PutObjectCommand",
  "GetObjectCommand",
  "HeadObjectCommand",
  "DeleteObjectCommand",
  "CopyObjectCommand",
  "ListObjectsV2Command",
  "CreateMultipartUploadCommand",
  "UploadPartCommand",
  "CompleteMultipartUploadCommand",
  "AbortMultipartUploadCommand",
] as const;

/** Millis of silence after which a call is given up; the SDK tries each three times. */
const patience = 30_000;

/** Errors of every operation: FILE_UNREADABLE, FILE_UNWRITABLE with what the service said; PACKAGE_MISSING when it is opened. */
export async function openBucket(options: S3Options): Promise<Bucket> {
  const sdk = await loadPackage<S3Module>("@aws-sdk/client-s3", used, "blobs in S3");
  const { bucket, endpoint, credentials } = options;
  const client = new sdk.S3Client({
    region: options.region ?? "us-east-1",
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: options.pathStyle ?? endpoint !== undefined,
    // Services that are not Amazon's know MD5; newer checksums only some.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { requestTimeout: patience, connectionTimeout: patience },
  });
  const keyOf = (name: string): string => `${options.prefix ?? ""}${name}`;

  async function ask(
    what: "read" | "write",
    name: string,
    command: Command,
    input: Readonly<Record<string, unknown>> = {},
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      return await client.send(new command({ Bucket: bucket, Key: keyOf(name), ...input }));
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      return refused(what, `s3:${bucket}/${keyOf(name)}`, cause);
    }
  }
  async function needed(...args: Parameters<typeof ask>): Promise<Readonly<Record<string, unknown>>> {
    const [what, name] = args;
    return (await ask(...args)) ?? refused(what, `s3:${bucket}/${keyOf(name)}`, new Error("no such bucket or upload"));
  }
  const body = (bytes: Uint8Array) => ({
    Body: bytes,
    ContentLength: bytes.length,
    ContentMD5: createHash("md5").update(bytes).digest("base64"),
  });

  return {
    put: async (name, bytes) => {
      await needed("write", name, sdk.PutObjectCommand, body(bytes));
    },
    get: async (name, range) => {
      const last = range === undefined ? 0 : range.offset + range.length - 1;
      const found = await ask("read", name, sdk.GetObjectCommand, range === undefined ? {} : { Range: `bytes=${range.offset}-${last}` });
      return found === undefined ? undefined : bytesOf(found.Body, name);
    },
    size: async (name) => {
      const found = await ask("read", name, sdk.HeadObjectCommand);
      return found === undefined ? undefined : Number(found.ContentLength ?? 0);
    },
    remove: async (name) => {
      await ask("write", name, sdk.DeleteObjectCommand);
    },
    async *list(prefix) {
      let token: unknown;
      do {
        const page = await needed("read", prefix, sdk.ListObjectsV2Command, {
          Key: undefined,
          Prefix: keyOf(prefix),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        });
        for (const { Key, LastModified, Size } of (page.Contents ?? []) as readonly { Key: string; LastModified: Date; Size: number }[]) {
          yield { key: Key.slice(keyOf("").length), modified: LastModified.getTime(), size: Size };
        }
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },
    copy: async (from, to) => {
      const CopySource = [bucket, ...keyOf(from).split("/")].map(encodeURIComponent).join("/");
      // A copy onto itself is taken only with something to change.
      const change = from === to ? { MetadataDirective: "REPLACE", Metadata: { kept: "again" } } : {};
      await needed("write", to, sdk.CopyObjectCommand, { CopySource, ...change });
    },
    multipart: async (name) => {
      const { UploadId } = await needed("write", name, sdk.CreateMultipartUploadCommand);
      const parts: { readonly PartNumber: number; readonly ETag: unknown }[] = [];
      return {
        part: async (bytes) => {
          const PartNumber = parts.length + 1;
          const { ETag } = await needed("write", name, sdk.UploadPartCommand, { UploadId, PartNumber, ...body(bytes) });
          parts.push({ PartNumber, ETag });
        },
        complete: async () => {
          await needed("write", name, sdk.CompleteMultipartUploadCommand, { UploadId, MultipartUpload: { Parts: parts } });
        },
        abort: async () => {
          await ask("write", name, sdk.AbortMultipartUploadCommand, { UploadId });
        },
      };
    },
    close: () => client.destroy(),
  };
}

async function bytesOf(stream: unknown, name: string): Promise<Uint8Array> {
  try {
    return await (stream as { transformToByteArray(): Promise<Uint8Array> }).transformToByteArray();
  } catch (cause) {
    return refused("read", name, cause);
  }
}

const statusOf = (error: unknown): unknown =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: unknown } } | undefined)?.$metadata?.httpStatusCode;

function isMissing(error: unknown): boolean {
  const name = (error as { readonly name?: unknown }).name;
  return name === "NoSuchKey" || name === "NotFound" || (name === "NoSuchUpload" && statusOf(error) === 404);
}

function refused(what: "read" | "write", where: string, cause: unknown): never {
  const { name, message, code } = cause as { readonly name?: string; readonly message?: string; readonly code?: string };
  return fail(what === "read" ? "FILE_UNREADABLE" : "FILE_UNWRITABLE", {
    where,
    expected: "an answer of the S3 service",
    got: [name, code, message]
      .filter((part) => part !== undefined && part !== "")
      .join(": ")
      .slice(0, 300),
    remedy: "see that the endpoint, bucket and credentials are right and the service runs",
    cause,
  });
}
