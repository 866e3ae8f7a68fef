import { describe, expect, it } from "vitest";
import { progress } from "../../src/cli/show/progress.js";
import type { SimulationEvent } from "../../src/lab/events.js";
import { contextIn, memory, temporary } from "./harness.js";

const rounds: SimulationEvent[] = [
  { kind: "started", federation: "fleet", scenarios: ["federated"], sites: 4 },
  { kind: "stage", scenario: "federated", text: "reading the data" },
  ...Array.from({ length: 50 }, (_, i): SimulationEvent[] => [
    { kind: "site", scenario: "federated", round: i + 1, site: "plant-1", sitesDone: 1, sites: 4 },
    { kind: "round", scenario: "federated", round: i + 1, rounds: 50, loss: 1 / (i + 1), sitesDone: 4, sites: 4, secondsLeft: 50 - i },
  ]).flat(),
  { kind: "finished" },
];

describe("progress", () => {
  it("writes few plain lines where nobody watches, the first and the last among them", () => {
    const err = memory(false);
    let now = 0;
    const shown = progress(contextIn(temporary(), { err: err.stream, now: () => now }), { quiet: false });
    for (const event of rounds) {
      now += 400;
      shown.show(event);
    }
    shown.done();
    const lines = err.text().trim().split("\n");
    expect(lines[0]).toBe("federated: reading the data");
    expect(lines[1]).toMatch(/^federated: round 1\/50, loss 1\.00, 4\/4 sites, about 50 s left$/);
    expect(lines.at(-1)).toMatch(/round 50\/50/);
    expect(lines.length).toBeLessThan(16);
    expect(err.text()).not.toContain(String.fromCharCode(27));
  });

  it("redraws in place on a terminal and says what it waits for", () => {
    const err = memory(true, 120);
    let now = 0;
    const shown = progress(contextIn(temporary(), { err: err.stream, now: () => now }), { quiet: false });
    for (const event of rounds.slice(0, 7)) {
      now += 400;
      shown.show(event);
    }
    expect(err.text()).toContain("waiting for 3 of 4 sites in round 3");
    expect(err.text()).toContain("2/50");
    shown.done();
  });

  it("is silent when asked to be", () => {
    const err = memory();
    const shown = progress(contextIn(temporary(), { err: err.stream }), { quiet: true });
    for (const event of rounds) shown.show(event);
    shown.done();
    expect(err.text()).toBe("");
  });

  it("shows no control character of a stage or a name", () => {
    const err = memory();
    const shown = progress(contextIn(temporary(), { err: err.stream }), { quiet: false });
    shown.show({ kind: "stage", text: "\u001b[2Jboo\r" });
    expect(err.text()).toBe("\u00b7[2Jboo\u00b7\n");
  });
});
