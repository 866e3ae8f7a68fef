/** Region, facilities and plants as real processes, killed without warning or cut off from each other. `npm run prove -- kills` does it 500 times. */
import { describe, expect, it } from "vitest";
import { killAtRandom } from "../support/network-kills.js";
import { endsWell, networkSuite } from "../support/network-suite.js";

const suite = networkSuite();
const facilities = { "facility-a": ["plant-1", "plant-2"], "facility-b": ["plant-3"] };

describe("a federation of processes", () => {
  it("ends with the model of its record after ten kills at random moments", { timeout: 240_000 }, async () => {
    const network = await suite.open({ facilities, rounds: 50, deadline: "5s" });
    network.startAll();
    const done = await killAtRandom(network, { kills: 10, seed: 3, pauseMs: 300 });
    expect(done.region + done.facility + done.plant).toBe(10);
    const { rounds } = await endsWell(network);
    expect(rounds).toBe(50);
  });

  it("ends with the model of its record over links that are cut, reset, half open, slow and corrupt", { timeout: 240_000 }, async () => {
    const network = await suite.open({ facilities, rounds: 40, deadline: "3s", more: { threshold: { use: "fixed", value: 0.5 } } });
    const links = ["facility-a", "facility-b", "plant-1", "plant-2", "plant-3"].map((name) => network.node(name).link);
    for (const link of links) link?.set({ latencyMs: 30, bytesPerSecond: 200_000 });
    network.startAll();
    const plant = network.node("plant-2");
    await network.until("the second round", () => network.rounds() >= 2);
    // The plant believes in connections that are no more; the rounds go on without it until something tells it.
    expect(plant.link?.halfOpen()).toBeGreaterThan(0);
    const half = network.rounds();
    await network.until("two rounds without plant-2", () => network.rounds() >= half + 2);
    plant.link?.reset();
    // Bytes that were touched on the way never count: TLS ends the connection, the reply comes again.
    for (const link of links) link?.corrupt();
    await network.until("corrupt bytes on every link", () => links.every((link) => (link?.bytes().corrupted ?? 0) > 0));
    await network.until("two rounds more", () => network.rounds() >= 4);
    expect(links.reduce((sum, link) => sum + (link?.reset() ?? 0), 0)).toBeGreaterThan(0);
    await network.until("two rounds more", () => network.rounds() >= 6);
    // A facility that is cut off: nothing is heard from it, and the round waits until its rule says otherwise.
    const cut = network.rounds();
    network.node("facility-b").link?.set({ partition: "both" });
    await network.until("a round without facility-b", () => network.rounds() > cut + 1);
    network.node("facility-b").link?.set({ latencyMs: 30 });
    network.node("facility-b").link?.reset();
    await network.until("two rounds more", () => network.rounds() >= cut + 4);
    for (const link of links) link?.set({});
    await endsWell(network);
    for (const node of network.nodes.values()) expect(node.crashes(), node.log().slice(-2000)).toBe(0);
  });
});
