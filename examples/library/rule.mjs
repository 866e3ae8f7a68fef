/** How rules bear one site that lies, seen on plain vectors: `node examples/library/rule.mjs`. */
import { aggregate, defaultFixedPoint, encodeFixed, mean, weight } from "millwright/aggregation";
import trimmedMean from "../plugins/my-rule.mjs";

const updates = { north: [1, 0.5], east: [1.1, 0.4], south: [0.9, 0.6], liar: [-30, 30] };
const contributions = Object.entries(updates).map(([site, update]) => ({
  from: site,
  round: 1,
  members: 1,
  weight: weight(100),
  // Updates travel as whole numbers of 2^-24: their sums are the same in any order.
  update: encodeFixed(Float32Array.from(update), defaultFixedPoint),
}));

for (const rule of [mean({ use: "mean", weighted: true }), trimmedMean({ trim: 1 })]) {
  const result = aggregate(rule, contributions, defaultFixedPoint);
  console.log(`${rule.name}: ${[...result].map((value) => value.toFixed(3)).join(", ")}`);
}
