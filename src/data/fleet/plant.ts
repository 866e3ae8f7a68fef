/** The machines of a simulated plant: model, age and site of each. */
import type { SeededRandom } from "../../core/random.js";
import { ageBands, ageShare, modelMixing, modelShare } from "./constants.js";

export interface Machine {
  /** Index into `models`. */
  readonly model: number;
  /** Years. */
  readonly age: number;
  /** Index of the site. */
  readonly site: number;
}

/** Machines in random order. Models fall as in the data (largest remainders); sites are as equal in size as can be. */
export function buildPlant(machines: number, sites: number, random: SeededRandom): Machine[] {
  const perModel = apportion(machines, modelShare);
  const order = random.permutation(machines);
  const model = new Int32Array(machines);
  const age = new Int32Array(machines);
  let next = 0;
  perModel.forEach((count, m) => {
    const perBand = apportion(count, ageShare[m]);
    perBand.forEach((inBand, b) => {
      const [low, high] = ageBands[b];
      for (let i = 0; i < inBand; i++) {
        const machine = order[next++];
        model[machine] = m;
        age[machine] = low + random.integer(high - low + 1);
      }
    });
  });
  const likeness = Float64Array.from(model, (m) => m + modelMixing * random.normal());
  const ranked = Array.from(likeness.keys()).sort((a, b) => likeness[a] - likeness[b] || a - b);
  const site = new Int32Array(machines);
  ranked.forEach((machine, rank) => {
    site[machine] = Math.floor((rank * sites) / machines);
  });
  return Array.from(model, (m, i) => ({ model: m, age: age[i], site: site[i] }));
}

/** Whole numbers in proportion to `shares` that add up to `total` (largest remainders, ties to the first). */
export function apportion(total: number, shares: readonly number[]): number[] {
  const sum = shares.reduce((a, b) => a + b, 0);
  const exact = shares.map((s) => (total * s) / sum);
  const whole = exact.map(Math.floor);
  const left = total - whole.reduce((a, b) => a + b, 0);
  const byRemainder = exact.map((_, i) => i).sort((a, b) => exact[b] - whole[b] - (exact[a] - whole[a]) || a - b);
  for (const i of byRemainder.slice(0, left)) whole[i] += 1;
  return whole;
}
