import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { processorSeconds } from "../../src/io/workers/processor-time.js";

function burn(seconds: number): number {
  const from = processorSeconds();
  let x = 1;
  while (processorSeconds() - from < seconds) for (let i = 0; i < 1e5; i++) x = (x * 1.0000001) % 7;
  return x;
}

it("counts this thread's work", () => {
  const before = processorSeconds();
  burn(0.05);
  expect(processorSeconds() - before).toBeGreaterThanOrEqual(0.05);
});

it.skipIf(process.platform !== "linux")("does not count what another thread does meanwhile", async () => {
  const worker = new Worker("const end = Date.now() + 300; while (Date.now() < end);", { eval: true });
  const before = processorSeconds();
  await new Promise((resolve) => worker.on("exit", resolve));
  expect(processorSeconds() - before).toBeLessThan(0.15);
});
