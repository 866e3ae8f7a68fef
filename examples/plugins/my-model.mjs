/**
 * A model of your own: a list of layers as data. Shapes are checked, parameters named as in PyTorch, and the file can be exported to
 * ONNX, as with every other model.
 *
 * @param {{ channels?: number }} options the other fields of `model:` in the federation file
 * @param {{ inputs: Record<string, readonly number[]>, outputs: number, task: string }} context what there is and what is needed:
 *   inputs.sequence is [rows, columns] of a window
 */
export default function convolutionAndMemory({ channels = 8 }, { inputs, outputs }) {
  if (inputs.sequence === undefined) throw new Error("this model needs windows: give the task a window");
  return {
    nodes: [
      { use: "conv1d", name: "conv", from: "sequence", channels, kernel: 3, padding: "same" },
      { use: "relu", name: "relu" },
      { use: "gru", name: "memory", units: 8 },
      { use: "dense", name: "answer", units: outputs },
    ],
  };
}
