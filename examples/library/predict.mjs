/** Train, carry the model in one file, and answer for new rows: `node examples/library/predict.mjs`. */
import { fileURLToPath } from "node:url";
import { decodeBundle, encodeBundle, encodeOnnx, predictTable, simulate } from "millwright";
import { createEngine } from "millwright/model";
import presses from "../plugins/my-source.mjs";

const federation = {
  federation: "presses",
  data: { use: "./my-source.mjs" },
  task: { kind: "failure", window: "12h", stride: "3h" },
  split: { by: "time", test: 0.3 },
  sites: { use: "iid", count: 4 },
  model: { use: "mlp", hidden: [8] },
  training: { optimizer: { use: "adam", learningRate: 0.01 }, epochs: 2, batch: 16 },
  rounds: 5,
};
const folder = fileURLToPath(new URL("../plugins", import.meta.url));
const trained = await simulate(federation, { folder, compare: false }).bundle;

// One safetensors file holds weights, graph, features, scaler and threshold.
const file = encodeBundle(trained);
console.log(`bundle: ${file.length} bytes; ONNX: ${encodeOnnx(trained).length} bytes`);

// Elsewhere, later: raw rows in, answers out, by the features the model was trained with.
const bundle = decodeBundle(file);
const rows = presses({ options: { machines: 2, hours: 60 } }).readings;
for (const { machine, time, probability, failure } of predictTable(bundle, createEngine(bundle.model), rows, { at: "last" })) {
  console.log(`${machine} at ${time}: probability ${probability.toFixed(3)}${failure ? ", leaking" : ""}`);
}
