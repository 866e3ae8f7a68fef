/**
 * Convolution-like products on the microkernel: a window over an image (or a sequence), its adjoint by phases of the
 * stride, and its weight gradient. Dense layers are windows of one value; a transposed convolution is the adjoint
 * of an ordinary one and uses the same three with the roles of input and output exchanged.
 */

import { gradientPlace } from "./nodes.js";
import { type Block, type Derived, eachInPanels, tiling } from "./parameters.js";
import type { Build } from "./program.js";
import { address, border, pitchOf, slotBytes, type View } from "./storage.js";

/** From `wide` [h, w, c] to `narrow` [h', w', n] with kernel and stride. Weights are indexed [ky][kx][c] by n. */
export interface Windows {
  readonly wide: View;
  readonly narrow: View;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

/** Asks the wide side for the border that windows read beyond its edge. */
export function windowBorder({ wide, narrow, kernel, stride, padding }: Windows): void {
  const after = [0, 1].map((i) => {
    const [extent, positions] = i === 0 ? [wide.h, narrow.h] : [wide.w, narrow.w];
    return Math.max(0, (positions - 1) * stride[i] + kernel[i] - padding[i] - extent);
  });
  border(wide.on, padding[0], after[0], padding[1] * wide.c, after[1] * wide.c);
}

/** Loop bounds and steps shared by the product and the weight gradient; call when the layout is known. */
function geometry({ wide, narrow, kernel, stride, padding }: Windows) {
  const pitch = pitchOf(wide.on);
  const narrowPitch = pitchOf(narrow.on);
  let segments = kernel[0];
  let k = kernel[1] * wide.c;
  if (k * slotBytes === pitch) {
    k *= segments;
    segments = 1;
  }
  let rows = narrow.h;
  let cols = narrow.w;
  let xRow = stride[0] * pitch;
  let yRow = narrowPitch;
  let xCol = stride[1] * wide.c * slotBytes;
  let yCol = narrow.c * slotBytes;
  if (cols === 1 || (xRow === cols * xCol && yRow === cols * yCol)) {
    // One loop: the inner one should be long.
    if (cols === 1) [xCol, yCol] = [xRow, yRow];
    cols *= rows;
    rows = 1;
    xRow = 0;
    yRow = 0;
  }
  const corner = -padding[0] * pitch - padding[1] * wide.c * slotBytes;
  return { segments, segment: pitch, k, rows, cols, xRow, yRow, xCol, yCol, corner };
}

/** narrow = (bias or what is there) + windows of wide times weights. `start`: 0 zero, 1 bias, 2 add. */
export function product(build: Build, windows: Windows, weight: Block, bias: Block | undefined, start: number): void {
  const { wide, narrow } = windows;
  windowBorder(windows);
  build.each([wide.on, narrow.on], () => {
    const g = geometry(windows);
    const { fours, threes, rest } = tiling(narrow.c);
    const w = build.parameters.weight(weight);
    const b = bias === undefined ? 0 : build.parameters.weight(bias);
    const { affine } = build.kernels;
    return (octet) => {
      const x = address(wide.on, octet) + g.corner;
      const y = address(narrow.on, octet);
      affine(x, w, b, y, g.segments, g.segment, g.k, fours, threes, rest, g.rows, g.xRow, g.yRow, g.cols, g.xCol, g.yCol, start);
    };
  });
}

interface Phase {
  readonly from: readonly [number, number];
  readonly count: readonly [number, number];
  readonly taps: readonly [number, number];
  /** First narrow row and column read for the first wide position. */
  readonly first: readonly [number, number];
  readonly table: Derived;
}

/**
 * The adjoint: wide = start + sum over the windows that cover a position. For each phase of the stride the covering
 * taps are the same, so it is a window over `narrow` with a part of the kernel, turned round. Weights: element(ky, kx,
 * c, n) is the kernel offset of one weight. Phases without a tap take `start` alone.
 */
export function adjoint(
  build: Build,
  windows: Windows,
  key: string,
  element: (ky: number, kx: number, c: number, n: number) => number,
  bias: Block | undefined,
  start: number,
): void {
  const { wide, narrow, kernel, stride, padding } = windows;
  const phases: Phase[] = [];
  for (let py = 0; py < stride[0]; py++) {
    for (let px = 0; px < stride[1]; px++) {
      const axis = (i: 0 | 1, p: number) => {
        const [extent, positions] = i === 0 ? [wide.h, narrow.h] : [wide.w, narrow.w];
        const taps = p < kernel[i] ? Math.ceil((kernel[i] - p) / stride[i]) : 0;
        const from = (((p - padding[i]) % stride[i]) + stride[i]) % stride[i];
        const count = from < extent ? Math.floor((extent - 1 - from) / stride[i]) + 1 : 0;
        const first = (from + padding[i] - p) / stride[i] - Math.max(0, taps - 1);
        const before = taps === 0 ? 0 : Math.max(0, -first);
        const after = taps === 0 ? 0 : Math.max(0, first + taps - 1 + count - positions);
        return { taps, from, count, first: taps === 0 ? 0 : first, before, after };
      };
      const [y, x] = [axis(0, py), axis(1, px)];
      if (y.count === 0 || x.count === 0) continue;
      const empty = y.taps === 0 || x.taps === 0;
      const table = build.parameters.derive(`${key}.${py}.${px}`, 1, () => {
        const order: number[] = [];
        // A phase without taps reads one value with weight zero, so that only its start remains.
        if (empty) eachInPanels(1, wide.c, () => order.push(-1));
        else {
          eachInPanels(y.taps * x.taps * narrow.c, wide.c, (k, c) => {
            const n = k % narrow.c;
            const b = Math.floor(k / narrow.c) % x.taps;
            const a = Math.floor(k / narrow.c / x.taps);
            order.push(element(py + (y.taps - 1 - a) * stride[0], px + (x.taps - 1 - b) * stride[1], c, n));
          });
        }
        return order;
      });
      if (!empty) border(narrow.on, y.before, y.after, x.before * narrow.c, x.after * narrow.c);
      phases.push({
        from: [y.from, x.from],
        count: [y.count, x.count],
        taps: empty ? [0, 0] : [y.taps, x.taps],
        first: empty ? [0, 0] : [y.first, x.first],
        table,
      });
    }
  }
  build.each([wide.on, narrow.on], () => {
    const { fours, threes, rest } = tiling(wide.c);
    const b = bias === undefined ? 0 : build.parameters.weight(bias);
    const widePitch = pitchOf(wide.on);
    const pitch = pitchOf(narrow.on);
    const { affine } = build.kernels;
    const calls = phases.map(({ from, count, taps, first, table }) => {
      const empty = taps[0] === 0;
      let segments = empty ? 1 : taps[0];
      let k = empty ? 1 : taps[1] * narrow.c;
      if (!empty && k * slotBytes === pitch) {
        k *= segments;
        segments = 1;
      }
      const step = empty ? 0 : pitch;
      const stepCol = empty ? 0 : narrow.c * slotBytes;
      const rowsFirst = count[1] === 1;
      return {
        x: first[0] * pitch + first[1] * narrow.c * slotBytes,
        y: from[0] * widePitch + from[1] * wide.c * slotBytes,
        w: build.parameters.derived(table),
        segments,
        k,
        rows: rowsFirst ? 1 : count[0],
        cols: rowsFirst ? count[0] : count[1],
        xRow: step,
        yRow: stride[0] * widePitch,
        xCol: rowsFirst ? step : stepCol,
        yCol: rowsFirst ? stride[0] * widePitch : stride[1] * wide.c * slotBytes,
      };
    });
    return (octet) => {
      const x = address(narrow.on, octet);
      const y = address(wide.on, octet);
      for (const c of calls) {
        affine(
          x + c.x,
          c.w,
          b,
          y + c.y,
          c.segments,
          pitch,
          c.k,
          fours,
          threes,
          rest,
          c.rows,
          c.xRow,
          c.yRow,
          c.cols,
          c.xCol,
          c.yCol,
          start,
        );
      }
    };
  });
}

/** Bytes of inputs and deltas that one block of positions may cover, to stay in the first-level cache. */
const blockBytes = 24 * 1024;

/**
 * How a weight gradient is cut: `depth` inputs and `length` positions at a time. Wider cuts read the deltas less often,
 * longer ones the gradients; both come from the second-level cache.
 */
export function gradientBlocks(k: number, positions: number): { readonly depth: number; readonly length: number } {
  const parts = k <= 160 ? 1 : Math.ceil(k / 128);
  const depth = Math.min(k, 2 * Math.ceil(k / parts / 2));
  const most = Math.max(4, Math.floor(blockBytes / ((depth + 4) * slotBytes)));
  return { depth, length: Math.ceil(positions / Math.ceil(positions / most)) };
}

/**
 * Weight gradient: windows of `wide` against `narrow`. With few positions per example it waits for all octets and sums
 * over them in registers.
 */
export function windowGradient(build: Build, windows: Windows, weight: Block): void {
  const { wide, narrow, kernel } = windows;
  const depth = kernel[0] * kernel[1] * wide.c;
  const positions = narrow.h * narrow.w;
  const { fours, threes, rest } = tiling(narrow.c);
  const { weightGradient } = build.kernels;
  windowBorder(windows);
  const late = build.mode === "train" && positions < 8 && kernel[0] * kernel[1] === 1;
  const bind = () => {
    const g = geometry(windows);
    const { base, lanes } = gradientPlace(build);
    const at = base + weight.offset * 16;
    const { segments, segment, k } = g;
    /** All of rows x cols positions, in blocks of k and of the longer loop; what does not depend on the octet is cut once. */
    const blocks = (rows: number, xRow: number, zRow: number, cols: number, xCol: number, zCol: number) => {
      // Several segments are a small kernel over an image: only rows are cut, by what a row of windows covers.
      const byRows = rows > 1;
      const cut = gradientBlocks(segments > 1 ? Math.ceil((xRow * rows) / slotBytes / Math.max(1, rows)) : k, byRows ? rows : cols);
      const part = segments > 1 ? k : cut.depth;
      const parts: { x: number; z: number; first: number; kk: number; nr: number; nc: number }[] = [];
      for (let first = 0; first < k; first += part) {
        const kk = Math.min(part, k - first);
        const from = g.corner + first * slotBytes;
        for (let p = 0; p < (byRows ? rows : cols); p += cut.length) {
          const n = Math.min(cut.length, (byRows ? rows : cols) - p);
          const [px, pz] = byRows ? [p * xRow, p * zRow] : [p * xCol, p * zCol];
          const [nr, nc] = byRows ? [n, cols] : [1, n];
          parts.push({ x: from + px, z: pz, first, kk, nr, nc });
        }
      }
      return (x: number, z: number) => {
        for (const { x: px, z: pz, first, kk, nr, nc } of parts) {
          weightGradient(
            x + px,
            z + pz,
            at,
            lanes,
            segments,
            segment,
            kk,
            first,
            depth,
            fours,
            threes,
            rest,
            0,
            nr,
            xRow,
            zRow,
            nc,
            xCol,
            zCol,
          );
        }
      };
    };
    const one = blocks(g.rows, g.xRow, g.yRow, g.cols, g.xCol, g.yCol);
    if (!late) return (octet: number) => one(address(wide.on, octet), address(narrow.on, octet));
    // geometry has merged the positions of an octet where it can; then octets are the rows, or with one position the columns.
    const [xs, zs] = [wide.on.stride, narrow.on.stride];
    const all = new Map<number, (x: number, z: number) => void>();
    return (octets: number) => {
      const [x, z] = [address(wide.on, 0), address(narrow.on, 0)];
      if (g.rows > 1) {
        for (let o = 0; o < octets; o++) one(x + o * xs, z + o * zs);
        return;
      }
      // Batches come in two sizes: the full one and the last of an epoch.
      if (!all.has(octets)) {
        if (all.size > 2) all.clear();
        all.set(octets, g.cols === 1 ? blocks(1, 0, 0, octets, xs, zs) : blocks(octets, xs, zs, g.cols, g.xCol, g.yCol));
      }
      all.get(octets)!(x, z);
    };
  };
  if (late) build.late([wide.on, narrow.on], bind);
  else build.each([wide.on, narrow.on], bind);
}

/** Bias gradient: the sum of `of` over its positions. */
export function biasGradient(build: Build, of: View, bias: Block): void {
  build.each([of.on], () => {
    const { base, lanes } = gradientPlace(build);
    const pitch = pitchOf(of.on);
    return (octet) =>
      build.kernels.biasGradient(
        address(of.on, octet),
        base + bias.offset * 16,
        lanes,
        0,
        1,
        of.c,
        of.c,
        of.h,
        pitch,
        of.w,
        of.c * slotBytes,
      );
  });
}
