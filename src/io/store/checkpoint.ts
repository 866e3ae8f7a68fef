/** Where a run stands after a round, so that it can go on after Ctrl-C or a kill: one file per training run, replaced whole after every round. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../core/errors.js";
import { decodeFrame, encodeFrame } from "../../wire/frame.js";
import { float32Bytes, float32From } from "../../wire/numbers.js";
import { writeAtomic } from "./atomic.js";

export interface Checkpoint {
  /** Digest of everything that determines the run; another plan must not continue it. */
  readonly plan: string;
  /** Rounds that are done. */
  readonly round: number;
  /** The newest global models, oldest first; the last one is the state of training. */
  readonly models: readonly Float32Array[];
  /** The record so far, as plain data. */
  readonly record: unknown;
}

/** Saves the state of run `name` in `folder`. */
export function saveCheckpoint(folder: string, name: string, checkpoint: Checkpoint): void {
  const size = checkpoint.models[0].length;
  const payload = new Uint8Array(checkpoint.models.length * size * 4);
  for (const [i, model] of checkpoint.models.entries()) payload.set(float32Bytes(model), i * size * 4);
  const header = {
    format: "millwright-checkpoint/1",
    plan: checkpoint.plan,
    round: checkpoint.round,
    models: checkpoint.models.length,
    size,
    record: checkpoint.record,
  };
  const frame = encodeFrame(header, payload);
  const sealed = new Uint8Array(frame.length + sealBytes);
  sealed.set(frame);
  sealed.set(seal(frame), frame.length);
  writeAtomic(fileOf(folder, name), sealed);
}

/** The saved state of run `name`, or undefined where there is none. Errors: RESUME_REFUSED where it belongs to another plan or is damaged. */
export function loadCheckpoint(folder: string, name: string, plan: string): Checkpoint | undefined {
  const path = fileOf(folder, name);
  if (!existsSync(path)) return undefined;
  const { header, payload } = whole(path);
  if (header.format !== "millwright-checkpoint/1" || header.plan !== plan) {
    fail("RESUME_REFUSED", {
      where: path,
      expected: "a checkpoint of this federation file, data and seed",
      got: header.format === "millwright-checkpoint/1" ? "one of another plan" : "another format",
      remedy: "run without --resume to start again, or restore the file the run was started with",
    });
  }
  const count = Number(header.models);
  const size = Number(header.size);
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(size) || count < 1 || count * size * 4 !== payload.length) {
    fail("RESUME_REFUSED", {
      where: path,
      expected: `${count} models of ${size} values`,
      got: `${payload.length} bytes`,
      remedy: "run without --resume to start again",
    });
  }
  const models = Array.from({ length: count }, (_, i) => float32From(payload.subarray(i * size * 4, (i + 1) * size * 4), size));
  return { plan, round: Number(header.round), models, record: header.record };
}

/** A SHA-256 of the frame follows it: a bit that flipped on the disk must not become another model. */
const sealBytes = 32;
const seal = (frame: Uint8Array): Uint8Array => createHash("sha256").update(frame).digest();

function whole(path: string): ReturnType<typeof decodeFrame> {
  try {
    const sealed = readFileSync(path);
    const frame = sealed.subarray(0, Math.max(0, sealed.length - sealBytes));
    if (!sealed.subarray(frame.length).equals(seal(frame))) throw new Error("bytes that do not match their SHA-256");
    return decodeFrame(frame);
  } catch (cause) {
    fail("RESUME_REFUSED", {
      where: path,
      expected: "a whole checkpoint",
      got: cause instanceof Error ? cause.message : String(cause),
      remedy: "run without --resume to start again",
      cause,
    });
  }
}

/** Forgets a run that is finished. */
export function dropCheckpoint(folder: string, name: string): void {
  rmSync(fileOf(folder, name), { force: true });
}

/** Removes a folder of checkpoints that holds nothing any more; one that holds anything, or is not there, is left as it is. */
export function dropEmptyFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? "";
    // EEXIST is what some systems say of a folder that is not empty.
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code)) throw cause;
  }
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name.replace(/[^A-Za-z0-9._-]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}.checkpoint`);
}
