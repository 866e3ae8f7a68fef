import { expect, it } from "vitest";
import { runWorld } from "../../../src/lab/faults/world.js";

const from = Number(process.env.FROM ?? 0), n = Number(process.env.N ?? 20);
it("worlds", async () => {
  const t = performance.now();
  const bad: string[] = [];
  let ms = 0, ev = 0;
  for (let s = from; s < from + n; s++) {
    const r = await runWorld(s, process.env.TRACE ? { trace: (l) => console.log(l) } : {});
    ms += r.simulatedMs; ev += r.events;
    if (r.fault) bad.push(`${s} ${r.shape}: ${r.fault.slice(0, 300)}`);
  }
  const took = performance.now() - t;
  console.log(`${n} seeds ${(took / n).toFixed(1)} ms each, ${(ms / n / 1000).toFixed(0)} s simulated each, ${(ev / n).toFixed(0)} events each; bad ${bad.length}`);
  for (const b of bad.slice(0, 25)) console.log(b);
  expect(0).toBe(0);
}, 600000);
