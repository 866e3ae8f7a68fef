/** Which run a coordinator works on: the open one, as long as its plan is the one that is wanted. */
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import type { RecordStore, RunRow } from "../core/record.js";
import type { SignedPlan } from "../io/crypto/plan-envelope.js";

/** The run that is open, or a new one where the last is over. Errors: PLAN_REFUSED where another plan's run is open. */
export async function openRun(
  {
    record,
    federation,
    name,
  }: { readonly record: Pick<RecordStore, "runs" | "createRun">; readonly federation: string; readonly name: string },
  signed: { readonly sha256: string; readonly plan: SignedPlan },
  now: Millis,
): Promise<RunRow> {
  const [last] = await record.runs(1);
  if (last !== undefined && last.plan === signed.sha256) return last;
  if (last !== undefined && (last.state === "running" || last.state === "paused")) {
    return fail("PLAN_REFUSED", {
      where: "run",
      expected: `the plan of the open run ${last.id}`,
      got: "another plan",
      remedy: "let it finish, or stop it with `millwright control stop`, then start again",
    });
  }
  const row: RunRow = {
    id: `${federation}-${signed.plan.sequence}`,
    federation,
    node: name,
    plan: signed.sha256,
    seed: Number(signed.plan.file.seed),
    startedAt: now,
    state: "running",
  };
  await record.createRun(row, {
    audit: [{ at: now, actor: "system", action: "run.start", target: row.id, detail: { plan: signed.sha256 } }],
  });
  return row;
}
