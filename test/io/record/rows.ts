/** Small sound rows for the tests of the record. */

import { millis } from "../../../src/core/quantities.js";
import type {
  AuditEntry,
  CertificateRow,
  LoggedInput,
  MemberRow,
  ReleaseRow,
  RoundRow,
  RunRow,
  TokenRow,
} from "../../../src/core/record.js";

/** A hash that is easy to tell from another. */
export const sha = (n: number): string => n.toString(16).padStart(64, "0");

export const runRow = (id: string, change: Partial<RunRow> = {}): RunRow => ({
  id,
  federation: "consortium",
  node: "root",
  plan: sha(1),
  seed: 7,
  startedAt: millis(1_790_000_000_000),
  state: "running",
  ...change,
});

export const input = (seq: number, change: Partial<LoggedInput> = {}): LoggedInput => ({
  seq,
  at: millis(1_790_000_000_000 + seq),
  kind: "message",
  from: "plant-1",
  blob: sha(1000 + seq),
  key: `1:${seq}`,
  ...change,
});

export const inputsFrom = (from: number, count: number): LoggedInput[] => Array.from({ length: count }, (_, i) => input(from + i));

export const roundRow = (run: string, round: number, change: Partial<RoundRow> = {}): RoundRow => ({
  run,
  round,
  attempt: 1,
  closedAt: millis(1_790_000_100_000 + round),
  model: sha(2000 + round),
  loss: 0.1 + round / 3,
  members: 2,
  weight: 900,
  included: [
    { site: "plant-1", weight: 300, loss: 0.25, members: 1 },
    { site: "værk-ü", weight: 600, loss: 1e-300, members: 1 },
  ],
  excluded: [{ site: "plant-3", reason: "no answer before the deadline" }],
  bytesUp: 5_000_000_000,
  bytesDown: 12,
  ...change,
});

export const memberRow = (name: string, change: Partial<MemberRow> = {}): MemberRow => ({
  name,
  org: "acme",
  role: "site",
  state: "invited",
  meta: {},
  ...change,
});

export const certificateRow = (serial: string, member: string, change: Partial<CertificateRow> = {}): CertificateRow => ({
  serial,
  member,
  spki: sha(3),
  notBefore: millis(1000),
  notAfter: millis(9000),
  ...change,
});

export const tokenRow = (n: number, change: Partial<TokenRow> = {}): TokenRow => ({
  hash: sha(n),
  name: "plant-1",
  org: "acme",
  role: "site",
  expiresAt: millis(5000),
  createdBy: "anna",
  ...change,
});

export const releaseRow = (version: number, change: Partial<ReleaseRow> = {}): ReleaseRow => ({
  federation: "consortium",
  version,
  run: "r1",
  round: 3,
  model: sha(4000 + version),
  bundle: sha(5000 + version),
  envelope: sha(6000 + version),
  members: ["plant-1", "plant-2"],
  plan: sha(1),
  dataFingerprints: { "plant-1": "abc" },
  createdAt: millis(10),
  state: "candidate",
  ...change,
});

export const entry = (action: string, change: Partial<AuditEntry> = {}): AuditEntry => ({
  at: millis(50),
  actor: "anna",
  action,
  detail: {},
  ...change,
});

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
