/** The optional engine against the built-in readers: the same rows from the same files. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { MillwrightError } from "../../src/core/errors.js";
import type { Dataset } from "../../src/data/dataset.js";
import { dataSpecSchema } from "../../src/data/source-spec.js";
import { readLimits } from "../../src/io/source/limits.js";
import { loadDataset } from "../../src/io/source/load.js";
import { openSource } from "../../src/io/source/open.js";
import { temporaryFolder } from "../support/folder.js";
import { write } from "../support/tiny/write.js";

const root = await temporaryFolder();
const loadFleet = (): never => {
  throw new Error("no fleet here");
};
const load = (spec: object): Promise<Dataset> =>
  loadDataset(dataSpecSchema.parse({ use: "table", ...spec }), { folder: root, dataRoot: root, loadFleet });
const refused = (work: Promise<unknown>): Promise<MillwrightError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  );

const rows = 5000;
const moment = (i: number): Date => new Date(Date.UTC(2024, 0, 1) + Math.floor(i / 2) * 3_600_000);
const lines = Array.from({ length: rows }, (_, i) => {
  const when = moment(i).toISOString().slice(0, 19).replace("T", " ");
  return `${when},pump${[10, 2][i % 2]},${i % 7 === 3 ? "" : i / 8},${i % 3},${["on", "off"][i % 2]}`;
});
await write(root, "pumps.csv", `when,pump,pressure,starts,mode\n${lines.join("\n")}\n`);
await writeFile(
  join(root, "pumps.parquet"),
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "when", data: Array.from({ length: rows }, (_, i) => moment(i)), type: "TIMESTAMP" },
        { name: "pump", data: Array.from({ length: rows }, (_, i) => `pump${[10, 2][i % 2]}`), type: "STRING" },
        { name: "pressure", data: Array.from({ length: rows }, (_, i) => (i % 7 === 3 ? null : i / 8)), type: "DOUBLE", nullable: true },
        { name: "starts", data: Array.from({ length: rows }, (_, i) => BigInt(i % 3)), type: "INT64" },
        { name: "mode", data: Array.from({ length: rows }, (_, i) => i % 2 === 0), type: "BOOLEAN" },
      ],
      rowGroupSize: 2000,
    }),
  ),
);

afterEach(() => void vi.unstubAllEnvs());

/** The folder that MILLWRIGHT_DUCKDB names or, where it is installed here, the project's own. */
function installed(): boolean {
  const folder = process.env.MILLWRIGHT_DUCKDB || resolve(import.meta.dirname, "../..");
  try {
    return existsSync(createRequire(join(resolve(folder), "package.json")).resolve("@duckdb/node-api"));
  } catch {
    return false;
  }
}

const how = "npm install --prefix FOLDER @duckdb/node-api, then set MILLWRIGHT_DUCKDB=FOLDER";

describe.skipIf(!installed())(`engine: duckdb (needs @duckdb/node-api: ${how})`, () => {
  it.each(["pumps.csv", "pumps.parquet"])("reads of %s what the built-in reader reads", async (path) => {
    const spec = { path, machine: "pump", time: "when" };
    const [duck, ours] = [await load({ ...spec, engine: "duckdb" }), await load(spec)];
    expect(duck.readings.rows).toBe(rows);
    expect(duck.step).toBe(3_600_000);
    expect(duck.readings).toEqual(ours.readings);
    expect(duck.inputs).toEqual(ours.inputs);
  });

  it("reads chosen columns only, with the row of each in faults", async () => {
    const source = await openSource(join(root, "pumps.csv"), readLimits, { engine: "duckdb" });
    expect(source.columns).toEqual(["when", "pump", "pressure", "starts", "mode"]);
    let seen = 0;
    for await (const batch of source.read(["starts"])) {
      expect(batch.where(0)).toMatch(new RegExp(`pumps.csv, row ${seen + 1}$`));
      expect(batch.rows.every(([starts]) => starts === seen++ % 3)).toBe(true);
    }
    expect(seen).toBe(rows);
  });

  it("names the file that it cannot read, and columns that are not there", async () => {
    await write(root, "broken.parquet", "PAR1 this is no table PAR1");
    const broken = await refused(openSource(join(root, "broken.parquet"), readLimits, { engine: "duckdb" }));
    expect([broken.code, broken.detail.where]).toEqual(["FILE_UNREADABLE", join(root, "broken.parquet")]);
    const source = await openSource(join(root, "pumps.csv"), readLimits, { engine: "duckdb" });
    const all = async (): Promise<void> => {
      for await (const batch of source.read(["flow"])) expect(batch.rows).toEqual([]);
    };
    expect((await refused(all())).code).toBe("DATA_MISSING");
    const narrow = openSource(join(root, "pumps.csv"), { ...readLimits, columns: 2 }, { engine: "duckdb" });
    expect((await refused(narrow)).code).toBe("LIMIT_EXCEEDED");
  });

  it("takes a path with quotes in it for a path", async () => {
    await write(root, "it's; drop.csv", "a,b\n1.5,2\n");
    const source = await openSource(join(root, "it's; drop.csv"), readLimits, { engine: "duckdb" });
    for await (const batch of source.read(["a"])) expect(batch.rows).toEqual([[1.5]]);
  });
});

it("engine: duckdb says how to get the package where it is not", async () => {
  vi.stubEnv("MILLWRIGHT_DUCKDB", root);
  const error = await refused(load({ path: "pumps.csv", engine: "duckdb" }));
  expect(error.code).toBe("PACKAGE_MISSING");
  expect(error.detail.expected).toContain(root);
  expect(error.detail.remedy).toContain("npm install @duckdb/node-api");
  expect(error.detail.remedy).toContain("MILLWRIGHT_DUCKDB");
});
