/** What the simulated worlds found: kept, so that it is found again. */
import { expect, it } from "vitest";
import { checkWorld } from "../../../src/lab/faults/world.js";
import { decodeMessage, encodeMessage, type Message } from "../../../src/round/messages.js";

it.each([
  [1348, "a relay whose cohort grew in a round that the parent cannot take yet"],
  [2864, "a node that took over and is fenced by what its predecessor had under way"],
  [3123, "a plant whose journal fails when a reply was acknowledged"],
  [4293, "a relay whose cohort grew while its answer to another question was on its way"],
  [1163, "a plant that dies between reading a plan and writing it down"],
])("seed %i: %s", { timeout: 60_000 }, async (seed) => {
  expect((await checkWorld(seed)).released).toBeDefined();
});

it("a contribution that was read back says the same bytes again", () => {
  const head = { round: 2, attempt: 1, from: "north", members: 2, weight: 19, loss: 0.5 } as const;
  const included = [{ site: "s1", weight: 19, loss: 0.5, members: 1 }];
  const messages: readonly Message[] = [
    { type: "partial", ...head, included, sums: Float64Array.of(1, -2) },
    { type: "update", ...head, update: Int32Array.of(3, 4), rounds: [included] },
  ];
  for (const message of messages) expect(encodeMessage(decodeMessage(encodeMessage(message)))).toEqual(encodeMessage(message));
});
