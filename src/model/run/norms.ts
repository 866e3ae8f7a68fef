/** Batch, group and layer norm. Batch and group norm take a following ReLU into their own passes. */
import type { BatchNorm, GroupNorm, LayerNorm } from "../spec.js";
import { type Context, type Emitted, gradientPlace, work } from "./nodes.js";
import { address, pitchOf, type View } from "./storage.js";

/** rows, cols and steps of a pass over positions. */
function positions(...views: readonly View[]) {
  const [{ h, w, c, on }] = views;
  const joined = views.every((view) => view.on.left + view.on.right === 0);
  const pitches = views.map((view) => pitchOf(view.on));
  return joined ? { rows: 1, cols: h * w, channels: c, pitches } : { rows: h, cols: w, channels: c, pitches, on };
}

function affineOf(context: Context, channels: number) {
  const block = (name: string, role: "parameter" | "buffer") => {
    const first = context.tensors.get(name)!;
    return context.parameters.block(`${context.node.name}.${name}`, role, () => Array.from({ length: channels }, (_, i) => first + i));
  };
  return { gamma: block("weight", "parameter"), beta: block("bias", "parameter"), block };
}

export function emitChannelNorm(context: Context, node: BatchNorm | GroupNorm): Emitted {
  const { kernels, parameters, facts } = context;
  const [input] = context.inputs;
  const x = input.view;
  const value = context.output();
  const y = value.view;
  const c = x.c;
  const count = x.h * x.w;
  const { gamma, beta, block } = affineOf(context, c);
  const eps = node.eps ?? 1e-5;
  const relu = context.relu ? 1 : 0;
  const batch = node.use === "batch-norm";
  const buffers = batch ? [block("running_mean", "buffer"), block("running_var", "buffer")] : [];
  const coefficients = work(`${node.name} coefficients`, 4 * c);
  const moments = work(`${node.name} moments`, 2 * c);
  const fromBatch = batch && context.training;

  if (batch && !context.training) {
    context.each([coefficients], () => {
      const [mean, variance] = buffers.map((one) => parameters.weight(one));
      const [g, b] = [parameters.weight(gamma), parameters.weight(beta)];
      return (octet) => kernels.runningCoefficients(address(coefficients, octet), g, b, mean, variance, c, eps);
    });
  } else {
    context.each([x.on, moments], () => {
      const { rows, cols, pitches } = positions(x);
      return (octet) => kernels.channelMoments(address(x.on, octet), address(moments, octet), rows, pitches[0], cols, c);
    });
    if (fromBatch) {
      const momentum = (node as BatchNorm).momentum ?? 0.1;
      context.all([moments, coefficients], () => {
        const [mean, variance] = buffers.map((one) => parameters.weight(one));
        const [g, b] = [parameters.weight(gamma), parameters.weight(beta)];
        const [from, to] = [address(moments, 0), address(coefficients, 0)];
        return (octets) =>
          kernels.batchCoefficients(from, moments.stride, octets, facts.valid, to, g, b, mean, variance, count, c, momentum, eps);
      });
    } else {
      context.each([moments, coefficients], () => {
        const [g, b] = [parameters.weight(gamma), parameters.weight(beta)];
        const groups = (node as GroupNorm).groups;
        return (octet) => kernels.groupCoefficients(address(moments, octet), address(coefficients, octet), g, b, count, c, groups, eps);
      });
    }
  }
  // Batch statistics are the same for every octet: all read the coefficients of the first.
  const of = (octet: number) => address(coefficients, fromBatch ? 0 : octet);
  const pooled = context.pooled;
  context.each([x.on, y.on, coefficients], () => {
    if (pooled) {
      const [px, py] = [pitchOf(x.on), pitchOf(y.on)];
      return (octet) => kernels.normPool(address(x.on, octet), of(octet), address(y.on, octet), x.h, x.w, px, py, c);
    }
    const { rows, cols, pitches } = positions(x, y);
    return (octet) => kernels.normApply(address(x.on, octet), of(octet), address(y.on, octet), rows, pitches[0], pitches[1], cols, c, relu);
  });

  const backward = () => {
    const dy = value.gradient!;
    const sums = work(`${node.name} sums`, 2 * c);
    const back = work(`${node.name} backward`, 3 * c);
    context.each([x.on, dy.on, coefficients, sums], () => {
      if (pooled) {
        const [px, py] = [pitchOf(x.on), pitchOf(dy.on)];
        return (octet) =>
          kernels.normPoolSums(address(x.on, octet), address(dy.on, octet), of(octet), address(sums, octet), x.h, x.w, px, py, c);
      }
      const { rows, cols, pitches } = positions(x, dy);
      return (octet) =>
        kernels.normSums(
          address(x.on, octet),
          address(dy.on, octet),
          of(octet),
          address(sums, octet),
          rows,
          pitches[0],
          pitches[1],
          cols,
          c,
          relu,
        );
    });
    if (fromBatch) {
      context.all([sums, coefficients, back], () => {
        const { base } = gradientPlace(context);
        const [g, b] = [base + gamma.offset * 16, base + beta.offset * 16];
        const [from, to] = [address(sums, 0), address(back, 0)];
        return (octets) => kernels.batchBackward(from, sums.stride, octets, facts.valid, of(0), to, g, b, count, c);
      });
    } else {
      context.each([sums], () => {
        const { base, lanes } = gradientPlace(context);
        return (octet) => kernels.normGradient(address(sums, octet), c, base + gamma.offset * 16, base + beta.offset * 16, lanes);
      });
    }
    const dx = input.gradient;
    if (dx === undefined) return;
    if (!fromBatch) {
      context.each([sums, coefficients, back], () => {
        const weight = parameters.weight(gamma);
        const groups = (node as GroupNorm).groups;
        return (octet) => kernels.groupBackward(address(sums, octet), of(octet), address(back, octet), weight, count, c, groups);
      });
    }
    const add = context.adds(dx);
    context.each([x.on, dy.on, dx.on, coefficients, back], () => {
      const at = (octet: number) => address(back, fromBatch ? 0 : octet);
      if (pooled) {
        const [px, py, pd] = [pitchOf(x.on), pitchOf(dy.on), pitchOf(dx.on)];
        const backward = kernels.normPoolBackward;
        return (octet) => {
          const [from, delta, to] = [address(x.on, octet), address(dy.on, octet), address(dx.on, octet)];
          backward(from, delta, of(octet), at(octet), facts.valid + octet * 32, to, x.h, x.w, px, py, pd, c, add);
        };
      }
      const { rows, cols, pitches } = positions(x, dy, dx);
      return (octet) =>
        kernels.normBackward(
          address(x.on, octet),
          address(dy.on, octet),
          of(octet),
          at(octet),
          facts.valid + octet * 32,
          address(dx.on, octet),
          rows,
          pitches[0],
          pitches[1],
          pitches[2],
          cols,
          c,
          relu,
          add,
        );
    });
  };
  return { value, backward };
}

export function emitLayerNorm(context: Context, node: LayerNorm): Emitted {
  const { kernels, parameters } = context;
  const [input] = context.inputs;
  const x = input.view;
  const value = context.output();
  const y = value.view;
  const c = x.c;
  const { gamma, beta } = affineOf(context, c);
  const stats = work(`${node.name} statistics`, 2 * x.h * x.w);
  context.each([x.on, y.on, stats], () => {
    const { rows, cols, pitches } = positions(x, y);
    const [g, b] = [parameters.weight(gamma), parameters.weight(beta)];
    const eps = node.eps ?? 1e-5;
    return (octet) =>
      kernels.layerNorm(
        address(x.on, octet),
        address(y.on, octet),
        address(stats, octet),
        g,
        b,
        rows,
        pitches[0],
        pitches[1],
        cols,
        c,
        eps,
      );
  });
  return {
    value,
    backward: () => {
      const dy = value.gradient!;
      const dx = input.gradient;
      const target = dx ?? dy;
      const add = dx === undefined ? 0 : context.adds(dx);
      context.each([x.on, dy.on, target.on, stats], () => {
        const { rows, cols, pitches } = positions(x, dy, target);
        const weight = parameters.weight(gamma);
        const { base, lanes } = gradientPlace(context);
        return (octet) =>
          kernels.layerNormBackward(
            address(x.on, octet),
            address(dy.on, octet),
            address(target.on, octet),
            address(stats, octet),
            weight,
            base + gamma.offset * 16,
            base + beta.offset * 16,
            lanes,
            rows,
            pitches[0],
            pitches[1],
            pitches[2],
            cols,
            c,
            dx === undefined ? 0 : 1,
            add,
          );
      });
    },
  };
}
