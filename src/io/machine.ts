/** What this machine is, for the environment of a report and the default number of workers; no result depends on it. */
import { availableParallelism, cpus } from "node:os";

export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
}

export const thisMachine = (): Machine => ({
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  cpu: cpus()[0]?.model ?? "unknown",
});

export const cores = (): number => availableParallelism();
