/** A root from the first question to the released model, with sites that really train, beside the simulation of the same file. */
import { describe, expect, it } from "vitest";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { simulate } from "../../src/lab/simulate.js";
import { encodeBundle } from "../../src/round/bundle.js";
import { parseFederation } from "../../src/round/file.js";
import { smallFederation } from "../support/small-federation.js";
import { runTree } from "./tree-world.js";

const small = { ...smallFederation, model: { use: "mlp", hidden: [4] }, rounds: 3 };
const executor = inlineExecutor();

describe("a root", () => {
  it("releases the bundle of the simulation, byte for byte, and its figures", async () => {
    const simulation = simulate(small, { compare: false, executor });
    const bundle = await simulation.bundle;
    const result = await simulation.result;
    const { release, rounds, error } = await runTree(parseFederation(small), {}, "calm");
    expect(error).toBeUndefined();
    expect(rounds.map(({ round }) => round)).toEqual([1, 2, 3]);
    expect(release?.bundle).toEqual(bundle);
    expect(Buffer.from(encodeBundle(release?.bundle as typeof bundle)).equals(encodeBundle(bundle))).toBe(true);
    const figures = result.scenarios.federated?.metrics as Record<string, number>;
    for (const name of ["f1", "precision", "recall", "accuracy"]) expect(release?.metrics[name]).toBe(figures[name]);
  });
});
