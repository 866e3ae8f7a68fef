/**
 * Gradients per privacy unit. A lane holds one unit; its examples follow each other octet by octet while the lane's
 * gradient adds up, then the lane is measured, clipped and added to the total. So a unit is clipped once, as one, and
 * no gradient of a single example is ever written out.
 */
import { fail } from "../../core/errors.js";
import type { ExampleData, UnitGradients } from "../engine.js";
import type { EngineState } from "../engine-wasm.js";
import type { LossSpec } from "../spec.js";
import { fillBatch } from "./batches.js";

export interface UnitOptions {
  readonly loss: LossSpec;
  readonly units: Int32Array;
  readonly clip?: number;
  readonly mode?: "train" | "evaluate";
  readonly seed?: string;
}

export function unitGradients(state: EngineState, data: ExampleData, options: UnitOptions, size: number): UnitGradients {
  const { instance, parameters, facts } = state;
  const { kernels } = instance;
  const { units, clip } = options;
  if (units.length !== data.count) {
    fail("SHAPE_MISMATCH", { where: "units", expected: `${data.count} unit numbers, one per example`, got: String(units.length) });
  }
  if (clip !== undefined && !(clip > 0 && Number.isFinite(clip))) {
    fail("FILE_INVALID", { where: "clip", expected: "a positive, finite number", got: String(clip) });
  }
  const training = options.mode === "train";
  const program = state.prepare(data, { mode: "units", training, loss: options.loss }, 8);
  const nextKeys = state.setKeys(options.seed ?? "units", "units");
  kernels.fill(parameters.lanes, parameters.laneBytes);
  kernels.fill(parameters.unitLanes, 2 * parameters.laneBytes);
  // Units in the order of their first example; long ones together, so that lanes do not wait for each other.
  const members = new Map<number, number[]>();
  for (const [example, unit] of units.entries()) {
    const list = members.get(unit);
    if (list === undefined) members.set(unit, [example]);
    else list.push(example);
  }
  const all = [...members.values()];
  const order = all.map((_, i) => i).sort((a, b) => all[b].length - all[a].length || a - b);
  const norms = new Float64Array(all.length);
  const scratch = Math.ceil(facts.out / 64) * 64;
  instance.reserve(scratch + 64, "norms");
  const row = new Int32Array(8);
  for (let first = 0; first < order.length; first += 8) {
    const block = order.slice(first, first + 8);
    const rounds = all[block[0]].length;
    for (let r = 0; r < rounds; r++) {
      row.fill(-1);
      for (const [lane, unit] of block.entries()) if (r < all[unit].length) row[lane] = all[unit][r];
      nextKeys();
      facts.loss = 0;
      program.run(fillBatch(instance, facts, row, 1));
      if (!Number.isFinite(facts.loss)) {
        fail("TRAINING_DIVERGED", { where: "unit gradients", expected: "a finite loss", got: String(facts.loss) });
      }
    }
    for (const half of [0, 1]) {
      const from = parameters.unitLanes + half * parameters.laneBytes;
      kernels.clipUnits(from, parameters.lanes, parameters.trainable, clip ?? 0, scratch);
      const found = instance.doubles().subarray(scratch >> 3, (scratch >> 3) + 4);
      for (let lane = 0; lane < 4; lane++) {
        const unit = block[half * 4 + lane];
        if (unit === undefined) continue;
        if (!Number.isFinite(found[lane])) {
          const where = `unit ${units[all[unit][0]]}`;
          fail("TRAINING_DIVERGED", { where, expected: "a finite gradient", got: String(found[lane]) });
        }
        norms[unit] = found[lane];
      }
    }
  }
  kernels.reduceLanes(parameters.lanes, parameters.reduced, parameters.trainable);
  const sum = new Float32Array(size);
  parameters.saveReduced(sum);
  return { norms, sum };
}
