/** PyTorch's optimisers on the reduced gradient. State is fresh for every local pass. */
import { fail } from "../../core/errors.js";
import type { Kernels } from "../../kernels/binary.js";
import type { OptimizerSpec } from "../spec.js";
import type { Parameters } from "./parameters.js";

export interface Optimizer {
  /** One step with the gradient times `scale`. */
  step(scale: number): void;
}

export function createOptimizer(kernels: Kernels, parameters: Parameters, spec: OptimizerSpec, rate: number): Optimizer {
  const invalid = (expected: string, got: unknown) => fail("FILE_INVALID", { where: `optimizer ${spec.use}`, expected, got: String(got) });
  if (!(rate >= 0 && Number.isFinite(rate))) invalid("a finite learning rate from 0", rate);
  const decay = spec.weightDecay ?? 0;
  if (!(decay >= 0 && Number.isFinite(decay))) invalid("a finite weightDecay from 0", decay);
  const { theta, reduced, trainable } = parameters;
  const [first, second] = parameters.moments;
  kernels.fill(first, trainable * 4);
  kernels.fill(second, trainable * 4);
  if (spec.use === "sgd") {
    const momentum = spec.momentum ?? 0;
    if (!(momentum >= 0 && momentum < 1)) invalid("a momentum in [0, 1)", momentum);
    return { step: (scale) => kernels.sgd(theta, reduced, first, trainable, rate, momentum, decay, scale) };
  }
  const [beta1, beta2] = spec.betas ?? [0.9, 0.999];
  const eps = spec.eps ?? 1e-8;
  if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) invalid("betas in [0, 1)", spec.betas);
  if (!(eps > 0)) invalid("a positive eps", eps);
  const decayDefault = spec.use === "adamw" ? (spec.weightDecay ?? 0.01) : decay;
  let power1 = 1;
  let power2 = 1;
  return {
    step(scale) {
      power1 *= beta1;
      power2 *= beta2;
      const step = rate / (1 - power1);
      const root = 1 / Math.sqrt(1 - power2);
      const decoupled = spec.use === "adamw" ? 1 : 0;
      kernels.adam(theta, reduced, first, second, trainable, rate, beta1, beta2, eps, decayDefault, decoupled, scale, step, root);
    },
  };
}
