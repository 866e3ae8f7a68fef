/**
 * A finished run becomes a version in the model registry: bundle, the record that shows where it comes from, and a signature over both.
 * Called again after a kill it finds what it wrote and adds nothing.
 */
import type { KeyObject } from "node:crypto";
import type { BlobStore } from "../core/blobs.js";
import type { Clock } from "../core/ports.js";
import type { RecordStore, ReleaseRow } from "../core/record.js";
import { sha256 } from "../io/crypto/keys.js";
import { type ReleaseOrigin, recordFile, signRelease } from "../io/crypto/release.js";
import { kernelVersion } from "../kernels/instance.js";
import { encodeBundle } from "../round/bundle.js";
import type { Inclusion, Release } from "../round/node.js";
import { float32Bytes } from "../wire/numbers.js";
import { runRecord } from "./run-record.js";

export interface ReleaseParts {
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly key: KeyObject;
  readonly clock: Clock;
  readonly federation: string;
  readonly run: string;
  /** SHA-256 of the signed plan, and the seed and file in it. */
  readonly plan: { readonly sha256: string; readonly seed: number; readonly file: unknown };
  readonly node: string;
  /** Released at once, or a candidate that somebody who let nobody in has to release. */
  readonly automatic: boolean;
}

/** Puts the model into the registry and returns its row. */
export async function publish(release: Release, parts: ReleaseParts): Promise<ReleaseRow> {
  const { record, blobs, federation, run, clock } = parts;
  const existing = (await record.releases(federation, { limit: 1000 })).find((one) => one.run === run);
  if (existing !== undefined) return existing;
  const model = sha256(float32Bytes(release.bundle.values));
  const told = await runRecord(parts, model);
  const bundle = await blobs.put(encodeBundle(release.bundle));
  const recordBytes = new TextEncoder().encode(JSON.stringify(told));
  await blobs.put(recordBytes);
  const version = ((await record.releases(federation, { limit: 1000 })).at(-1)?.version ?? 0) + 1;
  const members = [...new Set(told.rounds.flatMap((round) => round.included.flatMap(sitesIn)))].sort();
  const origin: ReleaseOrigin = {
    federation,
    version,
    run,
    rounds: release.rounds,
    members: members.length,
    plan: parts.plan.sha256,
    weights: model,
    kernels: kernelVersion,
    epsilon: "none claimed",
    createdAt: clock.now(),
  };
  const files = { "model.safetensors": bundle.sha256, [recordFile]: sha256(recordBytes) };
  const envelope = await blobs.put(new TextEncoder().encode(signRelease(files, origin, parts.key)));
  const row: ReleaseRow = {
    federation,
    version,
    run,
    round: release.rounds,
    model,
    bundle: bundle.sha256,
    envelope: envelope.sha256,
    members,
    plan: parts.plan.sha256,
    dataFingerprints: {},
    createdAt: clock.now(),
    state: "candidate",
  };
  await record.putSetting(recordSetting(version), sha256(recordBytes));
  await record.putRelease(row, {
    audit: [{ at: clock.now(), actor: "system", action: "release.candidate", target: String(version), detail: { run, model } }],
  });
  if (parts.automatic) await record.setReleaseState(federation, version, "released", "system", clock.now());
  return row;
}

/** Where the record of a release is found among the blobs. */
export const recordSetting = (version: number): string => `record of release ${version}`;

function sitesIn(one: Inclusion): readonly string[] {
  return one.rounds === undefined ? [one.site] : one.rounds.flatMap((round) => round.flatMap(sitesIn));
}
