/**
 * NASA C-MAPSS turbofan degradation (Saxena, Goebel, Simon, Eklund, PHM08), FD001 to FD004: simulated engines run to
 * failure (train) or stopped before it (test, with the remaining cycles in RUL_*.txt).
 *
 * The clock is the cycle number. An engine's failure is at its last cycle (train) or at its last cycle plus the given
 * remaining life (test), so that remaining useful life = event - cycle, 0 at the last training cycle.
 */
import { fail } from "../../../core/errors.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, numberColumn, valuesOf } from "../../../data/schema-table.js";
import type { Column, Table } from "../../../data/table.js";
import { setFile, setFileEither } from "../folder.js";
import { readCsvTable } from "../read.js";

export const cmapssSets = ["FD001", "FD002", "FD003", "FD004"] as const;
export type CmapssSet = (typeof cmapssSets)[number];

/** The 14 sensors (1-based) that change at all under one operating condition; the usual choice of the literature. */
const informative = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21] as const;

/** UCUM units of sensors 1..21 after Saxena et al. 2008, table 2; the others are ratios or have no unit. */
const units: Readonly<Record<number, string>> = {
  1: "[degR]",
  2: "[degR]",
  3: "[degR]",
  4: "[degR]",
  5: "[psi]",
  6: "[psi]",
  7: "[psi]",
  8: "r/min",
  9: "r/min",
  11: "[psi]",
  13: "r/min",
  14: "r/min",
  18: "r/min",
  19: "r/min",
  20: "[lb_av]/s",
  21: "[lb_av]/s",
};

/** Flight altitudes (setting1, in 1000 ft) of the six operating regimes of FD002 and FD004; FD001 and FD003 have only 0. */
const altitudes = [0, 10, 20, 25, 35, 42] as const;

const names = ["unit", "cycle", ...range(3).map((i) => `setting${i + 1}`), ...range(21).map((i) => `sensor${i + 1}`)];

/**
 * Loads one subset, training and test engines together. With `lifeCap` a test engine's remaining life at its last cycle is at most that.
 * Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE.
 */
export async function loadCmapss(root: string, set: CmapssSet, lifeCap = Number.POSITIVE_INFINITY): Promise<Dataset> {
  const train = await readPart(root, `train_${set}`);
  const test = await readPart(root, `test_${set}`);
  const lives = await readLives(root, set);
  const engines = [...enginesOf(train), ...enginesOf(test)];
  const trainEngines = enginesOf(train).length;
  if (engines.length - trainEngines !== lives.length) {
    fail("DATA_INVALID", {
      where: `cmapss ${set}`,
      expected: `${engines.length - trainEngines} lines in RUL_${set}.txt`,
      got: String(lives.length),
    });
  }
  const labels = engines.map((engine, i) => (i < trainEngines ? `train-${engine.unit}` : `test-${engine.unit}`));
  const rows = train.rows + test.rows;
  const codes = new Int32Array(rows);
  const split = new Int32Array(rows).fill(1, train.rows);
  const regimes = new Int32Array(rows);
  const joined = names.slice(1).map((name) => {
    const values = new Float64Array(rows);
    values.set(valuesOf(train, name));
    values.set(valuesOf(test, name), train.rows);
    return numberColumn(name, values, name.startsWith("sensor") ? units[Number(name.slice(6))] : undefined);
  });
  const ends = new Float64Array(engines.length);
  engines.forEach((engine, i) => {
    const from = engine.first + (i < trainEngines ? 0 : train.rows);
    codes.fill(i, from, from + engine.count);
    ends[i] = joined[0].values[from + engine.count - 1] + (i < trainEngines ? 0 : Math.min(lives[i - trainEngines], lifeCap));
  });
  const altitude = joined[1].values;
  for (let i = 0; i < rows; i++) regimes[i] = nearest(altitude[i]);

  const columns: Column[] = [
    categoryColumn("machine", codes, labels),
    ...joined,
    categoryColumn("regime", regimes, altitudes.map(String)),
    categoryColumn("split", split, ["train", "test"]),
  ];
  return {
    name: `cmapss ${set}`,
    description: `NASA C-MAPSS turbofan engines, subset ${set} (PHM08): simulated run-to-failure, one row per flight cycle`,
    readings: { rows, columns },
    machine: "machine",
    time: "cycle",
    inputs: informative.map((i) => `sensor${i}`),
    events: {
      rows: engines.length,
      columns: [
        categoryColumn(
          "machine",
          Int32Array.from({ length: engines.length }, (_, i) => i),
          labels,
        ),
        numberColumn("time", ends),
        categoryColumn("kind", new Int32Array(engines.length), ["failure"]),
      ],
    },
    split: "split",
    notes: [
      "The data are simulated; NASA states no licence.",
      "Remaining useful life is usually capped at 125 cycles: say with every figure whether the test labels are capped too.",
      "Test engines stop before they fail; their failure time comes from the file RUL.",
      "regime is the nearest of setting1 in {0, 10, 20, 25, 35, 42}; FD001 and FD003 have one regime, FD002 and FD004 six: scale per regime there.",
      ...(lifeCap < Number.POSITIVE_INFINITY
        ? [`The given remaining life of test engines was cut at ${lifeCap} before counting back: uncapped figures mean nothing here.`]
        : []),
      ...(set === "FD004" ? ["NASA's readme says 248 training and 249 test engines; the files hold 249 and 248."] : []),
    ],
  };
}

async function readPart(root: string, name: string): Promise<Table> {
  const file = await setFileEither(root, "cmapss", [`${name}.txt.gz`, `${name}.txt`]);
  const schema = names.map((column) => ({ name: column, kind: "number" as const }));
  return readCsvTable(file, schema, { delimiter: " ", header: false, names });
}

async function readLives(root: string, set: CmapssSet): Promise<Float64Array> {
  const file = await setFile(root, "cmapss", `RUL_${set}.txt`);
  return valuesOf(await readCsvTable(file, [{ name: "rul", kind: "number" }], { delimiter: " ", header: false, names: ["rul"] }), "rul");
}

interface Engine {
  readonly unit: number;
  readonly first: number;
  readonly count: number;
}

/** Runs of equal unit numbers. Cycles must count 1, 2, 3, ... and no unit may come twice. */
function enginesOf(table: Table): Engine[] {
  const unit = valuesOf(table, "unit");
  const cycle = valuesOf(table, "cycle");
  const engines: Engine[] = [];
  let first = 0;
  for (let i = 0; i <= table.rows; i++) {
    if (i < table.rows && cycle[i] !== i - first + 1 && unit[i] === unit[first]) {
      fail("DATA_INVALID", { where: `row ${i + 1}, column "cycle"`, expected: String(i - first + 1), got: String(cycle[i]) });
    }
    if (i === table.rows || unit[i] !== unit[first]) {
      if (i > first) engines.push({ unit: unit[first], first, count: i - first });
      first = i;
      if (i < table.rows && unit[i] !== engines.length + 1) {
        fail("DATA_INVALID", { where: `row ${i + 1}, column "unit"`, expected: String(engines.length + 1), got: String(unit[i]) });
      }
    }
  }
  return engines;
}

function nearest(altitude: number): number {
  let best = 0;
  for (let k = 1; k < altitudes.length; k++) if (Math.abs(altitude - altitudes[k]) < Math.abs(altitude - altitudes[best])) best = k;
  return best;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
