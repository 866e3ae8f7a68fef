/**
 * A program is the list of kernel calls of one pass over a batch, with all addresses fixed. Operations run octet by
 * octet, so that a model without batch norm needs the activations of one octet only, whatever the batch. An operation
 * marked `all` needs every octet (batch norm's statistics; weight gradients that sum over octets in registers): it
 * ends a phase, and what crosses it keeps an arena per octet.
 */

import type { Kernels } from "../../kernels/binary.js";
import type { KernelInstance } from "../../kernels/instance.js";
import type { Parameters } from "./parameters.js";
import { place, type Storage } from "./storage.js";

/** `run(octet)` for each octet of the batch, or for `all` once as `run(octets)`. */
export type Run = (octet: number) => void;

export interface Operation {
  readonly all: boolean;
  readonly uses: readonly Storage[];
  /** Called when addresses are known. */
  readonly bind: () => Run;
}

/** `train` sums gradients over the batch, `units` keeps one gradient per lane, `predict` has no way back. */
export type Mode = "train" | "units" | "predict";

/** Where the facts of the current batch lie, and what changes from step to step. */
export interface BatchFacts {
  /** Example numbers (i32), 1 or 0 for padding (f32), loss scale (f32), flips (u8); one entry per lane of all octets. */
  order: number;
  valid: number;
  scale: number;
  flags: number;
  /** Sum of scaled losses, as the loss operations add it up. */
  loss: number;
  /** Two words per dropout node. */
  readonly keys: Int32Array;
  flipped: boolean;
  /** Examples of this batch. */
  count: number;
  /** Where the values of each input, and last of the targets, lie. */
  readonly sources: Source[];
  /** Where predictions go, one row per example. */
  out: number;
  /** Class weights (f64), or 0. */
  classWeights: number;
}

/** Rows of `width` values; example i begins at row starts[i]. */
export interface Source {
  readonly rows: number;
  readonly starts: number;
  readonly width: number;
}

export interface Build {
  readonly mode: Mode;
  /** Layers behave as in training (dropout, batch statistics). */
  readonly training: boolean;
  readonly kernels: Kernels;
  readonly instance: KernelInstance;
  readonly parameters: Parameters;
  readonly facts: BatchFacts;
  each(uses: readonly Storage[], bind: () => Run): void;
  all(uses: readonly Storage[], bind: () => Run): void;
  /** Runs once after everything else, over all octets. */
  late(uses: readonly Storage[], bind: () => Run): void;
}

export interface Program {
  /** End of the memory it uses, laid out from `start`; call again when the memory was used for something else. */
  readonly end: number;
  clear(): void;
  run(octets: number): void;
}

export function createBuild(parts: Omit<Build, "each" | "all" | "late">): { build: Build; operations: Operation[]; last: Operation[] } {
  const operations: Operation[] = [];
  const last: Operation[] = [];
  const build: Build = {
    ...parts,
    each: (uses, bind) => operations.push({ all: false, uses, bind }),
    all: (uses, bind) => operations.push({ all: true, uses, bind }),
    late: (uses, bind) => last.push({ all: true, uses, bind }),
  };
  return { build, operations, last };
}

/** Lays out memory from `start` for up to `octets` octets and binds every operation. */
export function link(operations: readonly Operation[], instance: KernelInstance, start: number, octets: number, what: string): Program {
  let phase = 0;
  const storages = new Set<Storage>();
  const phases: { all: boolean; operations: Operation[] }[] = [];
  for (const [i, operation] of operations.entries()) {
    const before = phases[phases.length - 1];
    if (before === undefined || operation.all || before.all) {
      phase = phases.push({ all: operation.all, operations: [operation] }) - 1;
    } else before.operations.push(operation);
    for (const one of operation.uses) {
      storages.add(one);
      one.first = Math.min(one.first, i);
      one.last = Math.max(one.last, i);
      one.phases.add(operation.all ? -1 - phase : phase);
    }
  }
  // Persistent storages live while any octet needs them: from the start of their first phase to the end of their last.
  const starts: number[] = [];
  const ends: number[] = [];
  let count = 0;
  for (const { operations: members } of phases) {
    starts.push(count);
    count += members.length;
    ends.push(count - 1);
  }
  const shared = (one: Storage) => one.phases.size === 1 && [...one.phases][0] >= 0;
  for (const one of storages) {
    if (shared(one)) continue;
    const touched = [...one.phases].map((p) => (p < 0 ? -1 - p : p));
    one.first = starts[Math.min(...touched)];
    one.last = ends[Math.max(...touched)];
  }
  const end = place([...storages], shared, start, octets);
  instance.reserve(end, what);
  const bound = phases.map(({ all, operations: members }) => ({ all, runs: members.map((one) => one.bind()) }));
  return {
    end,
    clear: () => instance.bytes().fill(0, start, end),
    run(count) {
      for (let p = 0; p < bound.length; p++) {
        const { all, runs } = bound[p];
        const [first, end] = all ? [count, count + 1] : [0, count];
        for (let octet = first; octet < end; octet++) for (let i = 0; i < runs.length; i++) runs[i](octet);
      }
    },
  };
}
