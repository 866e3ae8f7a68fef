/** One contract over every store of the record. */
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { memoryRecord } from "../../../src/io/record/memory.js";
import { openRecord } from "../../../src/io/record/open.js";
import { recordContract } from "./contract.js";
import { needsPostgres, type PostgresServer, postgresPrograms, startPostgres } from "./postgres-server.js";
import { temporary } from "./scratch.js";

recordContract("sqlite", async () => {
  const { folder, remove } = temporary();
  return {
    open: (limits) => openRecord({ url: `sqlite:${join(folder, "record.sqlite")}`, ...(limits === undefined ? {} : { limits }) }),
    destroy: async () => remove(),
  };
});

// Holds of one record in memory share its state, as two processes share a file.
recordContract("memory", async () => {
  let record: ReturnType<typeof memoryRecord> | undefined;
  return {
    open: async (limits) => {
      record ??= memoryRecord(limits === undefined ? {} : { limits });
      return record.open();
    },
  };
});

describe.skipIf(postgresPrograms() === undefined)(needsPostgres, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  recordContract("postgres", async () => {
    const url = await server.emptied();
    return { open: (limits) => openRecord({ url, connections: 3, ...(limits === undefined ? {} : { limits }) }) };
  });
});
