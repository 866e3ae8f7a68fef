/** The simulated network and machines: what is lost, cut, clogged or dead reaches nobody; what is not, does. */
import { expect, it } from "vitest";
import { seeded } from "../../../src/core/random.js";
import { simulator } from "../../../src/lab/faults/clock.js";
import { type Life, type Machine, machine } from "../../../src/lab/faults/machine.js";
import { calm, network } from "../../../src/lab/faults/network.js";

async function pair() {
  const sim = simulator();
  const lives: Life[] = [];
  const made = (name: string): Machine =>
    machine({
      name,
      simulator: sim,
      random: seeded("network test", name),
      lies: undefined,
      boot: async (life) => void lives.push(life),
      died: async () => {},
      halted: () => {},
    });
  const [client, server] = [made("client"), made("server")];
  client.start();
  server.start();
  const net = network<{ readonly count: () => number }>(sim, seeded("network test"));
  let served = 0;
  const serve = () => net.serve("server", { life: server.life() as Life, routes: { count: () => ++served } });
  serve();
  const ask = () => {
    const told: string[] = [];
    net
      .call({
        from: client.life() as Life,
        to: "server",
        timeout: 1000,
        signal: new AbortController().signal,
        handle: async ({ count }) => count(),
      })
      .then(
        (value) => told.push(`answer ${value}`),
        (error) => told.push(error.message as string),
      );
    return told;
  };
  return { sim, net, client, server, ask, serve, served: () => served, run: (until: number) => sim.run(until, () => false) };
}

it("a calm network answers", async () => {
  const { ask, run } = await pair();
  const told = ask();
  await run(500);
  expect(told).toEqual(["answer 1"]);
});

it("what is cut or lost ends by its timeout, and a late answer to it is nobody's", async () => {
  const { net, ask, run, served } = await pair();
  net.cut("client", "server", true);
  const cut = ask();
  await run(2000);
  expect(cut).toEqual([expect.stringContaining("none within 1000 ms")]);
  net.cut("client", "server", false);
  net.setFaults({ ...calm, loss: 1 });
  const lost = ask();
  await run(4000);
  expect(lost).toHaveLength(1);
  expect(served()).toBe(0);
});

it("a clogged link lets everything go when it is opened; a doubled request is carried out twice and answered once", async () => {
  const { net, ask, run, served } = await pair();
  net.setFaults({ ...calm, duplication: 1 });
  net.clog("client", "server", true);
  const told = ask();
  await run(300);
  expect([told, served()]).toEqual([[], 0]);
  net.clog("server", "client", false);
  await run(900);
  expect(told).toHaveLength(1);
  expect(served()).toBe(2);
});

it("a dead process answers nothing, writes nothing, and is started again", async () => {
  const { ask, run, server, serve } = await pair();
  const first = server.life() as Life;
  server.die("power", 400);
  expect(first.alive()).toBe(false);
  const told = ask();
  let wrote = false;
  first.disk.makeFolder("late").then(() => {
    wrote = true;
  });
  await run(300);
  expect(told).toEqual([expect.stringContaining("refused connection")]);
  await run(600);
  expect(wrote).toBe(false);
  expect((server.life() as Life).number).toBe(2);
  serve();
  const again = ask();
  await run(900);
  expect(again).toEqual(["answer 1"]);
});
