/** What every store promises of runs, their inputs, snapshots and closed rounds. */
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import { code, type Fresh } from "./contract.js";
import { collect, entry, input, inputsFrom, roundRow, runRow, sha } from "./rows.js";

export function runsContract(kind: string, fresh: Fresh): void {
  describe(`a run (${kind})`, () => {
    it("is kept as it was given, and making it again changes nothing", async () => {
      const { store, again } = await fresh();
      const row = runRow("r1", { seed: Number.MAX_SAFE_INTEGER });
      await store.createRun(row);
      await store.createRun(row);
      const other = await again();
      expect(await other.run("r1")).toEqual(row);
      expect(await other.run("r2")).toBeUndefined();
      expect(store.kind).toBe(kind);
    });

    it("keeps its plan", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await expect(store.createRun(runRow("r1", { plan: sha(9) }))).rejects.toEqual(code("RECORD_CONFLICT"));
    });

    it("changes its state until it is over", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.setRunState("r1", "paused");
      await store.setRunState("r1", "failed", "ROUND_ABANDONED: too few");
      await store.setRunState("r1", "failed", "ROUND_ABANDONED: too few");
      expect(await store.run("r1")).toMatchObject({ state: "failed", error: "ROUND_ABANDONED: too few" });
      await expect(store.setRunState("r1", "running")).rejects.toEqual(code("RECORD_CONFLICT"));
      await expect(store.setRunState("r2", "running")).rejects.toEqual(code("RECORD_MISSING"));
    });

    it("is listed newest first", async () => {
      const { store } = await fresh();
      for (const n of [1, 3, 2]) await store.createRun(runRow(`r${n}`, { startedAt: millis(n) }));
      expect((await store.runs()).map((run) => run.id)).toEqual(["r3", "r2", "r1"]);
      expect((await store.runs(1)).map((run) => run.id)).toEqual(["r3"]);
    });
  });

  describe(`the log of inputs (${kind})`, () => {
    it("gives back what was appended, in order, to whoever opens it next", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const all = [input(1, { kind: "start" }), ...inputsFrom(2, 1203), { seq: 1205, at: millis(5), kind: "timer" } as const];
      delete (all[0] as { from?: string }).from;
      await store.appendInputs("r1", all.slice(0, 1));
      await store.appendInputs("r1", all.slice(1));
      const other = await again();
      expect(await collect(other.inputs("r1", 0))).toEqual(all);
      expect(await collect(other.inputs("r1", 1200))).toEqual(all.slice(1200));
      expect(await collect(other.inputs("r1", 1205))).toEqual([]);
      expect(await other.lastInput("r1")).toBe(1205);
    });

    it("fences the second of two writers", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const second = await again();
      await store.appendInputs("r1", inputsFrom(1, 2));
      expect(await second.lastInput("r1")).toBe(2);
      await second.appendInputs("r1", [input(3)]);
      await expect(store.appendInputs("r1", [input(3, { from: "plant-2" })])).rejects.toEqual(code("RECORD_FENCED"));
      await expect(store.appendInputs("r1", [input(5)])).rejects.toEqual(code("RECORD_FENCED"));
      expect(await collect(store.inputs("r1", 2))).toEqual([input(3)]);
    });

    it("lets one of many writers at once through", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      const writers = [store, await again(), await again()];
      const names = Array.from({ length: 12 }, (_, i) => `plant-${i}`);
      const results = await Promise.allSettled(
        names.map((from, i) => (writers[i % 3] as RecordStore).appendInputs("r1", [input(1, { from })])),
      );
      const won = names.filter((_, i) => results[i]?.status === "fulfilled");
      expect(won).toHaveLength(1);
      for (const result of results) if (result.status === "rejected") expect(result.reason).toEqual(code("RECORD_FENCED"));
      expect(await collect(store.inputs("r1", 0))).toEqual([input(1, { from: won[0] as string })]);
    });

    it("refuses gaps within one append, and keeps none of it", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await expect(store.appendInputs("r1", [input(1), input(3)])).rejects.toEqual(code("RECORD_INVALID"));
      expect(await store.lastInput("r1")).toBe(0);
      await expect(store.appendInputs("r9", [input(1)])).rejects.toEqual(code("RECORD_MISSING"));
    });

    it("has a limit, which a snapshot makes room in", async () => {
      const { store } = await fresh({ inputs: 3 });
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      await expect(store.appendInputs("r1", [input(4)])).rejects.toEqual(code("LIMIT_EXCEEDED"));
      await store.saveSnapshot("r1", { seq: 2, blob: sha(8) });
      await store.appendInputs("r1", inputsFrom(4, 2));
      expect((await collect(store.inputs("r1", 2))).map((one) => one.seq)).toEqual([3, 4, 5]);
    });
  });

  describe(`snapshots and closed rounds (${kind})`, () => {
    it("a closed round puts its snapshot in place of the inputs before it", async () => {
      const { store, again } = await fresh();
      await store.createRun(runRow("r1"));
      await store.createRun(runRow("r2"));
      await store.appendInputs("r1", inputsFrom(1, 5));
      await store.appendInputs("r2", inputsFrom(1, 5));
      await store.closeRound("r1", roundRow("r1", 1), { seq: 4, blob: sha(11) });
      const other = await again();
      expect((await other.run("r1"))?.snapshot).toEqual({ seq: 4, blob: sha(11) });
      expect(await collect(other.inputs("r1", 4))).toEqual([input(5)]);
      expect(await collect(other.inputs("r2", 0))).toHaveLength(5);
      expect(await other.rounds("r1")).toEqual([{ ...roundRow("r1", 1), ordinal: 1 }]);
      await expect(collect(other.inputs("r1", 2))).rejects.toEqual(code("RECORD_FENCED"));
      await other.appendInputs("r1", [input(6)]);
      expect(await other.check()).toEqual([]);
    });

    it("closing it again changes nothing; another outcome is refused", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      const also = { audit: [entry("close")] };
      await store.closeRound("r1", roundRow("r1", 1), { seq: 3, blob: sha(11) }, also);
      await store.closeRound("r1", roundRow("r1", 1), { seq: 3, blob: sha(11) }, also);
      await expect(store.closeRound("r1", roundRow("r1", 1, { loss: 9 }), { seq: 3, blob: sha(11) })).rejects.toEqual(
        code("RECORD_CONFLICT"),
      );
      await store.closeRound("r1", roundRow("r1", 1, { attempt: 2, loss: 9 }), { seq: 3, blob: sha(12) });
      expect((await store.rounds("r1")).map((round) => [round.ordinal, round.round, round.attempt])).toEqual([
        [1, 1, 1],
        [2, 1, 2],
      ]);
      expect(await store.auditLog()).toHaveLength(1);
    });

    it("a snapshot of inputs that were not logged, or older than the last, is fenced and leaves no row", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      await store.appendInputs("r1", inputsFrom(1, 3));
      await expect(store.closeRound("r1", roundRow("r1", 1), { seq: 4, blob: sha(11) })).rejects.toEqual(code("RECORD_FENCED"));
      await store.saveSnapshot("r1", { seq: 3, blob: sha(11) });
      await store.saveSnapshot("r1", { seq: 3, blob: sha(11) });
      await expect(store.saveSnapshot("r1", { seq: 2, blob: sha(12) })).rejects.toEqual(code("RECORD_FENCED"));
      expect(await store.rounds("r1")).toEqual([]);
      expect((await store.run("r1"))?.snapshot?.seq).toBe(3);
    });

    it("rounds come in pages", async () => {
      const { store } = await fresh();
      await store.createRun(runRow("r1"));
      for (let round = 1; round <= 7; round += 1) {
        await store.appendInputs("r1", [input(round)]);
        await store.closeRound("r1", roundRow("r1", round), { seq: round, blob: sha(round) });
      }
      expect((await store.rounds("r1", { limit: 3 })).map((row) => row.round)).toEqual([1, 2, 3]);
      expect((await store.rounds("r1", { after: 3, limit: 3 })).map((row) => row.round)).toEqual([4, 5, 6]);
      expect((await store.rounds("r1", { after: 6 })).map((row) => row.round)).toEqual([7]);
      await expect(store.rounds("r1", { limit: 0 })).rejects.toEqual(code("RECORD_INVALID"));
    });
  });
}
