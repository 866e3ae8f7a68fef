import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { millwright, temporary } from "./harness.js";

describe("data list", () => {
  it("names the fleet first, on the terminal and as JSON", async () => {
    const { sets } = JSON.parse((await millwright(["data", "list", "--json"])).out);
    expect(sets[0]).toMatchObject({ name: "fleet", task: "failure", builtIn: true, here: true });
    const shown = (await millwright(["data", "list"])).out.split("\n").slice(1);
    expect(shown.slice(0, sets.length).map((line) => line.split(/\s+/)[0])).toEqual(sets.map((set: { name: string }) => set.name));
  });
});

describe("data partition", () => {
  const plan = (data: string, split: string): string => `federation: parts
task: { kind: class }
data: { use: table, path: ./t.csv, target: kind, ${data} }
features: [{ use: scale }]
split: { by: ${split}, validation: 0.2, test: 0.2 }
sites: { use: iid, count: 2 }
model: { use: mlp, hidden: [4] }
training: { optimizer: { use: adam, learningRate: 0.01 }, epochs: 1, batch: 16 }
rounds: 1
`;

  it("speaks of machines only where a column tells them apart", async () => {
    const folder = temporary();
    const rows = Array.from({ length: 200 }, (_, i) => `m${i % 8},${(i * 37) % 101},${(i * 53) % 97},${["ok", "bad"][i % 2]}`);
    writeFileSync(join(folder, "t.csv"), `machine,x,y,kind\n${rows.join("\n")}\n`);
    writeFileSync(join(folder, "rows.yaml"), plan("inputs: [x, y]", "rows"));
    writeFileSync(join(folder, "machines.yaml"), plan("machine: machine, inputs: [x, y]", "machine"));
    const without = await millwright(["data", "partition", "rows.yaml", "--out", "rows.html"], folder);
    expect(without.code).toBe(0);
    expect(without.out).toContain("training");
    expect(without.out).not.toContain("machines");
    const { sites } = JSON.parse((await millwright(["data", "partition", "rows.yaml", "--json"], folder)).out);
    expect(sites.map((site: { machines: number }) => site.machines)).toEqual([0, 0]);
    expect((await millwright(["data", "partition", "machines.yaml"], folder)).out).toContain("machines");
    const dealt = JSON.parse((await millwright(["data", "partition", "machines.yaml", "--json"], folder)).out);
    expect(dealt.sites.reduce((sum: number, site: { machines: number }) => sum + site.machines, 0)).toBe(8);
  });
});
