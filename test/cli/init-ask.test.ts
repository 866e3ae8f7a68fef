/** The questions of init: asked through the port by a script of answers, and on a terminal by key strokes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { type Answers, askRoles } from "../../src/cli/init/ask.js";
import type { Prompts } from "../../src/cli/init/prompts.js";
import { inferSchema } from "../../src/data/infer.js";
import { readFederationFile } from "../../src/round/file.js";
import { memory, millwright, temporary } from "./harness.js";

const stamp = (hour: number): string => new Date(Date.UTC(2024, 0, 1, hour)).toISOString().slice(0, 19).replace("T", " ");
const columns = ["unit", "when", "heat", "flow", "fault"];
const rows = Array.from({ length: 200 }, (_, i) => {
  const [unit, hour] = [Math.floor(i / 50) + 1, i % 50];
  return [`u${unit}`, stamp(hour), String((i * 37) % 101), String((i * 53) % 97), hour % 9 === 4 ? "1" : "0"];
});
const schema = inferSchema({ columns, rows });
const proposed: Answers = { roles: { machine: "unit", time: "when", target: "fault", task: "failure" }, sites: 4 };
const table = { path: "/events.csv", machine: "unit", time: "when", count: 9, machines: 4 };

type Reply = string | ((proposal: string, offered: readonly string[]) => string | undefined);
const accept: Reply = (proposal) => proposal;
const leave: Reply = () => undefined;

/** A port that answers from a list, holds every answer to what was offered or allowed, and remembers what was said. */
function script(replies: readonly Reply[]): { prompts: Prompts; said: string[]; stops: string[] } {
  const left = [...replies];
  const [said, stops]: [string[], string[]] = [[], []];
  const next = (message: string, proposal: string, offered: readonly string[]): string | undefined => {
    said.push(message);
    const reply = left.shift();
    if (reply === undefined) throw new Error(`not expected: ${message}`);
    return typeof reply === "string" ? reply : reply(proposal, offered);
  };
  const prompts: Prompts = {
    async choose(message, choices, proposal) {
      const offered = choices.map((choice) => choice.value);
      expect(offered).toContain(proposal);
      const answer = next(message, proposal, offered);
      if (answer !== undefined) expect(offered).toContain(answer);
      return answer as typeof proposal | undefined;
    },
    async type(message, proposal, wrong) {
      for (;;) {
        const answer = next(message, proposal, []);
        const fault = answer === undefined ? undefined : wrong?.(answer);
        if (fault === undefined) return answer;
        said.push(`no: ${fault}`);
      }
    },
    stop: (message) => stops.push(message),
  };
  return { prompts, said, stops };
}

const noEvents = () => Promise.reject(new Error("no table of events was named"));
const none: Reply = (_, offered) => offered[0];

describe("the questions", () => {
  it("accepted one after the other give what was proposed", async () => {
    const { prompts, said } = script([accept, accept, accept, accept, accept, accept]);
    expect(await askRoles(schema, proposed, noEvents, prompts)).toEqual(proposed);
    expect(said).toHaveLength(6);
  });

  it("take other columns, another task, a column as site", async () => {
    const { prompts } = script([accept, accept, "", "heat", "value", "unit"]);
    const answers = await askRoles(schema, { ...proposed, roles: { ...proposed.roles, horizon: 3, cap: 9 } }, noEvents, prompts);
    expect(answers).toEqual({ roles: { machine: "unit", time: "when", target: "heat", task: "value", horizon: 3 }, sites: "unit" });
  });

  it("offer no column twice and no task that the answers so far cannot serve", async () => {
    const { prompts, said, stops } = script([
      none,
      (_, offered) => {
        expect(offered).toHaveLength(columns.length + 1);
        return "when";
      },
      (_, offered) => {
        expect(offered).not.toContain("when");
        return offered[0];
      },
      (proposal, offered) => {
        expect(offered).toEqual(["anomaly"]);
        return proposal;
      },
      "2",
    ]);
    expect(await askRoles(schema, proposed, noEvents, prompts)).toMatchObject({ roles: { task: "anomaly", target: undefined }, sites: 2 });
    // Events are matched by machine: without one nobody is asked for them.
    expect(said.join()).not.toContain("events");
    expect(stops).toEqual([]);
  });

  it("end where neither time nor answer is left to learn from, and say so", async () => {
    const { prompts, stops } = script([none, none, none]);
    expect(await askRoles(schema, proposed, noEvents, prompts)).toBeUndefined();
    expect(stops).toEqual(["Rows without a time need a column with the answer. Nothing was written."]);
  });

  it("ask again for a table of events that will not do, and for how far ahead", async () => {
    const { prompts, said } = script([accept, accept, "lost.csv", "events.csv", "failure", "soon", "12h", "0", "3"]);
    const read = async (path: string) => (path === "events.csv" ? table : "no such\u0007 path");
    const answers = await askRoles(schema, proposed, read, prompts);
    expect(answers).toEqual({ roles: { ...proposed.roles, horizon: "12h", events: table }, sites: 3 });
    expect(said).toContain("no: such as 24h or 7d");
    expect(said).toContain("no: a whole number, or the name of a column");
    const again = said.find((message) => message.startsWith("no such")) ?? "";
    expect(again).toContain("Is there a table");
    expect(again).not.toContain("\u0007");
  });

  it("are not asked forever", async () => {
    const { prompts, stops } = script([accept, accept, ...Array.from({ length: 10 }, () => "lost.csv")]);
    expect(await askRoles(schema, proposed, async () => "no such path", prompts)).toBeUndefined();
    expect(stops).toEqual(["Nothing was written."]);
  });

  it("can be left at every one of them", async () => {
    const whole: Reply[] = [accept, accept, "events.csv", "failure", "24h", "3"];
    for (let i = 0; i < whole.length; i++) {
      const { prompts, stops } = script([...whole.slice(0, i), leave]);
      expect(await askRoles(schema, proposed, async () => table, prompts)).toBeUndefined();
      expect(stops).toEqual(["Nothing was written."]);
    }
  });
});

const [enter, leaveKey, up, back] = ["\r", "\u001b", "\u001b[A", "\u007f"];

/** A terminal that types the next keys, one by one as from a keyboard, whenever the next question has been drawn. */
function terminal(keys: readonly (readonly string[])[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input });
  const screen = memory(true, 100);
  const questions = [
    "tells machines apart",
    "orders the readings",
    "table of failures",
    "holds the answer",
    "to be predicted",
    "How many sites",
  ];
  let asked = 0;
  const write = screen.stream.write.bind(screen.stream);
  screen.stream.write = ((chunk: string, ...rest: []) => {
    const done = write(chunk, ...rest);
    if (asked < keys.length && screen.text().includes(questions[asked])) {
      const typed = keys[asked++];
      setImmediate(() => {
        for (const key of typed) input.write(key);
      });
    }
    return done;
  }) as typeof screen.stream.write;
  return { input, out: screen.stream, text: screen.text };
}

describe("on a terminal", () => {
  const folderWithTable = (): string => {
    const folder = temporary();
    writeFileSync(join(folder, "t.csv"), `${[columns, ...rows].map((row) => row.join(",")).join("\n")}\n`);
    return folder;
  };

  it("Enter at every question writes the file that --yes writes", async () => {
    const folder = folderWithTable();
    await millwright(["init", "t.csv", "--yes", "--out", "yes.yaml"], folder);
    const { input, out, text } = terminal(Array.from({ length: 6 }, () => [enter]));
    const ran = await millwright(["init", "t.csv", "--out", "asked.yaml"], folder, { interactive: true, input, out });
    expect(ran.code).toBe(0);
    expect(text()).toContain("Wrote");
    expect(readFileSync(join(folder, "asked.yaml"), "utf8")).toBe(readFileSync(join(folder, "yes.yaml"), "utf8"));
  });

  it("arrows choose another answer, typing changes the number", async () => {
    const folder = folderWithTable();
    // From the fault to the reading above it, and two sites for the four that are proposed.
    const { input, out } = terminal([[enter], [enter], [enter], [up, enter], [enter], [back, "2", enter]]);
    const ran = await millwright(["init", "t.csv"], folder, { interactive: true, input, out });
    expect(ran.code).toBe(0);
    const file = readFederationFile(readFileSync(join(folder, "t.yaml"), "utf8"));
    expect([file.task.kind, file.data, file.sites]).toMatchObject(["value", { target: "flow" }, { use: "iid", count: 2 }]);
  });

  it("Escape leaves without a file, with 6", async () => {
    const folder = folderWithTable();
    const { input, out, text } = terminal([[enter], [leaveKey]]);
    const ran = await millwright(["init", "t.csv"], folder, { interactive: true, input, out });
    expect(ran.code).toBe(6);
    expect(text()).toContain("Nothing was written.");
    expect(() => readFileSync(join(folder, "t.yaml"))).toThrow(/ENOENT/);
  });
});
