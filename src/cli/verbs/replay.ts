/** `millwright simulate --replay RECORD`: repeats a recorded run and says for every round whether the same model comes out. */
import { dirname } from "node:path";
import { fail } from "../../core/errors.js";
import type { ReplayedRound } from "../../lab/replay.js";
import { type Context, line, writeJson } from "../context.js";
import type { ExitCode } from "../exit-codes.js";
import { startReplay } from "../wiring.js";
import { inRun, readText } from "./files.js";
import { resolvePath, shownPath } from "./numbers.js";

export interface ReplayFlags {
  readonly workers?: number;
  readonly quiet?: boolean;
}

/** Paths in the file are relative to FILE, or to the record where FILE is left away. Errors: REPLAY_DIFFERS, naming the first round. */
export async function replayAction(
  context: Context,
  given: string,
  file: string | undefined,
  options: ReplayFlags,
  json: boolean,
): Promise<ExitCode> {
  const run = resolvePath(context, given);
  const named = inRun(run, "record.json");
  const path = named === run ? inRun(run, "result.json") : named;
  const plan = file === undefined ? undefined : resolvePath(context, file);
  const say = ({ round, recorded, replayed }: ReplayedRound): void => {
    if (json || options.quiet === true) return;
    line(
      context.out,
      `round ${round}  ${replayed.slice(0, 16)}  ${recorded === replayed ? "as recorded" : `recorded ${recorded.slice(0, 16)}`}`,
    );
  };
  const found = await startReplay(recordOf(readText(path), path), shownPath(context, path), plan, {
    folder: dirname(plan ?? path),
    dataRoot: context.env.MILLWRIGHT_DATA,
    workers: options.workers,
    signal: context.interrupt,
    round: say,
  });
  if (json) writeJson(context, found);
  if (!found.same) {
    const first = found.rounds.find((one) => one.recorded !== one.replayed);
    fail("REPLAY_DIFFERS", {
      where: first === undefined ? "final model" : `round ${first.round}`,
      expected: first?.recorded ?? found.recorded,
      got: first?.replayed ?? found.replayed,
      remedy: "look for data, a file or a version of Millwright other than the run's",
    });
  }
  if (!json) line(context.out, `The model is the recorded one: sha256 ${found.replayed}`);
  return 0;
}

function recordOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return fail("FILE_INVALID", { where: path, expected: "a record in JSON", got: "something else", cause });
  }
}
