/** What a record must agree with itself on: the checks of `check`, over one state of the store. */
import { MillwrightError } from "../../core/errors.js";
import type { RecordFault, Sha256 } from "../../core/record.js";
import type { Ground } from "./change.js";
import { rowToAudit, rowToInput, rowToMember, rowToRelease, rowToRound, rowToRun } from "./rows.js";
import { type Condition, primaryKeys, type Reader, type TableName, type Tables } from "./tables.js";

/** Rows read at a time. */
const chunk = 500;
/** Faults reported at most: the first ones tell where to look. */
const enough = 100;

/** Every row of a table that has a column to go by. */
async function* all<T extends TableName>(rows: Reader, table: T, where: readonly Condition<T>[]): AsyncGenerator<Tables[T]> {
  const by = (primaryKeys[table] as readonly (keyof Tables[T] & string)[]).at(-1) as keyof Tables[T] & string;
  let last: unknown;
  for (;;) {
    const beyond = last === undefined ? [] : [[by, ">", last] as unknown as Condition<T>];
    const page = await rows.find(table, { where: [...where, ...beyond], order: [by], limit: chunk });
    yield* page;
    if (page.length < chunk) return;
    last = (page.at(-1) as Tables[T])[by];
  }
}

/** Versions count within a federation, so a list of releases goes federation by federation. */
async function* allReleases(rows: Reader): AsyncGenerator<Tables["releases"]> {
  for (let federation = ""; ; ) {
    const next = (await rows.find("releases", { where: [["federation", ">", federation]], limit: 1 }))[0];
    if (next === undefined) return;
    federation = next.federation;
    yield* all(rows, "releases", [["federation", "=", federation]]);
  }
}

export function checkOver(ground: Ground): () => Promise<readonly RecordFault[]> {
  return async () => {
    const own = await ground.engine.check();
    // A store that is damaged below the tables would only tell the same again, row by row.
    if (own.some((one) => one.where === "sqlite")) return own;
    return ground.engine.read(async (rows) => {
      const faults: RecordFault[] = [...own];
      const found = (where: string, fault: string) => {
        if (faults.length < enough) faults.push({ where, fault });
      };
      await checkRuns(rows, found);
      await checkLog(rows, found);
      await checkMembers(rows, found);
      for await (const row of allReleases(rows)) {
        readable(`release ${row.version}`, found, () => rowToRelease(row));
        if ((await rows.get("runs", { id: row.run })) === undefined) found(`release ${row.version}`, `its run ${row.run} is not there`);
      }
      return faults;
    }, true);
  };
}

type Found = (where: string, fault: string) => void;

function readable(where: string, found: Found, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MillwrightError)) throw error;
    found(where, error.message);
  }
}

async function checkRuns(rows: Reader, found: Found): Promise<void> {
  for await (const run of all(rows, "runs", [])) {
    const where = `run ${run.id}`;
    readable(where, found, () => rowToRun(run));
    if ((run.snapshot_seq === null) !== (run.snapshot_blob === null)) found(where, "half a snapshot");
    let seq = run.snapshot_seq ?? 0;
    for await (const input of all(rows, "inputs", [["run", "=", run.id]])) {
      seq += 1;
      readable(`${where}, input ${input.seq}`, found, () => rowToInput(input));
      if (input.seq !== seq) {
        found(`${where}, input ${seq}`, `missing: the next one is ${input.seq}`);
        seq = input.seq;
      }
    }
    if (seq !== run.last_seq) found(where, `inputs end at ${seq}, but ${run.last_seq} were acknowledged`);
    let ordinal = 0;
    for await (const round of all(rows, "rounds", [["run", "=", run.id]])) {
      ordinal += 1;
      readable(`${where}, round ${round.round}`, found, () => rowToRound(round));
      if (round.ordinal !== ordinal) {
        found(`${where}, closed round ${ordinal}`, `missing: the next one is ${round.ordinal}`);
        ordinal = round.ordinal;
      }
    }
    if (ordinal !== run.closed) found(where, `rounds end at ${ordinal}, but ${run.closed} were closed`);
  }
}

async function checkLog(rows: Reader, found: Found): Promise<void> {
  let seq = 0;
  for await (const entry of all(rows, "audit", [])) {
    seq += 1;
    readable(`audit ${entry.seq}`, found, () => rowToAudit(entry));
    if (entry.seq !== seq) {
      found(`audit ${seq}`, `missing: the next one is ${entry.seq}`);
      seq = entry.seq;
    }
  }
  const written = (await rows.get("counters", { name: "audit" }))?.value ?? 0;
  if (seq !== written) found("audit", `ends at ${seq}, but ${written} entries were written`);
}

async function checkMembers(rows: Reader, found: Found): Promise<void> {
  for await (const member of all(rows, "members", [])) {
    const where = `member ${member.name}`;
    readable(where, found, () => rowToMember(member));
    if (member.state !== "revoked") continue;
    const good = await rows.count("certificates", [
      ["member", "=", member.name],
      ["revoked_at", "is null"],
    ]);
    if (good > 0) found(where, `revoked, but ${good} of its certificates are not`);
  }
  for await (const one of all(rows, "certificates", [])) {
    if ((await rows.get("members", { name: one.member })) === undefined)
      found(`certificate ${one.serial}`, `of ${one.member}, who is no member`);
  }
}

/** Every blob that some row names. */
export function blobsOver(ground: Ground): () => AsyncIterable<Sha256> {
  return async function* () {
    const named = new Set<Sha256>();
    await ground.engine.read(async (rows) => {
      const keep = (blob: string | null) => {
        if (blob !== null) named.add(blob);
      };
      for await (const run of all(rows, "runs", [])) {
        keep(run.plan);
        keep(run.snapshot_blob);
        for await (const input of all(rows, "inputs", [["run", "=", run.id]])) keep(input.blob);
        for await (const round of all(rows, "rounds", [["run", "=", run.id]])) keep(round.model);
      }
      for await (const release of allReleases(rows))
        for (const blob of [release.model, release.bundle, release.envelope, release.plan]) keep(blob);
    }, true);
    yield* [...named].sort();
  };
}
