/** Nodes without parameters: activations, pools, dropout, and moves of values (flatten, concat, repeat, ...). */
import { poolWindows } from "../geometry.js";
import type { Activation, Concat, Dropout, Flatten, Pool, Repeat, Upsample1d } from "../spec.js";
import type { Context, Emitted, Value } from "./nodes.js";
import { address, flat, pitchOf, type Storage, slotBytes, type View } from "./storage.js";

const kinds = { relu: 0, sigmoid: 1, tanh: 2, gelu: 3 } as const;

/** Rows, bytes per row and pitches of a pass over whole storages of equal shape. */
export function sweep(...all: readonly Storage[]) {
  const [{ rows, run }] = all;
  return flat(...all)
    ? { rows: 1, run: rows * run * slotBytes, pitches: all.map(() => 0) }
    : { rows, run: run * slotBytes, pitches: all.map(pitchOf) };
}

export function emitActivation(context: Context, node: Activation): Emitted {
  const { kernels } = context;
  const [input] = context.inputs;
  const x = input.view;
  const value = context.output();
  const y = value.view;
  if (node.use === "softmax") {
    context.each([x.on, y.on], () => {
      const [a, b] = [pitchOf(x.on), pitchOf(y.on)];
      return (octet) => kernels.softmax(address(x.on, octet), address(y.on, octet), x.h, x.w, x.c, a, b);
    });
  } else {
    const kind = kinds[node.use];
    context.each([x.on, y.on], () => {
      const { rows, run, pitches } = sweep(x.on, y.on);
      return (octet) => kernels.activate(kind, address(x.on, octet), address(y.on, octet), rows, run, pitches[0], pitches[1]);
    });
  }
  return {
    value,
    backward: () => {
      const dx = input.gradient;
      if (dx === undefined) return;
      const dy = value.gradient!;
      const add = context.adds(dx);
      const from = node.use === "gelu" ? x : y;
      context.each([from.on, dy.on, dx.on], () => {
        const at = (octet: number) => [address(from.on, octet), address(dy.on, octet), address(dx.on, octet)] as const;
        if (node.use === "softmax") {
          const [a, b, c] = [pitchOf(from.on), pitchOf(dy.on), pitchOf(dx.on)];
          return (octet) => kernels.softmaxBackward(...at(octet), x.h, x.w, x.c, a, b, c, add);
        }
        const kind = kinds[node.use];
        const { rows, run, pitches } = sweep(from.on, dy.on, dx.on);
        return (octet) => kernels.activateBackward(kind, ...at(octet), rows, run, pitches[0], pitches[1], pitches[2], add);
      });
    },
  };
}

export function emitDropout(context: Context, node: Dropout, index: number): Emitted {
  const { kernels, facts } = context;
  const [input] = context.inputs;
  const value = context.output();
  const limit = Math.round((1 - node.rate) * 16777216);
  const scale = 1 / (1 - node.rate);
  const pass = (from: View, to: View, add: number) =>
    context.each([from.on, to.on], () => {
      const { rows, run, pitches } = sweep(from.on, to.on);
      return (octet) =>
        kernels.dropout(
          address(from.on, octet),
          address(to.on, octet),
          rows,
          run,
          pitches[0],
          pitches[1],
          octet * 8,
          facts.keys[2 * index],
          facts.keys[2 * index + 1],
          limit,
          scale,
          add,
        );
    });
  pass(input.view, value.view, 0);
  return {
    value,
    backward: () => {
      if (input.gradient !== undefined) pass(value.gradient!, input.gradient, context.adds(input.gradient));
    },
  };
}

export function emitPool(context: Context, node: Pool): Emitted {
  const { kernels } = context;
  const [input] = context.inputs;
  const x = input.view;
  const value = context.output();
  const y = value.view;
  const max = node.use === "max-pool" ? 1 : 0;
  const windows = poolWindows(node, context.inputShapes[0]);
  const across = windows[1] ?? { kernel: 1, stride: 1 };
  const [ky, sy] = [windows[0].kernel, windows[0].stride];
  const [kx, sx] = [across.kernel, across.stride];
  context.each([x.on, y.on], () => {
    const [a, b] = [pitchOf(x.on), pitchOf(y.on)];
    return (octet) => kernels.pool(max, address(x.on, octet), address(y.on, octet), x.h, x.w, a, y.h, y.w, b, x.c, ky, kx, sy, sx);
  });
  return {
    value,
    backward: () => {
      const dx = input.gradient;
      if (dx === undefined) return;
      const dy = value.gradient!;
      const add = context.adds(dx);
      context.each([x.on, y.on, dy.on, dx.on], () => {
        const [a, b, c, d] = [pitchOf(x.on), pitchOf(dx.on), pitchOf(y.on), pitchOf(dy.on)];
        const once = sy === ky && sx === kx && y.h * sy >= x.h && y.w * sx >= x.w;
        const store = add === 0 && once;
        return (octet) => {
          const to = address(dx.on, octet);
          if (add === 0 && !once) for (let r = 0; r < x.h; r++) kernels.fill(to + r * b, x.w * x.c * slotBytes);
          const [at, out, from] = [address(x.on, octet), address(y.on, octet), address(dy.on, octet)];
          kernels.poolBackward(max, at, out, from, to, x.h, x.w, a, b, y.h, y.w, c, d, x.c, ky, kx, sy, sx, store ? 0 : 1);
        };
      });
    },
  };
}

/** A nest of moves: `outer` calls of transpose(outer, inner); steps in bytes on the x and on the y side. */
interface Move {
  readonly x: number;
  readonly y: number;
  readonly outer: number;
  readonly xOuter: number;
  readonly yOuter: number;
  readonly inner: number;
  readonly xInner: number;
  readonly yInner: number;
}

/** Adds forward moves x -> y now and the same moves back later. */
function moves(context: Context, input: Value, value: Value, list: (x: Storage, y: Storage) => readonly Move[]): () => void {
  const { transpose } = context.kernels;
  const [x, y] = [input.view.on, value.view.on];
  context.each([x, y], () => {
    const all = list(x, y);
    return (octet) => {
      const [from, to] = [address(x, octet), address(y, octet)];
      for (const m of all) transpose(from + m.x, to + m.y, m.outer, m.xOuter, m.yOuter, m.inner, m.xInner, m.yInner, 0);
    };
  });
  return () => {
    if (input.gradient === undefined) return;
    const add = context.adds(input.gradient);
    const [dx, dy] = [input.gradient.on, value.gradient!.on];
    context.each([dx, dy], () => {
      const all = list(dx, dy);
      return (octet) => {
        const [to, from] = [address(dx, octet), address(dy, octet)];
        for (const m of all) transpose(from + m.y, to + m.x, m.outer, m.yOuter, m.xOuter, m.inner, m.yInner, m.xInner, add);
      };
    });
  };
}

/** Values in another shape, or channels first. */
export function emitReorder(context: Context, node: Flatten | { readonly use: "reshape" }): Emitted {
  const [input] = context.inputs;
  const value = context.output();
  const { h, w, c } = input.view;
  if (node.use === "flatten" && node.order !== "channels-last") {
    const backward = moves(context, input, value, (x) =>
      Array.from({ length: h }, (_, r) => ({
        x: r * pitchOf(x),
        y: r * w * slotBytes,
        outer: w,
        xOuter: c * slotBytes,
        yOuter: slotBytes,
        inner: c,
        xInner: slotBytes,
        yInner: h * w * slotBytes,
      })),
    );
    return { value, backward };
  }
  const backward = moves(context, input, value, (x, y) => {
    const list: Move[] = [];
    const step = { outer: 1, xOuter: 0, yOuter: 0, xInner: slotBytes, yInner: slotBytes };
    // Runs that lie within one row on both sides.
    for (let i = 0; i < x.rows * x.run; ) {
      const inner = Math.min(x.run - (i % x.run), y.run - (i % y.run));
      const place = (of: Storage) => Math.floor(i / of.run) * pitchOf(of) + (i % of.run) * slotBytes;
      list.push({ x: place(x), y: place(y), inner, ...step });
      i += inner;
    }
    return list;
  });
  return { value, backward };
}

export function emitConcat(context: Context, _node: Concat): Emitted {
  const value = context.output();
  const width = value.view.c;
  let first = 0;
  const backwards = context.inputs.map((input) => {
    const { h, w, c } = input.view;
    const offset = first;
    first += c;
    return moves(context, input, value, (x, y) =>
      w === 1
        ? [
            {
              x: 0,
              y: offset * slotBytes,
              outer: h,
              xOuter: pitchOf(x),
              yOuter: pitchOf(y),
              inner: c,
              xInner: slotBytes,
              yInner: slotBytes,
            },
          ]
        : Array.from({ length: h }, (_, r) => ({
            x: r * pitchOf(x),
            y: r * pitchOf(y) + offset * slotBytes,
            outer: w,
            xOuter: c * slotBytes,
            yOuter: width * slotBytes,
            inner: c,
            xInner: slotBytes,
            yInner: slotBytes,
          })),
    );
  });
  return {
    value,
    backward: () => {
      for (const one of backwards) one();
    },
  };
}

/** Repeating a vector, or every step of a sequence: y[t*factor + j] = x[t]. */
export function emitRepeat(context: Context, node: Repeat | Upsample1d): Emitted {
  const { transpose } = context.kernels;
  const [input] = context.inputs;
  const value = context.output();
  const { h, c } = input.view;
  const factor = node.use === "repeat" ? node.times : node.factor;
  const [x, y] = [input.view.on, value.view.on];
  context.each([x, y], () => {
    const [px, py] = [pitchOf(x), pitchOf(y)];
    return (octet) => {
      for (let j = 0; j < factor; j++) {
        transpose(address(x, octet), address(y, octet) + j * py, h, px, factor * py, c, slotBytes, slotBytes, 0);
      }
    };
  });
  return {
    value,
    backward: () => {
      if (input.gradient === undefined) return;
      const add = context.adds(input.gradient);
      const [dx, dy] = [input.gradient.on, value.gradient!.on];
      context.each([dx, dy], () => {
        const [px, py] = [pitchOf(dx), pitchOf(dy)];
        return (octet) => {
          for (let j = 0; j < factor; j++) {
            const sums = add === 1 || j > 0 ? 1 : 0;
            transpose(address(dy, octet) + j * py, address(dx, octet), h, factor * py, px, c, slotBytes, slotBytes, sums);
          }
        };
      });
    },
  };
}

export function emitAdd(context: Context): Emitted {
  const { kernels } = context;
  const value = context.output();
  const y = value.view.on;
  const [a, b, ...more] = context.inputs.map((input) => input.view.on);
  context.each([a, b, y], () => {
    const { rows, run, pitches } = sweep(a, b, y);
    return (octet) =>
      kernels.addTwo(address(a, octet), address(b, octet), address(y, octet), rows, run, pitches[0], pitches[1], pitches[2]);
  });
  const copies = (from: Storage, to: Storage, add: number) =>
    context.each([from, to], () => {
      const { rows, run, pitches } = sweep(from, to);
      return (octet) => kernels.copy(address(from, octet), address(to, octet), rows, run, pitches[0], pitches[1], add);
    });
  for (const other of more) copies(other, y, 1);
  return {
    value,
    backward: () => {
      for (const { gradient } of context.inputs) {
        if (gradient !== undefined) copies(value.gradient!.on, gradient.on, context.adds(gradient));
      }
    },
  };
}
