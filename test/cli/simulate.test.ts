import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeBundle } from "../../src/round/bundle.js";
import { millwright, temporary } from "./harness.js";

/** A fault that shows in two sensors of a machine, for six machines over time: small, and learnable. */
function tableOf(machines: number, rows: number): string {
  const lines = ["machine,time,volt,pressure,fault"];
  let state = 12345;
  const random = (): number => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  for (let m = 1; m <= machines; m++) {
    for (let t = 0; t < rows; t++) {
      const bad = Math.floor(t / 12) % 4 === 3;
      const volt = 170 + 5 * random() + (bad ? 12 : 0);
      const pressure = 100 + 4 * random() - (bad ? 9 : 0);
      lines.push(`m${m},${new Date(Date.UTC(2024, 0, 1, t)).toISOString()},${volt.toFixed(3)},${pressure.toFixed(3)},${bad ? 1 : 0}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const file = `federation: small
task: { kind: failure, window: 6, stride: 2 }
data: { use: table, path: ./small.csv, machine: machine, time: time, target: fault, inputs: [volt, pressure] }
features: [{ use: scale }]
split: { by: time, validation: 0.2, test: 0.25 }
sites: { use: iid, count: 3 }
model: { use: mlp, hidden: [8] }
training: { optimizer: { use: adam, learningRate: 0.02 }, epochs: 2, batch: 16 }
rounds: 4
seed: 3
`;

let folder = "";
beforeAll(() => {
  folder = temporary();
  writeFileSync(join(folder, "small.csv"), tableOf(6, 240));
  writeFileSync(join(folder, "small.yaml"), file);
});

const inside = (...path: string[]): string => join(folder, ...path);

describe("simulate", () => {
  it("runs a file, compares three scenarios and leaves result, report and model behind", async () => {
    const ran = await millwright(["simulate", "small.yaml", "--workers", "1"], folder);
    expect(ran.err).toContain("federated: round 4/4");
    expect(ran.code).toBe(0);
    for (const word of ["centralised", "local only", "federated", "Report", "Try next"]) expect(ran.out).toContain(word);
    const result = JSON.parse(readFileSync(inside("out", "small", "result.json"), "utf8"));
    expect(Object.keys(result.scenarios).sort()).toEqual(["centralised", "federated", "local"]);
    expect(result.scenarios.federated.metrics.f1).toBeGreaterThan(0.8);
    expect(ran.out).toContain(result.model.sha256);
    const page = readFileSync(inside("out", "small", "report.html"), "utf8");
    expect(page).toContain(result.scenarios.federated.metrics.f1.toFixed(3));
    expect(page).not.toMatch(/NaN|undefined|\[object/);
    expect(decodeBundle(new Uint8Array(readFileSync(inside("out", "small", "model.safetensors")))).federation).toBe("small");
  });

  it("prints one JSON document and nothing else on the output when asked", async () => {
    const ran = await millwright(
      ["simulate", "small.yaml", "--no-compare", "--json", "--quiet", "--workers", "1", "--out", "only"],
      folder,
    );
    expect(ran.err).toBe("");
    const result = JSON.parse(ran.out);
    expect(Object.keys(result.scenarios)).toEqual(["federated"]);
    expect(result.model.sha256).toBe(JSON.parse(readFileSync(inside("out", "small", "result.json"), "utf8")).model.sha256);
  });

  it("gives mean and spread over seeds, and writes the result where it is told", async () => {
    const ran = await millwright(
      ["simulate", "small.yaml", "--seeds", "2", "--json", "two.json", "--quiet", "--workers", "1", "--no-compare", "--out", "two"],
      folder,
    );
    expect(ran.code).toBe(0);
    expect(ran.out).toContain("\u00b1");
    const result = JSON.parse(readFileSync(inside("two.json"), "utf8"));
    expect(result).toMatchObject({ format: "millwright-seeds/1", runs: [{ seed: 3 }, { seed: 4 }] });
    expect(result.scenarios.federated.metrics.f1.values).toHaveLength(2);
    expect(existsSync(inside("two", "report.html"))).toBe(true);
  });

  it("stops at Ctrl-C with 6, and goes on to the same model", async () => {
    const interrupt = new AbortController();
    const stopped = millwright(["simulate", "small.yaml", "--no-compare", "--workers", "1", "--out", "again"], folder, {
      interrupt: interrupt.signal,
      now: () => {
        interrupt.abort();
        return 0;
      },
    });
    const ran = await stopped;
    expect(ran.code).toBe(6);
    expect(ran.err).toContain("--resume");
    const args = ["simulate", "small.yaml", "--no-compare", "--workers", "1", "--out", "again", "--resume", "--json", "--quiet"];
    const resumed = await millwright(args, folder);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toBe("");
    expect(existsSync(inside("again", "state"))).toBe(false);
    expect(JSON.parse(resumed.out).model.sha256).toBe(JSON.parse(readFileSync(inside("out", "small", "result.json"), "utf8")).model.sha256);
  });

  it("says that it starts afresh where there is nothing to go on from", async () => {
    const args = ["simulate", "small.yaml", "--no-compare", "--workers", "1", "--out", "never-begun", "--resume", "--quiet"];
    const ran = await millwright(args, folder);
    expect(ran.code).toBe(0);
    expect(ran.err).toBe("Nothing to go on from in never-begun/state: the run starts at its first round.\n");
  });

  it("goes on after the seeds that were done, and never with another file's", async () => {
    const args = ["simulate", "small.yaml", "--seeds", "2", "--no-compare", "--workers", "1", "--out", "some"];
    const interrupt = new AbortController();
    let lines = 0;
    const ran = await millwright(args, folder, {
      interrupt: interrupt.signal,
      now: () => {
        if (++lines > 4) interrupt.abort();
        return 0;
      },
    });
    expect(ran).toMatchObject({ code: 6 });
    expect(ran.err).toContain("after 1 of 2 seeds");
    expect(existsSync(inside("some", "state", "seed-3-federated.json"))).toBe(true);
    const stored = JSON.parse(readFileSync(inside("some", "state", "seed-3-federated.json"), "utf8"));
    writeFileSync(
      inside("some", "state", "seed-4-federated.json"),
      JSON.stringify({ ...stored, seed: 4, file: { ...stored.file, rounds: 3 } }),
    );
    const resumed = await millwright([...args, "--resume"], folder);
    expect(resumed.code).toBe(0);
    expect(resumed.err).not.toContain("seed 1/2");
    expect(resumed.err).toContain("seed 2/2");
    const hashes = (name: string): string[] =>
      JSON.parse(readFileSync(inside(name), "utf8")).runs.map((r: { model: { sha256: string } }) => r.model.sha256);
    expect(hashes(join("some", "result.json"))).toEqual(hashes("two.json"));
    expect(existsSync(inside("some", "state"))).toBe(false);
  });

  it("reports every fault of a file at once, with 3", async () => {
    writeFileSync(inside("bad.yaml"), file.replace("rounds: 4", "rounds: -1\nroundz: 4").replace("use: mlp", "use: mpl"));
    const ran = await millwright(["simulate", "bad.yaml"], folder);
    expect(ran.code).toBe(3);
    for (const word of ["rounds", "roundz", "mpl"]) expect(ran.err).toContain(word);
  });

  it("says what file is not there, with 4", async () => {
    const ran = await millwright(["simulate", "absent.yaml"], folder);
    expect(ran.code).toBe(4);
    expect(ran.err).toContain("absent.yaml");
  });
});

describe("plan", () => {
  it("says what a run will cost and reveal", async () => {
    const ran = await millwright(["plan", "small.yaml"], folder);
    expect(ran.code).toBe(0);
    for (const word of ["What leaves each site", "never", "whole rows", "none: "]) expect(ran.out).toContain(word);
    const plan = JSON.parse((await millwright(["plan", "small.yaml", "--json"], folder)).out);
    const result = JSON.parse(readFileSync(inside("out", "small", "result.json"), "utf8"));
    expect(plan.model.parameters).toBe(result.model.parameters);
    expect(plan.partition).toEqual(result.partition);
    // What the plan announces is what a run moves, but for a few digits of a loss or a scale.
    const moved = result.scenarios.federated;
    expect(Math.abs(moved.bytesUp - plan.traffic.total.up)).toBeLessThan(0.02 * moved.bytesUp);
    expect(Math.abs(moved.bytesDown - plan.traffic.total.down)).toBeLessThan(0.02 * moved.bytesDown);
  });
});

describe("predict and export", () => {
  const model = "out/small/model.safetensors";

  it("answers for the rows of a table as CSV and JSON", async () => {
    const ran = await millwright(["predict", model, "small.csv", "--at", "last"], folder);
    expect(ran.code).toBe(0);
    // The folder of a run stands for its model.
    expect((await millwright(["predict", "out/small", "small.csv", "--at", "last"], folder)).out).toBe(ran.out);
    const lines = ran.out.trim().split("\n");
    expect(lines[0]).toBe("machine,time,probability,failure");
    expect(lines).toHaveLength(7);
    const rows = JSON.parse((await millwright(["predict", model, "small.csv", "--json"], folder)).out);
    expect(rows).toHaveLength(6 * (240 - 5));
    const right = rows.filter(
      (r: { time: string; failure: boolean }) =>
        r.failure === (Math.floor(new Date(r.time).getTime() / 3600e3 - Date.UTC(2024, 0, 1) / 3600e3) / 12) % 4 >= 3,
    );
    expect(right.length / rows.length).toBeGreaterThan(0.85);
  });

  it("writes the answers to a file in the form asked for, and says on the output that it did", async () => {
    const printed = await millwright(["predict", model, "small.csv", "--at", "last", "--json"], folder);
    const json = await millwright(["predict", model, "small.csv", "--at", "last", "--json", "--out", "answers.json"], folder);
    expect(JSON.parse(json.out)).toEqual({ file: inside("answers.json"), answers: 6 });
    expect(readFileSync(inside("answers.json"), "utf8")).toBe(printed.out);
    const csv = await millwright(["predict", model, "small.csv", "--at", "last", "--out", "answers.csv"], folder);
    expect(csv.out).toBe("6 answers written to answers.csv\n");
    expect(readFileSync(inside("answers.csv"), "utf8").trim().split("\n")).toHaveLength(7);
  });

  it("names the file whose bytes are not a model", async () => {
    const bytes = readFileSync(inside(model));
    const faults: [string, Uint8Array][] = [
      ["cut.safetensors", bytes.subarray(0, bytes.length - 40)],
      ["header.safetensors", bytes.subarray(0, 100)],
      ["text.safetensors", Buffer.from("machine,time\n1,2\n")],
      ["tiny.safetensors", bytes.subarray(0, 5)],
    ];
    for (const [name, content] of faults) {
      writeFileSync(inside(name), content);
      const ran = await millwright(["predict", name, "small.csv"], folder);
      expect(ran.code).toBe(4);
      expect(ran.err).toContain(inside(name));
    }
  });

  it("refuses a table that lacks a column, naming it", async () => {
    writeFileSync(inside("less.csv"), tableOf(2, 30).replaceAll(/^([^,]*,[^,]*,[^,]*),[^,]*,/gm, "$1,"));
    const ran = await millwright(["predict", model, "less.csv"], folder);
    expect(ran.code).toBe(4);
    expect(ran.err).toContain("pressure");
  });

  it("writes ONNX, safetensors and a bundle that predicts the same", async () => {
    for (const [form, name] of [
      ["onnx", "model.onnx"],
      ["safetensors", "weights.safetensors"],
    ]) {
      const ran = await millwright(["export", model, "--to", form], folder);
      expect(ran.code).toBe(0);
      expect(existsSync(inside("out", "small", name))).toBe(true);
    }
    await millwright(["export", model, "--to", "bundle", "--out", "carried.safetensors"], folder);
    const here = await millwright(["predict", model, "small.csv", "--at", "last"], folder);
    const there = await millwright(["predict", "carried.safetensors", "small.csv", "--at", "last"], folder);
    expect(there.out).toBe(here.out);
    const plain = await millwright(["predict", "out/small/weights.safetensors", "small.csv"], folder);
    expect(plain.code).not.toBe(0);
    expect(plain.err).toContain("plain safetensors file");
  });

  it("names the forms it knows", async () => {
    const ran = await millwright(["export", model, "--to", "pickle"], folder);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("onnx, safetensors, bundle");
  });
});
