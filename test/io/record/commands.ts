/** Random histories of a record: operations as data, with keys so few that they collide. */
import fc from "fast-check";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import { certificateRow, collect, entry, input, memberRow, releaseRow, roundRow, runRow, sha, tokenRow } from "./rows.js";

export interface Command {
  readonly does: keyof typeof deeds;
  readonly a: number;
  readonly b: number;
}

/** Each takes two small numbers. Those that depend on the state read it first, as a program would. */
const deeds = {
  createRun: (store, a, b) => store.createRun(runRow(`r${a % 2}`, { seed: b % 2, startedAt: millis(a) })),
  state: (store, a, b) => store.setRunState(`r${a % 2}`, (["running", "paused", "running", "finished"] as const)[b % 4] ?? "running"),
  append: (store, a, b) => store.appendInputs(`r${a % 2}`, [input(b + 1), input(b + 2)], { audit: [entry(`append ${b}`)] }),
  appendNext: async (store, a, b) => {
    const last = await store.lastInput(`r${a % 2}`);
    await store.appendInputs(
      `r${a % 2}`,
      Array.from({ length: (b % 3) + 1 }, (_, i) => input(last + 1 + i)),
      { outbox: [{ id: `m${last % 5}`, topic: "t", ref: String(b), createdAt: millis(b) }], audit: [entry("next")] },
    );
  },
  fenced: async (store, a, b) => {
    const last = await store.lastInput(`r${a % 2}`);
    await store.appendInputs(`r${a % 2}`, [input(last + 1)], { fence: { name: "l0", token: (b % 3) + 1 } });
  },
  close: async (store, a, b) => {
    const last = await store.lastInput(`r${a % 2}`);
    await store.closeRound(`r${a % 2}`, roundRow(`r${a % 2}`, b % 4), { seq: Math.max(0, last - (a % 3)), blob: sha(a) });
  },
  snapshot: (store, a, b) => store.saveSnapshot(`r${a % 2}`, { seq: b, blob: sha(b % 3) }),
  putMember: (store, a, b) =>
    store.putMember(memberRow(`p${a % 3}`, { state: b % 2 ? "active" : "invited", org: `o${b}`, lastSeen: millis(b) }), {
      audit: [entry("put")],
    }),
  revoke: (store, a, b) => store.revokeMember(`p${a % 3}`, "anna", `why ${b}`, millis(b)),
  touch: (store, a, b) => store.touch([`p${a % 3}`, `p${b % 3}`, "nobody"], millis(a)),
  putCertificate: (store, a, b) => store.putCertificate(certificateRow(`c${a % 4}`, `p${b % 3}`)),
  revokeCertificate: (store, a, b) => store.revokeCertificate(`c${a % 4}`, millis(b)),
  putToken: (store, a, b) => store.putToken(tokenRow(a % 4, { name: `p${b % 3}`, expiresAt: millis(10 + b) })),
  useToken: (store, a, b) => store.useToken(sha(a % 4), sha(b % 2), millis(a), { audit: [entry("enroll")] }),
  useNonce: (store, a, b) => store.useNonce(`p${a % 2}`, `n${b % 3}`, millis(a + 5), millis(b)),
  audit: (store, a, b) => store.audit(entry(`act ${a}`, { detail: { b } })),
  putRelease: (store, a, b) => store.putRelease(releaseRow((a % 4) + 1, { round: b % 2 })),
  release: (store, a, b) =>
    store.setReleaseState(
      "consortium",
      (a % 4) + 1,
      (["candidate", "released", "withdrawn"] as const)[b % 3] ?? "candidate",
      "anna",
      millis(b),
    ),
  lease: (store, a, b) => store.lease(`l${a % 2}`, `h${b % 2}`, millis(b + 4), millis(a)),
  endLease: (store, a, b) => store.endLease({ name: `l${a % 2}`, holder: "h0", token: (b % 3) + 1, until: millis(1) }),
  published: (store, a, b) => store.markPublished([`m${a % 5}`, `m${b % 5}`], millis(a + 1)),
  done: (store, a, b) => store.markDone([`m${a % 5}`], millis(b + 1)),
  setting: (store, a, b) => store.putSetting(`s${a % 2}`, String(b)),
  prune: (store, a, b) => store.prune(millis(a), millis(b)),
} satisfies Record<string, (store: RecordStore, a: number, b: number) => Promise<unknown>>;

export const commands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.record({
    does: fc.constantFrom(...(Object.keys(deeds) as (keyof typeof deeds)[])),
    a: fc.nat(12),
    b: fc.nat(12),
  }),
  { minLength: 1, maxLength: 60 },
);

/** What came of it: its value, or the code it was refused with. */
export async function carryOut(store: RecordStore, command: Command): Promise<unknown> {
  try {
    return { value: await deeds[command.does](store, command.a, command.b) };
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === undefined || code === "INTERNAL") throw error;
    return { code };
  }
}

/** Everything that can be read from it. */
export async function everything(store: RecordStore): Promise<unknown> {
  const runs = await store.runs();
  return {
    runs,
    inputs: await Promise.all(runs.map((run) => collect(store.inputs(run.id, run.snapshot?.seq ?? 0)))),
    rounds: await Promise.all(runs.map((run) => store.rounds(run.id, { limit: 1000 }))),
    members: await store.members(),
    certificates: await Promise.all(["p0", "p1", "p2"].map((name) => store.certificates(name))),
    revoked: await store.revoked(millis(0)),
    tokens: await store.tokens(millis(0)),
    audit: await store.auditLog({ limit: 1000 }),
    releases: await store.releases("consortium"),
    outbox: await store.outbox(millis(1000)),
    settings: await Promise.all(["s0", "s1"].map((name) => store.setting(name))),
    blobs: await collect(store.blobs()),
  };
}
