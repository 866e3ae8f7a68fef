/** The record of a run as a document: who was included in each round and what came out. `simulate --replay` derives the model from it again. */
import { fail } from "../core/errors.js";
import type { RecordStore } from "../core/record.js";
import { readPlanUnverified } from "../io/crypto/plan-envelope.js";
import type { Inclusion } from "../round/node.js";

export interface RunRecord {
  readonly format: "millwright-record/1";
  readonly federation: string;
  readonly node: string;
  readonly run: string;
  /** SHA-256 of the signed plan. */
  readonly plan: string;
  readonly seed: number;
  /** The federation file as it was signed. */
  readonly file: unknown;
  readonly rounds: readonly {
    readonly round: number;
    readonly attempt: number;
    readonly included: readonly Inclusion[];
    readonly excluded: readonly { readonly site: string; readonly reason: string }[];
    /** SHA-256 of the global model after the round, as little-endian float32. */
    readonly model: string;
  }[];
  /** SHA-256 of the released weights; empty while the run is open. */
  readonly model: string;
}

/** Everything the record holds of a run. */
export async function runRecord(
  parts: {
    readonly record: Pick<RecordStore, "rounds">;
    readonly federation: string;
    readonly run: string;
    readonly node: string;
    readonly plan: { readonly sha256: string; readonly seed: number; readonly file: unknown };
  },
  model: RunRecord["model"],
): Promise<RunRecord> {
  const rounds: RunRecord["rounds"][number][] = [];
  for (let after = 0; ; ) {
    const page = await parts.record.rounds(parts.run, { after, limit: 1000 });
    for (const row of page) {
      rounds.push({
        round: row.round,
        attempt: row.attempt,
        included: row.included as readonly Inclusion[],
        excluded: row.excluded,
        model: row.model ?? "",
      });
    }
    if (page.length < 1000) break;
    after = page[page.length - 1].round;
  }
  const { federation, node, run, plan } = parts;
  return { format: "millwright-record/1", federation, node, run, plan: plan.sha256, seed: plan.seed, file: plan.file, rounds, model };
}

/** The record of a run in a coordinator's store: the newest unless one is named. Errors: RECORD_MISSING, RECORD_DAMAGED. */
export async function storedRunRecord(
  record: Pick<RecordStore, "rounds" | "run" | "runs" | "releases">,
  blobs: { readonly get: (sha256: string) => Promise<Uint8Array | undefined> },
  id?: string,
): Promise<RunRecord> {
  const row = id === undefined ? (await record.runs(1))[0] : await record.run(id);
  if (row === undefined) return fail("RECORD_MISSING", { where: "run", expected: id ?? "a run", got: "none" });
  const text = await blobs.get(row.plan);
  if (text === undefined) return fail("RECORD_DAMAGED", { where: `run ${row.id}`, expected: `plan ${row.plan}`, got: "none" });
  const { file } = readPlanUnverified(new TextDecoder().decode(text));
  const release = (await record.releases(row.federation, { limit: 1000 })).find((one) => one.run === row.id);
  const { federation, node, seed } = row;
  return runRecord({ record, federation, run: row.id, node, plan: { sha256: row.plan, seed, file } }, release?.model ?? "");
}
