/** A fresh process: one trained step as soon as it can, then training for the seconds asked for, then its memory. */
import { performance } from "node:perf_hooks";

const base = process.memoryUsage().rss;
const { cases, prepare } = await import("./ours.mjs");
const { engine, data, options } = prepare(cases.step[0], 1);
engine.train(data, options);
console.log(JSON.stringify({ stepped: true, base }));
const until = performance.now() + Number(process.argv[2]) * 1000;
while (performance.now() < until) engine.train(data, options);
console.log(JSON.stringify({ memory: process.resourceUsage().maxRSS * 1024 }));
