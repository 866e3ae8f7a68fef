/**
 * Parameters in kernel order. The microkernel reads weights in panels of up to four outputs, [k][width]; the world
 * knows them in PyTorch's order. Each block says for every element which element of the flat vector it is, and the
 * conversion is that table. Derived weights (transposed, flipped, summed) are tables too: filled once per step.
 */
import { fail } from "../../core/errors.js";
import type { KernelInstance } from "../../kernels/instance.js";

/** How n outputs are cut into panels: first those of 4, then of 3, then one of 1 or 2. */
export interface Tiling {
  readonly fours: number;
  readonly threes: number;
  readonly rest: number;
}

export function tiling(n: number): Tiling {
  if (n <= 2) return { fours: 0, threes: 0, rest: n };
  if (n === 5) return { fours: 0, threes: 1, rest: 2 };
  const panels = Math.ceil(n / 4);
  const threes = panels * 4 - n;
  return { fours: panels - threes, threes, rest: 0 };
}

/** Calls `visit(k, n)` for every weight in panel order. */
export function eachInPanels(depth: number, n: number, visit: (k: number, n: number) => void): void {
  const { fours, threes, rest } = tiling(n);
  const widths = [...Array<number>(fours).fill(4), ...Array<number>(threes).fill(3), ...(rest > 0 ? [rest] : [])];
  let first = 0;
  for (const width of widths) {
    for (let k = 0; k < depth; k++) for (let j = 0; j < width; j++) visit(k, first + j);
    first += width;
  }
}

/** Panel order of a matrix w[k][n] whose elements `element` names. */
export function panels(depth: number, n: number, element: (k: number, n: number) => number): number[] {
  const order: number[] = [];
  eachInPanels(depth, n, (k, j) => order.push(element(k, j)));
  return order;
}

/** A run of parameters in kernel order; offset in elements. */
export interface Block {
  readonly offset: number;
  readonly size: number;
  /** Kernel offset (from the start of all parameters) of an element of the flat vector. */
  at(canonical: number): number;
}

/** Derived weights; offset in elements of the derived region. */
export interface Derived {
  readonly offset: number;
}

/** Element -1 of a derived table is zero. */
export interface Parameters {
  /** Registers a block (or finds it again): canonical[i] is the place of element i in the flat vector. */
  block(key: string, role: "parameter" | "buffer", canonical: () => readonly number[]): Block;
  /** Registers derived weights: each element the sum of `terms` (1 or 2) parameters, by kernel offset. */
  derive(key: string, terms: 1 | 2, table: () => readonly number[]): Derived;
  /** Ends registration and lays memory out from `start`; returns its end. */
  freeze(instance: KernelInstance, start: number): number;
  /** Addresses, after freeze. */
  weight(block: Block): number;
  gradient(block: Block): number;
  derived(one: Derived): number;
  /** Trainable elements, filled up to a multiple of four. */
  readonly trainable: number;
  readonly theta: number;
  readonly reduced: number;
  readonly lanes: number;
  readonly unitLanes: number;
  /** Bytes from the gradients of one half of an octet to the other's, where they are kept apart. */
  readonly laneBytes: number;
  readonly moments: readonly [number, number];
  /** Fills the derived weights. */
  refresh(): void;
  /** Between the flat vector and kernel order. */
  load(values: Float32Array): void;
  save(into: Float32Array): void;
  /** Reads reduced gradients (four lanes summed) into the flat order. */
  saveReduced(into: Float32Array): void;
}

export function createParameters(flatSize: number): Parameters {
  const kernelOf = new Int32Array(flatSize).fill(-1);
  const blocks = new Map<string, Block>();
  const tables = new Map<string, { offset: number; terms: 1 | 2; table: readonly number[] }>();
  /** What fills the derived weights, once the layout is known. */
  const fills: { table: number; to: number; count: number; terms: number }[] = [];
  const roles = { parameter: [] as number[], buffer: [] as number[] };
  let derivedSize = 0;
  let instance: KernelInstance | undefined;
  const at = { theta: 0, buffers: 0, zero: 0, reduced: 0, lanes: 0, unitLanes: 0, first: 0, second: 0, derived: 0, tables: 0 };
  let trainable = 0;

  const frozen = (what: string): never => fail("INTERNAL", { where: what, expected: "registration before the layout", got: "a new key" });
  const ready = (): KernelInstance => instance ?? frozen("parameters");

  function block(key: string, role: "parameter" | "buffer", canonical: () => readonly number[]): Block {
    const known = blocks.get(key);
    if (known !== undefined) return known;
    if (instance !== undefined) frozen(key);
    const list = roles[role];
    const offset = list.length;
    const elements = canonical();
    for (const [i, element] of elements.entries()) {
      if (role === "parameter") kernelOf[element] = offset + i;
      list.push(element);
    }
    const made: Block = { offset: role === "parameter" ? offset : -1 - offset, size: elements.length, at: (element) => kernelOf[element] };
    blocks.set(key, made);
    return made;
  }

  function derive(key: string, terms: 1 | 2, table: () => readonly number[]): Derived {
    const known = tables.get(key);
    if (known !== undefined) return known;
    if (instance !== undefined) frozen(key);
    const made = { offset: derivedSize, terms, table: table() };
    derivedSize += Math.ceil(made.table.length / terms / 4) * 4;
    tables.set(key, made);
    return made;
  }

  function freeze(on: KernelInstance, start: number): number {
    const count = roles.parameter.length;
    trainable = Math.ceil(count / 4) * 4;
    const align = (value: number) => Math.ceil(value / 64) * 64;
    let end = align(start);
    const take = (bytes: number): number => {
      const first = end;
      end = align(end + bytes);
      return first;
    };
    at.theta = take(trainable * 4);
    at.buffers = take(roles.buffer.length * 4);
    at.zero = take(16);
    at.reduced = take(trainable * 4);
    at.first = take(trainable * 4);
    at.second = take(trainable * 4);
    at.lanes = take(trainable * 16);
    at.unitLanes = take(trainable * 32);
    at.derived = take(derivedSize * 4);
    let entries = 0;
    for (const { table } of tables.values()) entries += table.length;
    at.tables = take(entries * 4);
    on.reserve(end, "parameters");
    on.bytes().fill(0, start, end);
    let next = at.tables >> 2;
    const integers = on.integers();
    for (const { offset, terms, table } of tables.values()) {
      fills.push({ table: next * 4, to: at.derived + offset * 4, count: table.length / terms, terms });
      for (const element of table) integers[next++] = element < 0 ? at.zero - at.theta : element * 4;
    }
    instance = on;
    return end;
  }

  return {
    block,
    derive,
    freeze,
    weight: (one) => (one.offset >= 0 ? at.theta + one.offset * 4 : at.buffers + (-1 - one.offset) * 4),
    gradient: (one) => at.lanes + one.offset * 16,
    derived: (one) => at.derived + one.offset * 4,
    get trainable() {
      return trainable;
    },
    get theta() {
      return at.theta;
    },
    get reduced() {
      return at.reduced;
    },
    get lanes() {
      return at.lanes;
    },
    get unitLanes() {
      return at.unitLanes;
    },
    get laneBytes() {
      return trainable * 16;
    },
    get moments(): readonly [number, number] {
      return [at.first, at.second];
    },
    refresh() {
      const { permute } = ready().kernels;
      for (let i = 0; i < fills.length; i++) permute(at.theta, fills[i].table, fills[i].to, fills[i].count, fills[i].terms);
    },
    load(values) {
      const memory = ready().floats();
      for (const [i, element] of roles.parameter.entries()) memory[(at.theta >> 2) + i] = values[element];
      for (const [i, element] of roles.buffer.entries()) memory[(at.buffers >> 2) + i] = values[element];
    },
    save(into) {
      const memory = ready().floats();
      for (const [i, element] of roles.parameter.entries()) into[element] = memory[(at.theta >> 2) + i];
      for (const [i, element] of roles.buffer.entries()) into[element] = memory[(at.buffers >> 2) + i];
    },
    saveReduced(into) {
      const memory = ready().floats();
      for (const [i, element] of roles.parameter.entries()) into[element] = memory[(at.reduced >> 2) + i];
    },
  };
}
