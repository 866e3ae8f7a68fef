/** The record in memory is the same record: it tells what SQLite tells, and a crash keeps what was acknowledged and splits nothing. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import { seeded } from "../../../src/core/random.js";
import { memoryRecord } from "../../../src/io/record/memory.js";
import { openRecord } from "../../../src/io/record/open.js";
import { carryOut, commands, everything } from "./commands.js";
import { needsPostgres, postgresPrograms, startPostgres } from "./postgres-server.js";
import { collect, entry, input, inputsFrom, runRow, sha } from "./rows.js";
import { temporary } from "./scratch.js";

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await Promise.resolve();
};

describe("the record in memory", () => {
  it("tells of any history what SQLite tells", async () => {
    const { folder, remove } = temporary();
    let made = 0;
    try {
      await fc.assert(
        fc.asyncProperty(commands, async (history) => {
          made += 1;
          const file = await openRecord({ url: `sqlite:${join(folder, `${made}.sqlite`)}` });
          const memory = memoryRecord().open();
          for (const command of history) expect(await carryOut(memory, command)).toEqual(await carryOut(file, command));
          expect(await everything(memory)).toEqual(await everything(file));
          await file.close();
        }),
        { numRuns: 60 },
      );
    } finally {
      remove();
    }
  });

  it.skipIf(postgresPrograms() === undefined)(`tells of any history what PostgreSQL tells ${needsPostgres}`, async () => {
    const server = await startPostgres();
    try {
      await fc.assert(
        fc.asyncProperty(commands, async (history) => {
          const tables = await openRecord({ url: await server.emptied(), connections: 2 });
          const memory = memoryRecord().open();
          for (const command of history) expect(await carryOut(memory, command)).toEqual(await carryOut(tables, command));
          expect(await everything(memory)).toEqual(await everything(tables));
          await tables.close();
        }),
        { numRuns: 15 },
      );
    } finally {
      await server.stop();
    }
  });

  it("is sound by its own check after any history but for certificates and releases of nobody", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (history) => {
        const store = memoryRecord().open();
        for (const command of history) await carryOut(store, command);
        for (const { fault } of await store.check())
          expect(fault).toMatch(/who is no member|its run r1 is not there|of its certificates are not/);
      }),
      { numRuns: 200 },
    );
  });

  it("keeps what was acknowledged at a crash, and what was in flight whole or not at all", async () => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(60), async (seed, when) => {
        const random = seeded(seed, "crash");
        const record = memoryRecord({ pause: () => turns(random.integer(6)), coin: () => random.integer(2) === 1 });
        const store = record.open();
        await store.createRun(runRow("r1"));
        let acked = 0;
        let settled = false;
        void (async () => {
          for (let seq = 1; ; seq += 2) {
            await store.appendInputs("r1", inputsFrom(seq, 2), { audit: [entry(`append ${seq}`)] });
            acked = seq + 1;
          }
        })().finally(() => {
          settled = true;
        });
        await turns(when * 10);
        await record.crash();
        const before = acked;
        const next = record.open();
        const last = await next.lastInput("r1");
        expect([before, before + 2]).toContain(last);
        expect(await collect(next.inputs("r1", 0))).toEqual(inputsFrom(1, last));
        expect(await next.auditLog({ limit: 1000 })).toHaveLength(last / 2);
        await next.appendInputs("r1", [input(last + 1)]);
        await turns(500);
        // The dead program learns nothing and does nothing any more.
        expect(acked).toBe(before);
        expect(settled).toBe(false);
        expect(await next.lastInput("r1")).toBe(last + 1);
        outcomes.add(last === before ? "not at all" : "whole");
      }),
      { numRuns: 300 },
    );
    expect([...outcomes].sort()).toEqual(["not at all", "whole"]);
  });

  it("gives the same history for the same seed, without a timer", async () => {
    const history = async (seed: number) => {
      const random = seeded(seed, "history");
      const record = memoryRecord({ pause: () => turns(random.integer(9)), coin: () => random.integer(2) === 1 });
      const told: string[] = [];
      const store = record.open();
      await store.createRun(runRow("r1"));
      for (let i = 0; i < 20; i += 1) {
        void store.appendInputs("r1", [input(1 + random.integer(4), { blob: sha(i) })]).then(
          () => told.push(`${i} written`),
          (error: { code: string }) => told.push(`${i} ${error.code}`),
        );
      }
      await turns(40);
      await record.crash();
      const after = record.open();
      return JSON.stringify([told, await collect(after.inputs("r1", 0)), await after.lease("x", "a", millis(2), millis(1))]);
    };
    const histories = await Promise.all([1, 2, 3, 4, 5, 6].map(history));
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(history))).toEqual(histories);
    expect(new Set(histories).size).toBeGreaterThan(1);
  });
});
