/** The record over any store of its tables: one logic, whatever keeps the rows. */
import type { RecordLimits, RecordStore } from "../../core/record.js";
import type { Ground } from "./change.js";
import { blobsOver, checkOver } from "./integrity.js";
import { membershipOver } from "./membership.js";
import { registryOver, workOver } from "./registry.js";
import { runsOver } from "./runs.js";
import type { Engine } from "./tables.js";

export const defaultLimits: RecordLimits = {
  inputs: 1_000_000,
  members: 100_000,
  tokens: 100_000,
  nonces: 10_000,
  outbox: 100_000,
  json: 16_777_216,
};

export function recordOver(engine: Engine, limits: Partial<RecordLimits> = {}): RecordStore {
  const ground: Ground = { engine, limits: { ...defaultLimits, ...limits } };
  return {
    kind: engine.kind,
    limits: ground.limits,
    ...runsOver(ground),
    ...membershipOver(ground),
    ...registryOver(ground),
    ...workOver(ground),
    blobs: blobsOver(ground),
    check: checkOver(ground),
    close: () => engine.close(),
  };
}
