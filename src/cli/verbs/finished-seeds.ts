/**
 * Results of seeds that are done while others of the same command are not, so that `--resume` need not run them again. A stored result is
 * used only for the same file, seed, scenarios and kernels: anything else would mix two experiments into one mean.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dropEmptyFolder } from "../../io/store/checkpoint.js";
import { kernelVersion } from "../../kernels/instance.js";
import type { SimulationResult } from "../../lab/result.js";
import { readFile } from "../federation.js";
import { readResult, writeWhole } from "./files.js";

export interface FinishedSeeds {
  /** The stored result of a seed, if it is of the same run. */
  readonly get: (seed: number) => SimulationResult | undefined;
  readonly put: (result: SimulationResult) => void;
  /** Forgets the results, and the folder where nothing else is in it. */
  readonly clear: () => void;
  /** The seed in the file. */
  readonly seed: number;
}

/** `folder` is where the run keeps its state. Errors: FILE_UNREADABLE, FILE_INVALID, FILE_UNWRITABLE. */
export function finishedSeeds(folder: string, file: string, compare: boolean | undefined): FinishedSeeds {
  const plan = readFile(file);
  const written: string[] = [];
  const place = (seed: number): string => join(folder, `seed-${seed}${compare === undefined ? "" : compare ? "-all" : "-federated"}.json`);
  return {
    seed: plan.seed,
    get(seed) {
      const path = place(seed);
      if (!existsSync(path)) return undefined;
      const stored = readResult(path);
      if (stored.format !== "millwright-result/1" || stored.environment.kernels !== kernelVersion) return undefined;
      if (stored.seed !== seed || JSON.stringify(stored.file) !== JSON.stringify(plan)) return undefined;
      written.push(path);
      return stored;
    },
    put(result) {
      writeWhole(place(result.seed), JSON.stringify(result));
      written.push(place(result.seed));
    },
    clear() {
      for (const path of written) rmSync(path, { force: true });
      dropEmptyFolder(folder);
    },
  };
}
