/**
 * A model is plain data: named nodes, each taking the output of earlier ones. Whoever holds the spec can build the
 * model, check its shapes, name its parameters as PyTorch does, and write it as ONNX.
 *
 * Shapes are per example and channels-last: a vector is [C], a sequence [T, C], an image [H, W, C]. Parameters have
 * PyTorch's names and layouts (`conv.0.weight` is [out, in, kh, kw]); the engine keeps its own order inside.
 */

export type Shape = readonly number[];

/** Fields every node has. `name` becomes the prefix of its parameters; `from` defaults to the node before it. */
interface NodeBase {
  readonly name: string;
  /** Names of earlier nodes or inputs. Defaults to the previous node (the first input for the first node). */
  readonly from?: string | readonly string[];
}

export type Padding = number | "same";

/** Acts on the last axis, as PyTorch's Linear: [T, C] becomes [T, units]. */
export interface Dense extends NodeBase {
  readonly use: "dense";
  readonly units: number;
  readonly bias?: boolean;
}
export interface Conv1d extends NodeBase {
  readonly use: "conv1d";
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly bias?: boolean;
}
/** `kernel`, `stride` and `padding` may be one number or [height, width]. */
export interface Conv2d extends NodeBase {
  readonly use: "conv2d";
  readonly channels: number;
  readonly kernel: number | readonly [number, number];
  readonly stride?: number | readonly [number, number];
  readonly padding?: Padding | readonly [number, number];
  readonly bias?: boolean;
}
/** Transposed convolution; output length = (T-1)*stride - 2*padding + kernel + outputPadding. */
export interface ConvTranspose1d extends NodeBase {
  readonly use: "conv-transpose1d";
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly outputPadding?: number;
  readonly bias?: boolean;
}
/** Repeats every time step `factor` times (nearest neighbour). */
export interface Upsample1d extends NodeBase {
  readonly use: "upsample1d";
  readonly factor: number;
}
/** Batch norm over all positions of the batch; eps 1e-5, momentum 0.1, unbiased variance in the running buffer, as PyTorch. */
export interface BatchNorm extends NodeBase {
  readonly use: "batch-norm";
  readonly eps?: number;
  readonly momentum?: number;
}
export interface GroupNorm extends NodeBase {
  readonly use: "group-norm";
  readonly groups: number;
  readonly eps?: number;
}
/** Layer norm over the last axis. */
export interface LayerNorm extends NodeBase {
  readonly use: "layer-norm";
  readonly eps?: number;
}
/** `kernel` over [T] or [H, W]. With `ceil`, the last window may hang over the edge and divides by the valid count only, as PyTorch does without padding. */
export interface Pool extends NodeBase {
  readonly use: "average-pool" | "max-pool";
  readonly kernel: number | readonly [number, number];
  readonly stride?: number | readonly [number, number];
  readonly ceil?: boolean;
}
/** Recurrent layers over [T, C]. `output: "last"` gives the last hidden state ([units], or [2*units] for both directions), `"all"` the whole sequence. */
export interface Lstm extends NodeBase {
  readonly use: "lstm";
  readonly units: number;
  readonly bidirectional?: boolean;
  readonly output?: "last" | "all";
}
/** GRU with the reset gate applied after the hidden product, as PyTorch. */
export interface Gru extends NodeBase {
  readonly use: "gru";
  readonly units: number;
  readonly bidirectional?: boolean;
  readonly output?: "last" | "all";
}
/** Turns a vector [C] into a sequence of `times` equal steps [times, C]. */
export interface Repeat extends NodeBase {
  readonly use: "repeat";
  readonly times: number;
}
export interface Dropout extends NodeBase {
  readonly use: "dropout";
  readonly rate: number;
}
/** To a vector. "channels-first" (default) orders values as PyTorch's flatten of [C, T] or [C, H, W] does; "channels-last" as they lie here. */
export interface Flatten extends NodeBase {
  readonly use: "flatten";
  readonly order?: "channels-first" | "channels-last";
}
/** Views the same values under another shape of equal size, channels-last. */
export interface Reshape extends NodeBase {
  readonly use: "reshape";
  readonly shape: Shape;
}
/** Joins along the last axis. */
export interface Concat extends NodeBase {
  readonly use: "concat";
  readonly from: readonly string[];
}
/** Adds equal shapes (residual connections). */
export interface Add extends NodeBase {
  readonly use: "add";
  readonly from: readonly string[];
}
/** GELU is the exact one (erf). Softmax is over the last axis. */
export interface Activation extends NodeBase {
  readonly use: "relu" | "sigmoid" | "tanh" | "gelu" | "softmax";
}

/** A layer: what it does (`use`), its name, and the nodes it reads (`from`; the node before it when absent). Shapes are channels last. */
export type NodeSpec =
  | Dense
  | Conv1d
  | Conv2d
  | ConvTranspose1d
  | Upsample1d
  | BatchNorm
  | GroupNorm
  | LayerNorm
  | Pool
  | Lstm
  | Gru
  | Repeat
  | Dropout
  | Flatten
  | Reshape
  | Concat
  | Add
  | Activation;

/** A model as plain data: named inputs and named nodes, each reading earlier ones. */
export interface ModelSpec {
  /** Named inputs in order, for example { sequence: [48, 9] } or { sequence: [30, 14], statistics: [56] }. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly nodes: readonly NodeSpec[];
  /** Name of the node whose values are the output (logits where the loss takes logits). Defaults to the last node. */
  readonly output?: string;
}

/** Losses. All are means over the examples of the batch (and over outputs for the regression losses). */
export type LossSpec =
  /** Binary cross-entropy on logits; the positive term is multiplied by `positiveWeight` (PyTorch's pos_weight). */
  | { readonly use: "bce"; readonly positiveWeight?: number }
  /** Cross-entropy on logits; targets are class numbers. With class weights the mean is weighted, as in PyTorch. */
  | { readonly use: "cross-entropy"; readonly classWeights?: readonly number[]; readonly labelSmoothing?: number }
  | { readonly use: "mse" }
  | { readonly use: "mae" }
  /** Quadratic within `delta`, linear outside (PyTorch's HuberLoss). */
  | { readonly use: "huber"; readonly delta?: number };

/** Optimisers with PyTorch's update rules and defaults. `learningRate` is per step; the schedule of a federation scales it by round. */
export type OptimizerSpec =
  /** PyTorch's SGD: v = momentum*v + g + weightDecay*w; w -= lr*v. */
  | { readonly use: "sgd"; readonly learningRate: number; readonly momentum?: number; readonly weightDecay?: number }
  | {
      readonly use: "adam";
      readonly learningRate: number;
      readonly betas?: readonly [number, number];
      readonly eps?: number;
      readonly weightDecay?: number;
    }
  | {
      readonly use: "adamw";
      readonly learningRate: number;
      readonly betas?: readonly [number, number];
      readonly eps?: number;
      readonly weightDecay?: number;
    };

/** Learning rate over rounds r = 0..R-1. cosine: lr0*(floor + (1-floor)*(1+cos(pi*r/R))/2). step: lr0*factor^floor(r/every). */
export type ScheduleSpec =
  | { readonly use: "constant" }
  | { readonly use: "step"; readonly every: number; readonly factor: number }
  | { readonly use: "cosine"; readonly floor?: number };

/** One parameter or buffer of a model, in PyTorch's terms. `offset` is its place in the flat vector of all of them. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
  /** Buffers (running mean and variance) travel and are averaged like weights but have no gradient. */
  readonly role: "parameter" | "buffer";
}
