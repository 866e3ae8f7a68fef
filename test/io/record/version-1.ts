/** Writes a record as schema version 1 did, for the kept file in test/fixtures/record and for an upgrade on a real PostgreSQL. */
import { millis } from "../../../src/core/quantities.js";
import { migrations } from "../../../src/io/record/migrations.js";
import { recordOver } from "../../../src/io/record/store.js";
import type { Engine } from "../../../src/io/record/tables.js";
import { certificateRow, entry, inputsFrom, memberRow, releaseRow, roundRow, runRow, sha, tokenRow } from "./rows.js";

export const version1 = migrations.slice(0, 1);

/** `token` inserts what tokenRow(1) and tokenRow(2, used) are, in the columns that version 1 had. */
export const version1Tokens = [
  `insert into tokens values ('${sha(1)}', 'plant-1', 'acme', 'site', 5000, 'anna', null)`,
  `insert into tokens values ('${sha(2)}', 'plant-2', 'acme', 'site', 5000, 'anna', 70)`,
];

export async function writeVersion1(engine: Engine): Promise<void> {
  const store = recordOver(engine);
  await store.createRun(runRow("r1"));
  await store.appendInputs("r1", inputsFrom(1, 9));
  await store.closeRound("r1", roundRow("r1", 1), { seq: 5, blob: sha(50) }, { audit: [entry("close")] });
  await store.createRun(runRow("r2", { startedAt: millis(5), state: "failed", error: "ROUND_ABANDONED" }));
  await store.putMember(memberRow("plant-1", { state: "active", spki: sha(3), serial: "01", lastSeen: millis(44), meta: { rows: 12 } }));
  await store.putCertificate(certificateRow("01", "plant-1"));
  await store.useNonce("plant-1", "n1", millis(99), millis(9));
  await store.putRelease(releaseRow(1, { readers: ["role:auditor"] }));
  await store.lease("run r1", "process-1", millis(100), millis(1));
  const outbox = [{ id: "m1", topic: "t", ref: "r1/1", createdAt: millis(3) }];
  await store.audit(entry("start"));
  await store.appendInputs("r1", inputsFrom(10, 1), { outbox });
}

/** What whoever opens it with a later version must find. */
export const version1Holds = {
  runs: [
    runRow("r1", { snapshot: { seq: 5, blob: sha(50) } }),
    runRow("r2", { startedAt: millis(5), state: "failed", error: "ROUND_ABANDONED" }),
  ],
  inputs: inputsFrom(6, 5),
  rounds: [{ ...roundRow("r1", 1), ordinal: 1 }],
  members: [memberRow("plant-1", { state: "active", spki: sha(3), serial: "01", lastSeen: millis(44), meta: { rows: 12 } })],
  tokens: [tokenRow(1)],
  certificates: [certificateRow("01", "plant-1")],
  releases: [releaseRow(1, { readers: ["role:auditor"] })],
  audit: [
    { seq: 1, ...entry("close") },
    { seq: 2, ...entry("start") },
  ],
  outbox: [{ id: "m1", topic: "t", ref: "r1/1", createdAt: 3 }],
};
