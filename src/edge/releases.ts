/**
 * A released model as a member takes it: fetched, and believed only when a trusted key signed it, every file is the one that was signed, it
 * comes from a plan that the federation signed, its record ends with these weights, and it is not older than the newest this folder has
 * seen. What the coordinator says of it beside that is not believed. Whether the model is good, no signature says.
 */
import { z } from "zod";
import { fail } from "../core/errors.js";
import type { Disk } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import { importPublicKey, sha256 } from "../io/crypto/keys.js";
import { openPlan } from "../io/crypto/plan-envelope.js";
import { type ReleaseOrigin, recordFile, verifyRelease } from "../io/crypto/release.js";
import { writeDurably } from "../io/disk/durable.js";
import type { HttpsClient } from "../io/transport/client.js";
import { decodeBundle } from "../round/bundle.js";
import { float32Bytes } from "../wire/numbers.js";
import type { Identity } from "./identity.js";

export interface FetchedRelease {
  readonly origin: ReleaseOrigin;
  /** The model's file, as it was signed. */
  readonly bundle: Uint8Array;
}

const seenFile = "releases.json";
const largest = { bundle: 512 << 20, record: 64 << 20, plan: 16 << 20, envelope: 1 << 20 } as const;
type Part = keyof typeof largest;

const listSchema = z.looseObject({ releases: z.array(z.looseObject({ version: z.int().min(1), state: z.string().max(32) })).max(1000) });
const seenSchema = z.strictObject({ version: z.int().min(1), root: z.string().regex(/^[0-9a-f]{64}$/) });

/**
 * The newest release, or the one of a version. Errors: RECORD_MISSING, SIGNATURE_MISSING, SIGNATURE_REFUSED, RELEASE_ALTERED,
 * RELEASE_UNPROVEN, ROLLBACK_REFUSED, and those of the transport. Nothing is handed out, and nothing remembered, where one is thrown.
 */
export async function fetchRelease(options: {
  readonly client: Pick<HttpsClient, "request">;
  readonly identity: Pick<Identity, "federation" | "trust">;
  /** The member's folder: it remembers the newest release. */
  readonly disk: Disk;
  readonly version?: number;
}): Promise<FetchedRelease> {
  const { client, identity, disk } = options;
  const version = await chosen(client, options.version);
  const get = (part: Part) => partOf(client, version, part);
  const envelope = text(await get("envelope"));
  const plan = text(await get("plan"));
  const record = await get("record");
  const bundle = await get("bundle");
  const newest = await seen(disk);
  const keysOf = (pems: readonly string[], where: string) => pems.map((pem) => importPublicKey(pem, where));
  const { origin, root } = verifyRelease(envelope, {
    keys: keysOf(identity.trust.release, "trusted release key"),
    federation: identity.federation,
    files: { "model.safetensors": sha256(bundle), [recordFile]: sha256(record) },
    record,
    plans: [sha256(plan)],
    ...(newest === undefined ? {} : { newest }),
  });
  // The plan that the release names is one that this federation signed, and it was in force then.
  openPlan(plan, {
    keys: keysOf(identity.trust.plan, "trusted plan key"),
    federation: identity.federation,
    now: millis(origin.createdAt),
  });
  const weights = sha256(float32Bytes(decodeBundle(bundle, `release ${version}`).values));
  if (weights !== origin.weights || origin.version !== version) {
    fail("RELEASE_ALTERED", {
      where: `release ${version}`,
      expected: `version ${origin.version} with weights ${origin.weights}`,
      got: weights,
    });
  }
  if (newest === undefined || origin.version > newest.version) {
    await writeDurably(disk, seenFile, new TextEncoder().encode(`${JSON.stringify({ version: origin.version, root })}\n`));
  }
  return { origin, bundle };
}

async function chosen(client: Pick<HttpsClient, "request">, version: number | undefined): Promise<number> {
  const listed = listSchema.safeParse((await client.request({ method: "GET", path: "/v1/releases" })).json);
  if (!listed.success) return fail("MESSAGE_INVALID", { where: "releases", expected: "a list", got: "something else" });
  const released = listed.data.releases.filter(({ state }) => state === "released").map((one) => one.version);
  const found = version === undefined ? Math.max(...released) : released.find((one) => one === version);
  if (found !== undefined && Number.isFinite(found)) return found;
  return fail("RECORD_MISSING", {
    where: "releases",
    expected: version === undefined ? "a released model" : `a release of version ${version}`,
    got: released.length === 0 ? "none yet" : `versions ${released.slice(-5).join(", ")}`,
    remedy: "a model that waits for its release is published with `millwright release publish`",
  });
}

async function partOf(client: Pick<HttpsClient, "request">, version: number, part: Part): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  await client.request({
    method: "GET",
    path: `/v1/releases/${version}/${part}`,
    traffic: "bulk",
    onChunk: async (chunk) => {
      size += chunk.length;
      if (size > largest[part])
        fail("LIMIT_EXCEEDED", { where: `release ${version}, ${part}`, expected: `at most ${largest[part]} bytes`, got: "more" });
      pieces.push(chunk);
    },
  });
  return new Uint8Array(Buffer.concat(pieces));
}

/** The newest release that was believed here. */
async function seen(disk: Disk): Promise<{ readonly version: number; readonly root: string } | undefined> {
  const bytes = await disk.read(seenFile, 4096);
  if (bytes === undefined) return undefined;
  const parsed = seenSchema.safeParse(jsonOf(bytes));
  if (parsed.success) return parsed.data;
  return fail("STORE_DAMAGED", {
    where: seenFile,
    expected: "the newest release that was accepted here",
    got: "something else",
    remedy: "restore the file from a backup; remove it only when the model in use is known to be the newest",
  });
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text(bytes));
  } catch {
    return undefined;
  }
}

const text = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
