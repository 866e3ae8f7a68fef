/**
 * LSTM and GRU, one or both directions. Forward and backward through time run inside one kernel call each; the weight
 * gradients are taken after it, with time as the sum in registers, in blocks that stay in the first-level cache.
 */
import type { Gru, Lstm } from "../spec.js";
import { type Context, type Emitted, gradientPlace, work } from "./nodes.js";
import { type Block, type Derived, panels, tiling } from "./parameters.js";
import { address, pitchOf, type Storage, slotBytes } from "./storage.js";
import { gradientBlocks } from "./windows.js";

/** Parameters of one direction, in kernel order. */
interface Cell {
  readonly lstm: boolean;
  /** LSTM: one block for both inputs; GRU: input weights. */
  readonly wx: Block;
  readonly wh: Block;
  readonly bx: Block;
  readonly bh: Block;
  readonly bias: Derived;
  readonly backX: Derived;
  readonly backH: Derived;
}

export function emitRecurrent(context: Context, node: Lstm | Gru): Emitted {
  const { kernels, parameters } = context;
  const [input] = context.inputs;
  const x = input.view;
  const value = context.output();
  const y = value.view.on;
  const steps = x.h;
  const features = x.c;
  const units = node.units;
  const row = units * slotBytes;
  const all = node.output === "all";
  // Odd, so that the same gate of successive steps does not fall into one set of the cache.
  const gateStep = (units | 1) * 4 * slotBytes;
  const back = tiling(units);
  const backX = tiling(features);

  const directions = (node.bidirectional === true ? ["", "_reverse"] : [""]).map((suffix, d) => ({
    d,
    cell: node.use === "lstm" ? lstmCell(context, suffix, features, units) : gruCell(context, suffix, features, units),
    gates: work(`${node.name} gates${suffix}`, steps * (units | 1) * 4),
    cells: work(`${node.name} cells${suffix}`, steps * units * 2),
    /** States in the order they were computed, where the output does not keep them. */
    states: all ? undefined : work(`${node.name} states${suffix}`, steps * units),
  }));
  type Direction = (typeof directions)[number];

  /** Address and step of the first input, and of the first state. */
  const inputAt = (d: number, octet: number, of: Storage) => {
    const pitch = pitchOf(of);
    return d === 0 ? { at: address(of, octet), step: pitch } : { at: address(of, octet) + (steps - 1) * pitch, step: -pitch };
  };
  const stateAt = ({ d, states }: Direction, octet: number) => {
    if (states !== undefined) return { at: address(states, octet), step: row };
    const { at, step } = inputAt(d, octet, y);
    return { at: at + d * row, step };
  };

  for (const direction of directions) {
    const { d, cell, gates, cells, states } = direction;
    context.each([x.on, y, gates, cells, ...(states ? [states] : [])], () => {
      const w = parameters.weight(cell.wx);
      const wh = parameters.weight(cell.wh);
      const b = parameters.derived(cell.bias);
      return (octet) => {
        const from = inputAt(d, octet, x.on);
        const to = stateAt(direction, octet);
        const g = address(gates, octet);
        const c = address(cells, octet);
        if (cell.lstm) {
          kernels.lstmForward(from.at, from.step, to.at, to.step, g, gateStep, c, c + steps * row, w, b, steps, features, units);
        } else kernels.gruForward(from.at, from.step, to.at, to.step, g, gateStep, w, wh, b, steps, features, units);
        if (states !== undefined) kernels.copy(to.at + (steps - 1) * row, address(y, octet) + d * row, 1, row, 0, 0, 0);
      };
    });
  }

  const backward = () => {
    const dy = value.gradient!.on;
    for (const direction of directions) {
      const { d, cell, gates, cells, states } = direction;
      const carry = work(`${node.name} carry`, units);
      const kept = states ?? y;
      context.each([dy, gates, cells, carry, kept], () => {
        const wt = parameters.derived(cell.backH);
        return (octet) => {
          const h = stateAt(direction, octet);
          const first = all ? inputAt(d, octet, dy) : { at: address(dy, octet), step: 0 };
          const dh = first.at + (steps - 1) * first.step + d * row;
          const g = address(gates, octet);
          const c = address(cells, octet);
          const last = all ? 1 : 0;
          if (cell.lstm) {
            const squashed = c + steps * row;
            const dc = address(carry, octet);
            kernels.lstmBackward(dh, first.step, last, g, gateStep, c, squashed, dc, wt, back.fours, back.threes, back.rest, steps, units);
          } else {
            const end = h.at + (steps - 1) * h.step;
            const work = address(carry, octet);
            kernels.gruBackward(dh, first.step, last, end, h.step, g, gateStep, work, wt, back.fours, back.threes, back.rest, steps, units);
          }
        };
      });
      // Few steps: one sum over all octets instead of a short one for each.
      const late = context.mode === "train" && steps < 8;
      const uses = [x.on, gates, kept];
      const gradient = () => {
        const rows = late ? { x: x.on.stride, h: kept.stride, gates: gates.stride } : { x: 0, h: 0, gates: 0 };
        const [xStep, hStep] = [inputAt(d, 0, x.on).step, stateAt(direction, 0).step];
        const run = recurrentGradient(context, cell, { ...gradientPlace(context), steps, features, units, xStep, hStep, rows });
        if (late) return (octets: number) => run(inputAt(d, 0, x.on).at, stateAt(direction, 0).at, address(gates, 0), octets);
        return (octet: number) => run(inputAt(d, octet, x.on).at, stateAt(direction, octet).at, address(gates, octet), 1);
      };
      if (late) context.late(uses, gradient);
      else context.each(uses, gradient);
      const dx = input.gradient;
      if (dx === undefined) continue;
      const start = context.adds(dx) === 1 ? 2 : 0;
      context.each([gates, dx.on], () => {
        const w = parameters.derived(cell.backX);
        const { fours, threes, rest } = backX;
        return (octet) => {
          const to = inputAt(d, octet, dx.on);
          const g = address(gates, octet);
          kernels.affine(g, w, 0, to.at, 1, 0, 4 * units, fours, threes, rest, 1, 0, 0, steps, gateStep, to.step, start);
        };
      });
    }
  };
  return { value, backward };
}

interface GradientOf {
  readonly base: number;
  readonly lanes: number;
  readonly steps: number;
  readonly features: number;
  readonly units: number;
  /** Bytes from one step to the next. */
  readonly xStep: number;
  readonly hStep: number;
  /** Bytes between octets that are summed in one call. */
  readonly rows: { readonly x: number; readonly h: number; readonly gates: number };
}

/** One call of the weight gradient: what does not depend on the octet. */
interface Part {
  readonly ofInput: boolean;
  readonly at: number;
  readonly gates: number;
  readonly g: number;
  readonly k: number;
  readonly first: number;
  readonly depth: number;
  readonly length: number;
}

/** Adds the gradients of a cell's weights for `count` octets, the first of which lies at x, h and gates. */
function recurrentGradient(context: Context, cell: Cell, of: GradientOf): (x: number, h: number, gates: number, count: number) => void {
  const { weightGradient, biasGradient } = context.kernels;
  const { base, lanes, steps, features, units, xStep, hStep, rows } = of;
  const gateRow = (units | 1) * 4 * slotBytes;
  const [fours, threes, zTile] = cell.lstm ? [units, 0, 0] : [0, units, 4 * slotBytes];
  const parts: Part[] = [];
  const panel = (ofInput: boolean, z: number, g: number, k: number, offset: number, depth: number, count: number) => {
    if (count === 0) return;
    const cut = gradientBlocks(k, count);
    const step = ofInput ? xStep : hStep;
    for (let i = 0; i < k; i += cut.depth) {
      for (let t = 0; t < count; t += cut.length) {
        const [n, length] = [Math.min(cut.depth, k - i), Math.min(cut.length, count - t)];
        const at = t * step + i * slotBytes;
        parts.push({ ofInput, at, gates: z + t * gateRow, g, k: n, first: offset + i, depth, length });
      }
    }
  };
  const wx = base + cell.wx.offset * 16;
  const wh = base + cell.wh.offset * 16;
  const bx = base + cell.bx.offset * 16;
  const bh = base + cell.bh.offset * 16;
  if (cell.lstm) {
    panel(true, 0, wx, features, 0, features + units, steps);
    panel(false, gateRow, wx, units, features, features + units, steps - 1);
  } else {
    panel(true, 0, wx, features, 0, features, steps);
    panel(false, gateRow + slotBytes, wh, units, 0, units, steps - 1);
  }
  return (x, h, gates, count) => {
    for (const part of parts) {
      const { ofInput, g, k, first, depth, length } = part;
      const [p, z] = [(ofInput ? x : h) + part.at, gates + part.gates];
      const [row, step] = ofInput ? [rows.x, xStep] : [rows.h, hStep];
      weightGradient(p, z, g, lanes, 1, 0, k, first, depth, fours, threes, 0, zTile, count, row, rows.gates, length, step, gateRow);
    }
    if (cell.lstm) biasGradient(gates, bx, lanes, bh - bx, 1, 4 * units, 4 * units, count, rows.gates, steps, gateRow);
    else {
      biasGradient(gates, bx, lanes, 0, units, 3, 4, count, rows.gates, steps, gateRow);
      biasGradient(gates + slotBytes, bh, lanes, 0, units, 3, 4, count, rows.gates, steps, gateRow);
    }
  };
}

function lstmCell(context: Context, suffix: string, features: number, units: number): Cell {
  const { parameters, tensors, node } = context;
  const key = `${node.name}${suffix}`;
  const ih = tensors.get(`weight_ih_l0${suffix}`)!;
  const hh = tensors.get(`weight_hh_l0${suffix}`)!;
  // Output n of the panels is gate n%4 (i, f, o, g) of unit n/4; PyTorch keeps the gates (i, f, g, o) one after the other.
  const rowOf = (n: number) => [0, 1, 3, 2][n & 3] * units + (n >> 2);
  const input = (k: number, n: number) => ih + rowOf(n) * features + k;
  const hidden = (k: number, n: number) => hh + rowOf(n) * units + k;
  const wx = parameters.block(`${key}.weight`, "parameter", () =>
    panels(features + units, 4 * units, (k, n) => (k < features ? input(k, n) : hidden(k - features, n))),
  );
  const biasBlock = (name: string) => {
    const first = tensors.get(`${name}_l0${suffix}`)!;
    return parameters.block(`${key}.${name}`, "parameter", () => Array.from({ length: 4 * units }, (_, n) => first + rowOf(n)));
  };
  const bx = biasBlock("bias_ih");
  const bh = biasBlock("bias_hh");
  return {
    lstm: true,
    wx,
    wh: wx,
    bx,
    bh,
    bias: parameters.derive(`${key}.bias`, 2, () => Array.from({ length: 4 * units }, (_, n) => [bx.offset + n, bh.offset + n]).flat()),
    backX: parameters.derive(`${key}.backX`, 1, () => panels(4 * units, features, (n, k) => wx.at(input(k, n)))),
    backH: parameters.derive(`${key}.backH`, 1, () => panels(4 * units, units, (n, k) => wx.at(hidden(k, n)))),
  };
}

function gruCell(context: Context, suffix: string, features: number, units: number): Cell {
  const { parameters, tensors, node } = context;
  const key = `${node.name}${suffix}`;
  // PyTorch's gates r, z, n; a unit's slots here are n, r, z, m, the input's three first, the hidden state's three last.
  const xRows = [2, 0, 1];
  const hRows = [0, 1, 2];
  const threes = (first: number, rows: readonly number[], depth: number) => {
    const order: number[] = [];
    for (let u = 0; u < units; u++) {
      for (let k = 0; k < depth; k++) for (const gate of rows) order.push(first + (gate * units + u) * depth + k);
    }
    return order;
  };
  const at = (name: string) => tensors.get(`${name}_l0${suffix}`)!;
  const wx = parameters.block(`${key}.input`, "parameter", () => threes(at("weight_ih"), xRows, features));
  const wh = parameters.block(`${key}.hidden`, "parameter", () => threes(at("weight_hh"), hRows, units));
  const bx = parameters.block(`${key}.bias_ih`, "parameter", () => threes(at("bias_ih"), xRows, 1));
  const bh = parameters.block(`${key}.bias_hh`, "parameter", () => threes(at("bias_hh"), hRows, 1));
  const slots = (u: number) => {
    const [b, h] = [bx.offset + 3 * u, bh.offset + 3 * u];
    return [b, -1, b + 1, h, b + 2, h + 1, -1, h + 2];
  };
  // Slot n%4 of unit n/4 back to its weight; slots that do not come from this side have none.
  const from = (block: Block, depth: number, slot: number, u: number, k: number) =>
    slot < 0 || slot > 2 ? -1 : block.offset + (u * depth + k) * 3 + slot;
  return {
    lstm: false,
    wx,
    wh,
    bx,
    bh,
    bias: parameters.derive(`${key}.bias`, 2, () => Array.from({ length: units }, (_, u) => slots(u)).flat()),
    backX: parameters.derive(`${key}.backX`, 1, () => panels(4 * units, features, (n, k) => from(wx, features, n & 3, n >> 2, k))),
    backH: parameters.derive(`${key}.backH`, 1, () => panels(4 * units, units, (n, k) => from(wh, units, (n & 3) - 1, n >> 2, k))),
  };
}
