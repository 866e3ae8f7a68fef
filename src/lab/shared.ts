/** Examples of several sites as one set, for the centralised scenario. */
import type { ExampleData, InputData } from "../model/engine.js";

export { sharedExamples } from "../round/site-work-data.js";

/** One set of examples from several, for the centralised scenario. */
export function joinedExamples(parts: readonly ExampleData[]): ExampleData {
  const inputs: Record<string, InputData> = {};
  for (const name of Object.keys(parts[0].inputs)) {
    const all = parts.map((part) => part.inputs[name]);
    const rows = new Float32Array(new SharedArrayBuffer(4 * all.reduce((sum, one) => sum + one.rows.length, 0)));
    const starts = new Int32Array(new SharedArrayBuffer(4 * parts.reduce((sum, part) => sum + part.count, 0)));
    let filled = 0;
    let started = 0;
    for (const one of all) {
      rows.set(one.rows, filled);
      for (const start of one.starts) starts[started++] = start + filled / one.width;
      filled += one.rows.length;
    }
    inputs[name] = { rows, width: all[0].width, starts, length: all[0].length };
  }
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return { count, inputs, targets: joinedTargets(parts), targetWidth: parts[0].targetWidth };
}

function joinedTargets(parts: readonly ExampleData[]): ExampleData["targets"] {
  const arrays = parts.map((part) => part.targets);
  if (arrays.some((one) => one === undefined || one === "input")) return arrays[0];
  const floats = arrays as Float32Array[];
  const joined = new Float32Array(new SharedArrayBuffer(4 * floats.reduce((sum, one) => sum + one.length, 0)));
  let at = 0;
  for (const one of floats) {
    joined.set(one, at);
    at += one.length;
  }
  return joined;
}
