/**
 * Models that give back their input: what they cannot give back is unusual. `conv` halves time with strided
 * convolutions and doubles it again with transposed ones (after SKAB's Conv-AE, without cropping: the output padding of
 * each layer is chosen so that every length comes back); `lstm` squeezes the window through one state.
 */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import type { ModelSpec, NodeSpec, Shape } from "../spec.js";
import { dropoutRate, needs, preset, size, sizes } from "./preset.js";

const schema = z.strictObject({
  use: z.literal("autoencoder"),
  kind: z.enum(["conv", "lstm"]).default("conv"),
  /** conv: channels of the encoder, outside in. */
  channels: sizes.min(1).max(8).default([32, 16]),
  kernel: z
    .int()
    .min(1)
    .max(255)
    .refine((k) => k % 2 === 1, "expected an odd kernel")
    .default(7),
  stride: z.int().min(1).max(16).default(2),
  dropout: dropoutRate.default(0.2),
  /** lstm: units of the state. */
  units: size.default(32),
});

type Options = z.output<typeof schema>;

export const autoencoder = preset(schema, (options, context) => {
  if (context.task !== "reconstruction") {
    fail("PLAN_REFUSED", {
      where: "model autoencoder",
      expected: "a task that reconstructs its input (anomaly)",
      got: `a ${context.task} task`,
      remedy: "use another model for this task",
    });
  }
  const sequence = needs(context, "autoencoder", "sequence", 2);
  return options.kind === "conv" ? convolutional(options, sequence) : recurrent(options, sequence);
});

function convolutional(options: Options, sequence: Shape): ModelSpec {
  const { channels, kernel, stride, dropout } = options;
  const padding = (kernel - 1) / 2;
  const nodes: NodeSpec[] = [];
  const depth = channels.length;
  // Dropout follows every layer but the innermost of each half.
  const rest = (half: string, i: number): void => {
    nodes.push({ use: "relu", name: `${half}_relu.${i}` });
    if (dropout > 0 && i < depth - 1) nodes.push({ use: "dropout", name: `${half}_dropout.${i}`, rate: dropout });
  };
  const lengths = [sequence[0]];
  for (const [i, count] of channels.entries()) {
    nodes.push({ use: "conv1d", name: `encoder.${i}`, channels: count, kernel, stride, padding });
    rest("encoder", i);
    lengths.push(Math.ceil(lengths[i] / stride));
  }
  for (let i = 0; i < depth; i++) {
    const [length, target] = [lengths[depth - i], lengths[depth - i - 1]];
    const outputPadding = target - 1 - (length - 1) * stride;
    nodes.push({
      use: "conv-transpose1d",
      name: `decoder.${i}`,
      channels: channels[depth - 1 - i],
      kernel,
      stride,
      padding,
      outputPadding,
    });
    rest("decoder", i);
  }
  nodes.push({ use: "conv-transpose1d", name: `decoder.${depth}`, channels: sequence[1], kernel, padding });
  return { inputs: { sequence }, nodes };
}

function recurrent(options: Options, sequence: Shape): ModelSpec {
  const nodes: NodeSpec[] = [{ use: "lstm", name: "encoder", units: options.units }];
  if (options.dropout > 0) nodes.push({ use: "dropout", name: "dropout", rate: options.dropout });
  nodes.push(
    { use: "repeat", name: "repeat", times: sequence[0] },
    { use: "lstm", name: "decoder", units: options.units, output: "all" },
    { use: "dense", name: "dense", units: sequence[1] },
  );
  return { inputs: { sequence }, nodes };
}
