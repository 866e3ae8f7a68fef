/**
 * The CNN-LSTM in TensorFlow.js on its plain CPU backend, for orientation. The pooling of the last, overhanging window divides by
 * the whole window ("same" padding counts valid cells only in the forward pass), which changes no cost.
 * Usage: node tfjs.mjs FOLDER BATCH SECONDS, FOLDER holding node_modules/@tensorflow/tfjs. Prints one JSON line.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const [folder, batch, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const say = (fields) => console.log(JSON.stringify(fields));
console.warn = () => {};

let tf;
try {
  tf = createRequire(join(folder, "index.js"))("@tensorflow/tfjs");
} catch (error) {
  say({ reason: `TensorFlow.js is not installed (${String(error.message).split("\n")[0]}); run bench/peers/setup.sh` });
  process.exit(0);
}

await tf.setBackend("cpu");
const input = tf.input({ shape: [48, 9] });
let maps = tf.layers.reshape({ targetShape: [48, 9, 1] }).apply(input);
for (const filters of [2, 4, 6, 8]) {
  maps = tf.layers.conv2d({ filters, kernelSize: 3, padding: "same" }).apply(maps);
  maps = tf.layers.batchNormalization().apply(maps);
  maps = tf.layers.reLU().apply(maps);
  maps = tf.layers.averagePooling2d({ poolSize: 2, strides: 2, padding: "same" }).apply(maps);
}
const features = tf.layers.reshape({ targetShape: [3, 8] }).apply(maps);
const joined = tf.layers
  .concatenate()
  .apply([
    tf.layers.lstm({ units: 20 }).apply(input),
    tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 16 }), mergeMode: "concat" }).apply(features),
    tf.layers.flatten().apply(features),
  ]);
const hidden = tf.layers.dense({ units: 4, activation: "relu" }).apply(tf.layers.dense({ units: 16, activation: "relu" }).apply(joined));
const model = tf.model({ inputs: input, outputs: tf.layers.dense({ units: 1, activation: "sigmoid" }).apply(hidden) });
model.compile({ optimizer: tf.train.momentum(0.01, 0.9), loss: "binaryCrossentropy" });
const x = tf.randomNormal([batch, 48, 9]);
const y = tf.cast(tf.less(tf.randomUniform([batch, 1]), 0.3), "float32");

await model.trainOnBatch(x, y);
let steps = 0;
const started = performance.now();
while (performance.now() - started < seconds * 1000) {
  await model.trainOnBatch(x, y);
  steps++;
}
say({ steps, seconds: (performance.now() - started) / 1000, version: tf.version.tfjs, memory: process.memoryUsage().rss });
