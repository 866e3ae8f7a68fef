/** Runs, their logged inputs and closed rounds: the part of the record from which a node is rebuilt. */
import { fail } from "../../core/errors.js";
import type { Also, LoggedInput, RecordStore, RoundRow, RunState, Snapshot } from "../../core/record.js";
import { change, type Ground, pageLimit, sameRow, unchanged } from "./change.js";
import { inputToRow, roundToRow, rowToInput, rowToRound, rowToRun, runToRow } from "./rows.js";
import type { Reader, Tables, Writer } from "./tables.js";
import { hash, oneOf, text, whole } from "./values.js";

type Runs = Pick<
  RecordStore,
  "createRun" | "run" | "runs" | "setRunState" | "lastInput" | "appendInputs" | "inputs" | "closeRound" | "saveSnapshot" | "rounds"
>;

/** Inputs read at a time. */
const chunk = 500;

export function runsOver(ground: Ground): Runs {
  const { engine, limits } = ground;
  return {
    createRun: (row, also) =>
      change(ground, `run:${row.id}`, also, async (rows) => {
        const fresh = runToRow(row);
        const there = await rows.get("runs", { id: row.id });
        if (there === undefined) return rows.add("runs", [fresh]);
        for (const column of ["federation", "node", "plan", "seed"] as const) {
          if (there[column] !== fresh[column]) {
            fail("RECORD_CONFLICT", {
              where: `run ${row.id}, ${column}`,
              expected: String(there[column]),
              got: String(fresh[column]),
              remedy: "a run keeps its plan; start another one",
            });
          }
        }
        return unchanged;
      }),

    run: (id) =>
      engine.read(async (rows) => {
        const row = await rows.get("runs", { id });
        return row === undefined ? undefined : rowToRun(row);
      }),

    runs: (limit) =>
      engine.read(async (rows) =>
        (await rows.find("runs", { where: [], order: ["started_at", "id"], descending: true, limit: pageLimit(limit) })).map(rowToRun),
      ),

    setRunState: (id, state, error, also) =>
      change(ground, `run:${id}`, also, async (rows) => {
        const run = await runRow(rows, id);
        oneOf<RunState>("run.state", state, ["running", "paused", "finished", "failed"]);
        const reason = error === undefined ? null : text("run.error", error);
        if (run.state === state && run.error === reason) return unchanged;
        if (run.state === "finished" || run.state === "failed") {
          fail("RECORD_CONFLICT", { where: `run ${id}`, expected: `to stay ${run.state}`, got: state });
        }
        await rows.put("runs", { ...run, state, error: reason });
      }),

    lastInput: (run) => engine.read(async (rows) => (await runRow(rows, run)).last_seq),

    appendInputs: (run, inputs, also) =>
      change(ground, `run:${run}`, also, async (rows) => {
        if (inputs.length === 0) return;
        const there = await runRow(rows, run);
        const fresh = consecutive(run, inputs);
        const first = (fresh[0] as Tables["inputs"]).seq;
        if (first !== there.last_seq + 1) {
          fail("RECORD_FENCED", {
            where: `run ${run}, input ${first}`,
            expected: `input ${there.last_seq + 1} next`,
            got: `input ${first}`,
            remedy: "another writer continued this run; stop, and read it again",
          });
        }
        const last = there.last_seq + fresh.length;
        const logged = last - (there.snapshot_seq ?? 0);
        if (logged > limits.inputs) {
          fail("LIMIT_EXCEEDED", {
            where: `run ${run}`,
            expected: `at most ${limits.inputs} inputs since the last snapshot`,
            got: String(logged),
            remedy: "save a snapshot",
          });
        }
        await rows.add("inputs", fresh);
        await rows.set("runs", [["id", "=", run]], { last_seq: last });
      }),

    inputs: (run, after) => logged(ground, run, after),

    closeRound: (run, row, snapshot, also) => close(ground, run, row, snapshot, also),

    saveSnapshot: (run, snapshot, also) =>
      change(ground, `run:${run}`, also, async (rows) => {
        const there = await runRow(rows, run);
        if (there.snapshot_seq === snapshot.seq && there.snapshot_blob === snapshot.blob) return unchanged;
        await advance(rows, there, snapshot);
      }),

    rounds: (run, page) =>
      engine.read(async (rows) => {
        const found = await rows.find("rounds", {
          where: [
            ["run", "=", run],
            ["ordinal", ">", page?.after ?? 0],
          ],
          limit: pageLimit(page?.limit),
        });
        return found.map(rowToRound);
      }),
  };
}

async function runRow(rows: Reader, id: string): Promise<Tables["runs"]> {
  return (
    (await rows.get("runs", { id })) ??
    fail("RECORD_MISSING", { where: "runs", expected: `run ${id}`, got: "no such run", remedy: "`status` lists the runs" })
  );
}

function consecutive(run: string, inputs: readonly LoggedInput[]): readonly Tables["inputs"][] {
  return inputs.map((input, index) => {
    const expected = (inputs[0] as LoggedInput).seq + index;
    if (input.seq !== expected) {
      fail("RECORD_INVALID", { where: `run ${run}, inputs`, expected: `seq ${expected}`, got: String(input.seq) });
    }
    return inputToRow(run, input);
  });
}

function close(ground: Ground, run: string, row: RoundRow, snapshot: Snapshot, also: Also | undefined): Promise<void> {
  return change(ground, `run:${run}`, also, async (rows) => {
    if (row.run !== run) fail("RECORD_INVALID", { where: "round.run", expected: run, got: row.run });
    const there = await runRow(rows, run);
    const twins = await rows.find("rounds", {
      where: [
        ["run", "=", run],
        ["round", "=", row.round],
        ["attempt", "=", row.attempt],
      ],
      limit: 1,
    });
    const fresh = roundToRow(row, twins[0]?.ordinal ?? there.closed + 1, ground.limits.json);
    const twin = twins[0];
    if (twin !== undefined) {
      if (sameRow(twin, fresh)) return unchanged;
      fail("RECORD_CONFLICT", {
        where: `run ${run}, round ${row.round}, attempt ${row.attempt}`,
        expected: "the round as it was closed",
        got: "another outcome",
        remedy: "a replay that differs is a fault; keep both and report it",
      });
    }
    await rows.add("rounds", [fresh]);
    await advance(rows, { ...there, closed: fresh.ordinal }, snapshot);
  });
}

/** Puts the snapshot in place of the inputs it contains. */
async function advance(rows: Writer, run: Tables["runs"], snapshot: Snapshot): Promise<void> {
  const seq = whole("snapshot.seq", snapshot.seq);
  if (seq < (run.snapshot_seq ?? 0) || seq > run.last_seq) {
    fail("RECORD_FENCED", {
      where: `run ${run.id}, snapshot`,
      expected: `from input ${run.snapshot_seq ?? 0} to ${run.last_seq}`,
      got: `input ${seq}`,
      remedy: "another writer continued this run; stop, and read it again",
    });
  }
  await rows.put("runs", { ...run, snapshot_seq: seq, snapshot_blob: hash("snapshot.blob", snapshot.blob) });
  await rows.remove("inputs", [
    ["run", "=", run.id],
    ["seq", "<=", seq],
  ]);
}

async function* logged(ground: Ground, run: string, after: number): AsyncGenerator<LoggedInput> {
  const start = await ground.engine.read((rows) => runRow(rows, run));
  if (after < (start.snapshot_seq ?? 0)) moved(run, `inputs after ${after}`, `a snapshot of those up to ${start.snapshot_seq}`);
  let seq = after;
  while (seq < start.last_seq) {
    const from = seq;
    const page = await ground.engine.read((rows) =>
      rows.find("inputs", {
        where: [
          ["run", "=", run],
          ["seq", ">", from],
          ["seq", "<=", start.last_seq],
        ],
        limit: chunk,
      }),
    );
    if (page[0]?.seq !== seq + 1) moved(run, `input ${seq + 1}`, page[0] === undefined ? "none" : `input ${page[0].seq}`);
    for (const row of page) {
      seq += 1;
      if (row.seq !== seq) {
        fail("RECORD_DAMAGED", {
          where: `run ${run}, inputs`,
          expected: `input ${seq}`,
          got: `input ${row.seq}`,
          remedy: "restore a backup",
        });
      }
      yield rowToInput(row);
    }
  }
}

function moved(run: string, expected: string, got: string): never {
  fail("RECORD_FENCED", { where: `run ${run}, inputs`, expected, got, remedy: "begin again at the run's snapshot" });
}
