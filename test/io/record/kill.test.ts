/** Nothing that was acknowledged is lost: processes killed with -9 (SQLite), a server that stops at once (PostgreSQL), two processes on one file. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import { seeded } from "../../../src/core/random.js";
import { openRecord } from "../../../src/io/record/open.js";
import { compileRecord } from "./compiled.js";
import { needsPostgres, postgresPrograms, startPostgres } from "./postgres-server.js";
import { collect, input, inputsFrom, runRow, sha } from "./rows.js";
import { temporary } from "./scratch.js";

const { folder, remove } = temporary();
const module = compileRecord(join(folder, "code"));
const script = fileURLToPath(new URL("./writer.mjs", import.meta.url));
afterAll(() => remove());

interface Writer {
  readonly child: ChildProcess;
  readonly acked: () => { readonly input: number; readonly round: number; readonly lines: number; readonly refused?: string };
  readonly ended: Promise<unknown>;
}

function startWriter(url: string): Writer {
  const child = spawn(process.execPath, [script, module, url], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += String(chunk);
  });
  const last = (what: string) =>
    said
      .match(new RegExp(`^${what} (\\w+)\n`, "gm"))
      ?.at(-1)
      ?.split(" ")[1]
      ?.trim();
  return {
    child,
    acked: () => {
      const refused = last("refused");
      return {
        input: Number(last("input") ?? 0),
        round: Number(last("round") ?? 0),
        lines: said.split("\n").length - 1,
        ...(refused === undefined ? {} : { refused }),
      };
    },
    ended: once(child, "close"),
  };
}

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
};

describe("SQLite", () => {
  it("loses nothing that was acknowledged when its writer is killed, ten times", async () => {
    const url = `sqlite:${join(folder, "killed.sqlite")}`;
    const random = seeded(7, "kills");
    let closed = 0;
    let reached = 0;
    for (let kill = 1; kill <= 10; kill += 1) {
      const writer = startWriter(url);
      const lines = 1 + random.integer(40);
      await until(() => writer.acked().lines >= lines);
      writer.child.kill("SIGKILL");
      await writer.ended;
      const acked = writer.acked();
      expect(acked.refused).toBeUndefined();
      const record = await openRecord({ url });
      const last = await record.lastInput("r1");
      // At most the one batch that was under way is there beyond what was acknowledged.
      expect(last).toBeGreaterThanOrEqual(Math.max(reached, acked.input));
      expect(last).toBeLessThanOrEqual(acked.input + 3);
      const run = await record.run("r1");
      const from = run?.snapshot?.seq ?? 0;
      expect((await collect(record.inputs("r1", from))).map((one) => one.blob)).toEqual(
        Array.from({ length: last - from }, (_, i) => sha(from + 1 + i)),
      );
      const rounds = await record.rounds("r1", { limit: 1000 });
      expect(rounds.map((one) => one.round)).toEqual(Array.from({ length: rounds.length }, (_, i) => i + 1));
      expect(rounds.length).toBeGreaterThanOrEqual(Math.max(closed, acked.round));
      if (from > 0) expect(run?.snapshot?.blob).toBe(sha(from));
      expect(await record.check()).toEqual([]);
      closed = rounds.length;
      reached = last;
      await record.close();
    }
    expect(closed).toBeGreaterThan(2);
  });

  it("fences the second of two processes: one of them stops with the code, and the log is one writer's", async () => {
    const url = `sqlite:${join(folder, "two.sqlite")}`;
    await (await openRecord({ url })).close();
    const writers = [startWriter(url), startWriter(url)];
    await until(() => writers.some((one) => one.acked().refused !== undefined));
    expect(writers.find((one) => one.acked().refused !== undefined)?.acked().refused).toBe("RECORD_FENCED");
    for (const one of writers) one.child.kill("SIGKILL");
    await Promise.all(writers.map((one) => one.ended));
    const record = await openRecord({ url });
    expect(await record.check()).toEqual([]);
    await record.close();
  });
});

describe.skipIf(postgresPrograms() === undefined)(needsPostgres, () => {
  it("loses nothing that was acknowledged when the server stops at once, and says that it does not answer", async () => {
    const server = await startPostgres();
    try {
      const record = await openRecord({ url: await server.database() });
      await record.createRun(runRow("r1"));
      let acked = 0;
      for (let crash = 1; crash <= 3; crash += 1) {
        let stopped = false;
        const writing = (async () => {
          while (!stopped) {
            await record.appendInputs("r1", inputsFrom(acked + 1, 2));
            acked += 2;
          }
        })().catch((error: unknown) => error);
        const before = acked;
        await until(() => acked > before + 10);
        const restarted = server.crash();
        expect(await writing).toMatchObject({ code: "RECORD_UNAVAILABLE" });
        stopped = true;
        await restarted;
        const last = await record.lastInput("r1");
        expect([acked, acked + 2]).toContain(last);
        acked = last;
      }
      expect(await collect(record.inputs("r1", 0))).toEqual(Array.from({ length: acked }, (_, i) => input(i + 1)));
      expect(await record.check()).toEqual([]);
      expect(await record.lease("x", "a", millis(9), millis(1))).toMatchObject({ token: 1 });
      await record.close();
      await expect(record.run("r1")).rejects.toMatchObject({ code: "RECORD_UNAVAILABLE" });
    } finally {
      await server.stop();
    }
  });
});
