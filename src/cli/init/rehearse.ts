/**
 * What `init` writes must run: a draft is loaded, dealt and cut as `plan` would, before anything is on disk. Where sites would have nothing
 * to learn from (events are rare, machines few), fewer sites are tried; what runs with none is refused.
 */
import { type ErrorCode, fail, MillwrightError } from "../../core/errors.js";
import { defaultHorizon } from "./guess.js";
import type { Draft } from "./write.js";

/** Rows times columns up to which a draft is rehearsed: a few seconds, and memory that any machine has. */
export const rehearsedCells = 5_000_000;

/** Throws what `plan` would say of a draft. */
export type Attempt = (draft: Draft) => Promise<unknown>;

/** Faults that fewer sites may mend. */
const mendable: ReadonlySet<ErrorCode> = new Set(["DATA_EMPTY", "PLAN_REFUSED", "FILE_INVALID"]);

/**
 * A draft that runs: the one given, or with fewer sites where `chosen` does not say that the number was asked for.
 * Errors: those of the plan; DATA_EMPTY where events are too rare for remaining life.
 */
export async function rehearse(draft: Draft, chosen: boolean, attempt: Attempt): Promise<Draft> {
  const fault = await faultOf(attempt, draft);
  if (fault === undefined) return draft;
  if (!mendable.has(fault.code) || typeof draft.sites !== "number") throw fault;
  for (const sites of fewer(draft.sites)) {
    const smaller = { ...draft, sites };
    if ((await faultOf(attempt, smaller)) !== undefined) continue;
    if (chosen) {
      fail(fault.code, { ...fault.detail, remedy: `--sites ${sites} runs: then every site has something to learn from` });
    }
    const note = `${sites} ${sites === 1 ? "site" : "sites"} instead of ${draft.sites}: with more, some would have nothing to learn from.`;
    return { ...smaller, notes: [...draft.notes, note] };
  }
  if (draft.roles.task === "rul" && draft.roles.events !== undefined) await refuseRareEvents(draft, attempt);
  throw fault;
}

async function refuseRareEvents(draft: Draft, attempt: Attempt): Promise<void> {
  const { events, time } = draft.roles;
  const clocked = draft.schema.columns.find((c) => c.name === time)?.kind === "time";
  const failure: Draft = {
    ...draft,
    sites: 1,
    roles: { ...draft.roles, task: "failure", horizon: defaultHorizon(clocked), cap: undefined },
  };
  const runs = (await faultOf(attempt, failure)) === undefined;
  fail("DATA_EMPTY", {
    where: "--task rul",
    expected: "machines with an event after a whole window of readings, some to train on and some to test",
    got: `${events?.count} events in all, of ${events?.machines} of the machines: one or the other is empty even with a single site`,
    remedy: `bring readings that reach over more events${runs ? ", or predict failures: --task failure" : ""}`,
  });
}

async function faultOf(attempt: Attempt, draft: Draft): Promise<MillwrightError | undefined> {
  try {
    await attempt(draft);
    return undefined;
  } catch (error) {
    if (error instanceof MillwrightError) return error;
    throw error;
  }
}

/** Numbers of sites to try after `sites`: halves while there are many, then one less each. */
export function fewer(sites: number): number[] {
  const tries: number[] = [];
  for (let n = sites > 8 ? Math.floor(sites / 2) : sites - 1; n >= 1; n = n > 8 ? Math.floor(n / 2) : n - 1) tries.push(n);
  return tries;
}
