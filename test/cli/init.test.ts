import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addStatistics, fitScaler, partitionSites, siteExamples, siteStatistic } from "../../src/data/pipeline.js";
import { loadDataset } from "../../src/io/source/load.js";
import { readFederationFile } from "../../src/round/file.js";
import { millwright, temporary } from "./harness.js";

/** A sequence that looks random enough for a table. */
const wave = (i: number, k: number): string => ((((i * 7919 + k * 104729) % 1000) / 1000) * 10).toFixed(3);

interface Case {
  readonly name: string;
  readonly rows: readonly string[];
  readonly flags?: readonly string[];
  readonly task: string;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    name: "machines with a clock and a failure flag",
    rows: [
      "machineID,datetime,volt [V],rotate [r/min],failure",
      ...series(6, 120, (m, t) => `${m},${stamp(t)},${wave(t, m)},${wave(t, m + 9)},${t % 17 === 0 ? 1 : 0}`),
    ],
    task: "failure",
    says: /machine: machineID/,
  },
  {
    name: "items with a class, a name per row and a constant column",
    rows: [
      "serial,plant,width,height,steel,colour,class",
      ...Array.from(
        { length: 400 },
        (_, i) => `s${i},A${i % 3},${wave(i, 1)},${wave(i, 2)},1,${["red", "blue"][i % 2]},${["ok", "scratch", "dent"][i % 3]}`,
      ),
    ],
    flags: ["--sites", "plant"],
    task: "class",
    says: /column: plant/,
  },
  {
    name: "one machine over time with a number to forecast and gaps",
    rows: ["time,load_kw,temp", ...Array.from({ length: 500 }, (_, t) => `${stamp(t)},${wave(t, 3)},${t % 50 === 3 ? "" : wave(t, 4)}`)],
    flags: ["--target", "load_kw"],
    task: "value",
    says: /use: time, count: 5/,
  },
  {
    name: "semicolons, decimal commas, names with quotes and hashes",
    rows: [
      'unit;cycle;"a #1: ""x""";b;Target',
      ...series(5, 80, (m, t) => `${m};${t};${wave(t, m).replace(".", ",")};${wave(t, m + 3).replace(".", ",")};${t % 2}`),
    ],
    flags: ["--task", "failure"],
    task: "failure",
    says: /machine: unit/,
  },
  {
    name: "items whose failure has its causes beside it, under a name that sounds like a machine",
    rows: [
      "Torque,Speed,Machine failure,Cause A,Cause B,Option",
      ...Array.from({ length: 600 }, (_, i) => {
        const [a, b] = [i % 40 === 3 ? 1 : 0, i % 60 === 7 ? 1 : 0];
        return `${wave(i, 1)},${wave(i, 2)},${a | b},${a},${b},${i % 2}`;
      }),
    ],
    task: "failure",
    says: /drop: \[ Cause A, Cause B \]/,
  },
  {
    name: "rows without a clock that end with a number",
    rows: ["p,q,power", ...Array.from({ length: 300 }, (_, i) => `${wave(i, 1)},${wave(i, 2)},${wave(i, 3)}`)],
    task: "value",
    says: /target: power/,
  },
  {
    name: "machines with a clock and a flag to be seen coming",
    rows: ["unit,hour,p,q,failure", ...series(6, 120, (m, t) => `${m},${t},${wave(t, m)},${wave(t, m + 5)},${t % 17 === 0 ? 1 : 0}`)],
    flags: ["--horizon", "5"],
    task: "failure",
    says: /horizon: 5/,
  },
  {
    name: "machines with a clock and no answer",
    rows: ["asset;when;p;q", ...series(4, 90, (m, t) => `pump-${m};${stamp(t)};${wave(t, m)};${wave(t, m + 5)}`)],
    task: "anomaly",
    says: /use: autoencoder/,
  },
];

function series(machines: number, length: number, row: (machine: number, time: number) => string): string[] {
  return Array.from({ length: machines }, (_, m) => Array.from({ length }, (__, t) => row(m + 1, t))).flat();
}

function stamp(hour: number): string {
  return new Date(Date.UTC(2024, 0, 1, hour)).toISOString().slice(0, 19).replace("T", " ");
}

describe("init", () => {
  it.each(cases)("writes a file that reads, splits and cuts: $name", async ({ rows, flags = [], task, says }) => {
    const folder = temporary();
    writeFileSync(join(folder, "My Table.csv"), `${rows.join("\n")}\n`);
    const ran = await millwright(["init", "My Table.csv", "--yes", ...flags], folder);
    expect(ran.err).not.toContain("expected");
    expect(ran.code).toBe(0);
    const text = readFileSync(join(folder, "my-table.yaml"), "utf8");
    expect(text).toMatch(says);
    const file = readFederationFile(text);
    expect(file.task.kind).toBe(task);
    const dataset = await loadDataset(file.data, { folder, loadFleet: () => Promise.reject(new Error("no fleet")) });
    const parts = partitionSites(dataset, file, file.seed);
    const scaler = fitScaler(parts.map((part) => siteStatistic(part, file)).reduce(addStatistics));
    const examples = parts.map((part) => siteExamples(part, scaler, file));
    expect(examples.every((site) => site.train.count > 0)).toBe(true);
    expect(examples.reduce((sum, site) => sum + site.test.count, 0)).toBeGreaterThan(0);
    for (const site of examples) for (const input of Object.values(site.train.inputs)) expect(input.rows.every(Number.isFinite)).toBe(true);
  });

  const events: { name: string; rows: string[]; flags: string[]; task: string; says: RegExp[] }[] = [
    {
      name: "failures to come",
      rows: ["machineID,datetime,comp", ...series(6, 5, (m, k) => `${m},${stamp(10 + 22 * k + m)},comp${k % 2}`)],
      flags: [],
      task: "failure",
      says: [/kind: comp \}/, /horizon: 24h/, /positiveWeight: 10/],
    },
    {
      name: "failures within a named time, columns under other names",
      rows: ["asset;when;what", ...series(6, 5, (m, k) => `${m};${stamp(10 + 22 * k + m)};c`)],
      flags: ["--event-machine", "asset", "--event-time", "when", "--event-kind", "none", "--horizon", "6h"],
      task: "failure",
      says: [/machine: asset, time: when \}/, /horizon: 6h/],
    },
    {
      name: "remaining life between repairs",
      rows: ["machineID,datetime", ...series(20, 5, (m, k) => `${m},${stamp(9 + 22 * k + (m % 12))}`)],
      flags: ["--task", "rul", "--cap", "30"],
      task: "rul",
      says: [/cap: 30, evaluate: all/, /by: time/],
    },
    {
      name: "remaining life of machines that end with their failure",
      rows: ["machineID,datetime", ...Array.from({ length: 20 }, (_, m) => `${m + 1},${stamp(120)}`)],
      flags: ["--task", "rul", "--sites", "2"],
      task: "rul",
      says: [/by: machine/, /cap: 60 \}/],
    },
  ];

  it.each(events)("takes the answer from a table of events: $name", async ({ rows, flags, task, says }) => {
    const folder = temporary();
    const readings = ["machineID,datetime,p,q", ...series(20, 120, (m, t) => `${m},${stamp(t)},${wave(t, m)},${wave(t, m + 5)}`)];
    writeFileSync(join(folder, "t.csv"), `${readings.join("\n")}\n`);
    writeFileSync(join(folder, "events.csv"), `${rows.join("\n")}\n`);
    const ran = await millwright(["init", "t.csv", "--yes", "--events", "events.csv", ...flags], folder);
    expect(ran.err).not.toContain("expected");
    expect(ran.code).toBe(0);
    const text = readFileSync(join(folder, "t.yaml"), "utf8");
    for (const words of says) expect(text).toMatch(words);
    expect(readFederationFile(text).task.kind).toBe(task);
    const planned = await millwright(["plan", "t.yaml", "--json"], folder);
    expect(planned.code).toBe(0);
  });

  it("joins flags of which exactly one is set into one class, unless one of them is named", async () => {
    const folder = temporary();
    const kinds = ["Pastry_Fault", "Scratch_Fault", "Bump_Faults"];
    const rows = Array.from({ length: 300 }, (_, i) =>
      [wave(i, 1), wave(i, 2), ...kinds.map((_, k) => Number((i % 7) % 3 === k))].join(","),
    );
    writeFileSync(join(folder, "t.csv"), `p,q,${kinds.join(",")}\n${rows.join("\n")}\n`);
    const ran = await millwright(["init", "t.csv", "--yes"], folder);
    expect(ran.out).toContain("The 3 columns Pastry_Fault, Scratch_Fault, Bump_Faults are one class");
    const file = readFederationFile(readFileSync(join(folder, "t.yaml"), "utf8"));
    expect([file.task.kind, file.data]).toMatchObject(["class", { target: "fault", flags: kinds, inputs: ["p", "q"] }]);
    const described = JSON.parse((await millwright(["plan", "t.yaml", "--json"], folder)).out);
    expect(described.partition.classLabels).toEqual(kinds);
    expect((await millwright(["init", "t.csv", "--yes", "--force", "--target", "Bump_Faults"], folder)).code).toBe(0);
    const single = readFederationFile(readFileSync(join(folder, "t.yaml"), "utf8"));
    expect([single.task.kind, single.data]).toMatchObject(["failure", { target: "Bump_Faults" }]);
    expect(single.data).not.toHaveProperty("flags");
  });

  it.each([
    ["a few", [3, 60, 80, 190], 2],
    ["more", [1, 60, 190, 2, 60, 190, 3, 60, 190, 4, 60, 190], 3],
  ])("writes as many sites as %s events can feed", async (_, list, sites) => {
    const folder = temporary();
    writeFileSync(
      join(folder, "t.csv"),
      `${["machineID,datetime,p,q", ...series(10, 200, (m, t) => `${m},${stamp(t)},${wave(t, m)},${wave(t, m + 5)}`)].join("\n")}\n`,
    );
    const rows =
      list.length === 4
        ? [
            [1, 60],
            [2, 80],
            [3, 190],
          ]
        : [0, 3, 6, 9].flatMap((i) => [
            [list[i], list[i + 1]],
            [list[i], list[i + 2]],
          ]);
    writeFileSync(join(folder, "e.csv"), `machineID,datetime\n${rows.map(([m, t]) => `${m},${stamp(t)}`).join("\n")}\n`);
    const args = ["init", "t.csv", "--yes", "--events", "e.csv", "--task", "rul"];
    const ran = await millwright(args, folder);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(`${sites} sites instead of 5`);
    expect(readFileSync(join(folder, "t.yaml"), "utf8")).toContain(`# ${sites} sites instead of 5`);
    expect((await millwright(["plan", "t.yaml"], folder)).code).toBe(0);
    // A number that was asked for is not changed behind the user's back.
    const asked = await millwright([...args, "--sites", "5", "--out", "five.yaml"], folder);
    expect(asked.code).toBe(4);
    expect(asked.err).toContain(`--sites ${sites} runs`);
    expect(existsSync(join(folder, "five.yaml"))).toBe(false);
  });

  it("refuses remaining life from a single event, and says what would run", async () => {
    const folder = temporary();
    writeFileSync(
      join(folder, "t.csv"),
      `${["machineID,datetime,p,q", ...series(10, 200, (m, t) => `${m},${stamp(t)},${wave(t, m)},${wave(t, m + 5)}`)].join("\n")}\n`,
    );
    writeFileSync(join(folder, "e.csv"), `machineID,datetime\n1,${stamp(60)}\n`);
    const ran = await millwright(["init", "t.csv", "--yes", "--events", "e.csv", "--task", "rul"], folder);
    expect(ran.code).toBe(4);
    expect(ran.err).toContain("bring readings that reach over more events");
    expect(existsSync(join(folder, "t.yaml"))).toBe(false);
    if (ran.err.includes("--task failure")) {
      const failure = await millwright(["init", "t.csv", "--yes", "--events", "e.csv", "--task", "failure", "--sites", "1"], folder);
      expect(failure.code).toBe(0);
    }
  });

  it("looks beyond the rows it infers from, and says how far it looked", async () => {
    const folder = temporary();
    // 21,000 rows: the second machine, and what is wrong with one cell, come after the first 20,000.
    const line = (m: number, t: number): string =>
      `${m},${stamp(t)},${wave(t, 1)},${m === 3 && t === 7 ? "ERR" : wave(t, 2)},${Number(t % 11 === 0)}`;
    const rows = [
      ...Array.from({ length: 20_400 }, (_, t) => line(1, t)),
      ...Array.from({ length: 300 }, (_, t) => line(2, t)),
      ...Array.from({ length: 300 }, (_, t) => line(3, t)),
    ];
    writeFileSync(join(folder, "t.csv"), `${["unit,hour,p,q,fault", ...rows].join("\n")}\n`);
    const ran = await millwright(["init", "t.csv", "--json", "--machine", "unit"], folder);
    expect(ran.code).toBe(0);
    const said = JSON.parse(ran.out);
    expect(said).toMatchObject({ rows: 21_000, allRows: true, rehearsed: true, sites: 2 });
    // Whole machines are dealt, and only one of the three reaches into the last fifth: found on the whole table alone.
    expect(said.notes).toContain("2 sites instead of 3: with more, some would have nothing to learn from.");
    expect(said.notes).toContain('Column q: row 20,708 holds "ERR", which is no number.');
    const text = readFileSync(join(folder, "t.yaml"), "utf8");
    expect(text).toContain("after a look at all its 21,000 rows (what the columns are by the first 20,000)");
    expect(text).toContain('# Column q: row 20,708 holds "ERR"');
    expect(text).toMatch(/drop: \[ q \]/);
  });

  it("overwrites nothing unless told to", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "t.csv"), `${cases[0].rows.join("\n")}\n`);
    writeFileSync(join(folder, "t.yaml"), "mine");
    expect((await millwright(["init", "t.csv", "--yes"], folder)).code).toBe(2);
    expect(readFileSync(join(folder, "t.yaml"), "utf8")).toBe("mine");
    expect((await millwright(["init", "t.csv", "--yes", "--force"], folder)).code).toBe(0);
    expect(readFileSync(join(folder, "t.yaml"), "utf8")).toContain("federation: t");
  });

  it.each([
    [["--machine", "nobody"], 2, "one of machineID"],
    [["--task", "life"], 2, "failure, rul, class, value, anomaly"],
    [["--target", "volt [V]", "--task", "rul"], 2, "give --events FILE"],
    [["--time", "none", "--machine", "none", "--task", "anomaly"], 2, "readings in time"],
    [["--time", "none", "--horizon", "5"], 2, "readings in time"],
    [["--horizon", "soon"], 2, 'a duration such as "24h"'],
    [["--cap", "50"], 2, "a task of kind rul"],
    [["--task", "rul", "--cap", "-1"], 2, "a whole number of readings"],
    [["--event-kind", "x"], 2, "the table that --event-machine"],
    [["--events", "absent.csv"], 4, "DATA_MISSING"],
    [["--target", "none", "--task", "class"], 2, "a column with the answer"],
    [["--target", "volt [V]", "--task", "failure"], 2, "for column volt"],
    [["--sites", "0"], 2, "a number of sites or a column"],
  ])("refuses %j", async (flags, code, words) => {
    const folder = temporary();
    writeFileSync(join(folder, "t.csv"), `${cases[0].rows.join("\n")}\n`);
    const ran = await millwright(["init", "t.csv", "--yes", ...flags], folder);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(words);
  });

  it("does not choose between day and month", async () => {
    const folder = temporary();
    const rows = Array.from({ length: 60 }, (_, i) => `0${1 + (i % 9)}/0${1 + ((i * 7) % 9)}/2024 0${i % 10}:00,${wave(i, 1)},${i % 2}`);
    writeFileSync(join(folder, "t.csv"), `when,x,fault\n${rows.join("\n")}\n`);
    const ran = await millwright(["init", "t.csv", "--yes"], folder);
    expect(ran.code).toBe(4);
    expect(ran.err).toMatch(/which is 2024-\d\d-\d\d or 2024-\d\d-\d\d/);
    expect((await millwright(["init", "t.csv", "--yes", "--dates", "mdy"], folder)).code).toBe(0);
    expect(readFileSync(join(folder, "t.yaml"), "utf8")).toContain("format: mdy");
  });

  it("says what is wrong with a file that is not there", async () => {
    const ran = await millwright(["init", "absent.csv", "--yes"]);
    expect(ran.code).toBe(4);
    expect(ran.err).toContain("DATA_MISSING");
  });

  it("asks nothing and prints everything as JSON when asked for JSON", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "t.csv"), `${cases[0].rows.join("\n")}\n`);
    const ran = await millwright(["init", "t.csv", "--json"], folder, { interactive: true });
    expect(JSON.parse(ran.out)).toMatchObject({
      roles: { machine: "machineID", time: "datetime", target: "failure", task: "failure" },
      sites: 5,
    });
  });
});
