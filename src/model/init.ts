/**
 * First values of a model's parameters and buffers, drawn from the distributions PyTorch's modules use by default:
 * kaiming_uniform with a = sqrt(5), which is uniform in +-1/sqrt(fan_in), for weights and biases of dense layers and
 * convolutions; +-1/sqrt(units) for recurrent layers; 1 and 0 for norms, 0 and 1 for running means and variances.
 * The numbers themselves are not PyTorch's: the generator is another.
 */
import type { SeededRandom } from "../core/random.js";
import { inferModel } from "./shape.js";
import type { ModelSpec, NodeSpec, TensorInfo } from "./spec.js";

/**
 * First values of a model: a flat vector in the order of `inferModel(spec).tensors`, from PyTorch's default distributions. Every tensor
 * draws from a fork of `random` named after it. Errors: those of inferModel.
 *
 * @example
 * ```ts
 * import { initialise, seeded } from "millwright/model";
 *
 * initialise(spec, seeded(7, "start")).length; // => 4
 * ```
 */
export function initialise(spec: ModelSpec, random: SeededRandom): Float32Array {
  const { tensors, size } = inferModel(spec);
  const values = new Float32Array(size);
  const byNode = new Map<string, NodeSpec>(spec.nodes.map((node) => [node.name, node]));
  // The weight comes before its bias, which shares its fan-in.
  let fanIn = 1;
  for (const tensor of tensors) {
    const dot = tensor.name.lastIndexOf(".");
    const node = byNode.get(tensor.name.slice(0, dot))!;
    const field = tensor.name.slice(dot + 1);
    const part = values.subarray(tensor.offset, tensor.offset + tensor.size);
    switch (node.use) {
      case "batch-norm":
      case "group-norm":
      case "layer-norm":
        part.fill(field === "weight" || field === "running_var" ? 1 : 0);
        break;
      case "lstm":
      case "gru":
        uniform(part, 1 / Math.sqrt(node.units), random.fork(tensor.name));
        break;
      default:
        if (field === "weight") fanIn = fanInOf(tensor);
        uniform(part, 1 / Math.sqrt(fanIn), random.fork(tensor.name));
    }
  }
  return values;
}

/** PyTorch takes the second axis times the kernel, also for transposed convolutions, whose second axis is the output. */
function fanInOf(tensor: TensorInfo): number {
  let fan = 1;
  for (const extent of tensor.shape.slice(1)) fan *= extent;
  return fan;
}

function uniform(values: Float32Array, bound: number, random: SeededRandom): void {
  for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.float() - 1);
}
