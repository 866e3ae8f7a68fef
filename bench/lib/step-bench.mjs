/** Training steps of one model, ours and the peers' in turns within the same run. */
import { setTimeout as pause } from "node:timers/promises";
import { cases, measure, prepare } from "./ours.mjs";
import { peersFolder, startNode, startPython } from "./peer.mjs";
import { median, round, samples } from "./report.mjs";

/** Peers of every case: one thread and two, and the compiler. Ours always runs in one thread. */
const modes = [
  { label: "PyTorch eager, 1 thread", threads: 1, mode: "eager" },
  { label: "PyTorch eager, 2 threads", threads: 2, mode: "eager" },
  { label: "PyTorch compile, 1 thread", threads: 1, mode: "compile" },
];

export async function stepBench(name, { seconds, turns, tfjs }, out) {
  for (const one of cases[name]) {
    const label = `${name} ${one.model} ${one.window > 1 ? `${one.window}x` : ""}${one.features} batch ${one.batch}`;
    const ours = prepare(one);
    measure(ours, Math.min(1, seconds)); // V8 compiles in the background during the first second
    for (const peer of modes) await inTurns(label, one, ours, peer, { seconds, turns }, out);
    if (tfjs && one.model === "cnn-lstm") await tensorflowJs(label, one, ours, { seconds }, out);
  }
}

async function inTurns(label, one, ours, peer, { seconds, turns }, out) {
  const process_ = startPython("step.py", [one.model, one.window, one.features, one.batch, peer.threads, peer.mode]);
  const ready = process_.reason === undefined ? await process_.next() : process_;
  const rates = { ours: [], peer: [], oursCpu: [], peerCpu: [] };
  let reason = ready.reason;
  for (let turn = 0; turn < turns; turn++) {
    const mine = measure(ours, seconds);
    rates.ours.push((mine.steps * one.batch) / mine.seconds);
    rates.oursCpu.push((mine.steps * one.batch) / mine.cpu);
    if (reason !== undefined) continue;
    const theirs = await process_.ask(`run ${seconds}`);
    if (theirs.reason !== undefined) {
      reason = theirs.reason;
      continue;
    }
    rates.peer.push((theirs.steps * one.batch) / theirs.seconds);
    rates.peerCpu.push((theirs.steps * one.batch) / theirs.cpu);
    // Worker threads of a peer spin for a while after their last task: let them fall asleep.
    await pause(300);
  }
  process_.close?.();
  const mine = median(rates.ours);
  const fields = { bench: label, ours: round(mine), oursStepMs: round((one.batch / mine) * 1000), peer: peer.label };
  if (reason !== undefined || rates.peer.length === 0) {
    out.say({ ...fields, notMeasured: reason }, `${label}: Millwright ${samples(mine)}; ${peer.label}: not measured: ${reason}`);
    return;
  }
  const theirs = median(rates.peer);
  const ratio = mine / theirs;
  // Seconds of processor per sample: what a crowded machine distorts less.
  const ratioCpu = median(rates.oursCpu) / median(rates.peerCpu);
  out.say(
    {
      ...fields,
      peerVersion: ready.version,
      peerCapability: ready.capability,
      theirs: round(theirs),
      ratio: round(ratio),
      faster: ratio < 1 ? peer.label : "Millwright",
      ratioCpu: round(ratioCpu),
      oursBest: round(Math.max(...rates.ours)),
      theirsBest: round(Math.max(...rates.peer)),
      turns,
    },
    `${label}: Millwright ${samples(mine)} (${round((one.batch / mine) * 1000)} ms a step), ${peer.label.replace("PyTorch", `PyTorch ${ready.version}`)} ` +
      `${samples(theirs)} (${round((one.batch / theirs) * 1000)} ms), ratio ${round(ratio)} (by processor time ${round(ratioCpu)})${ratio < 1 ? ": PyTorch is faster here" : ""}`,
  );
}

async function tensorflowJs(label, one, ours, { seconds }, out) {
  const child = startNode("tfjs.mjs", [`${peersFolder()}/tfjs`, one.batch, seconds * 3]);
  const theirs = await child.next();
  child.close();
  const mine = measure(ours, seconds);
  const rate = (mine.steps * one.batch) / mine.seconds;
  const fields = { bench: label, ours: round(rate), peer: "TensorFlow.js, CPU backend" };
  if (theirs.reason !== undefined) {
    out.say({ ...fields, notMeasured: theirs.reason }, `${label}: TensorFlow.js, CPU backend: not measured: ${theirs.reason}`);
    return;
  }
  const other = (theirs.steps * one.batch) / theirs.seconds;
  out.say(
    { ...fields, peerVersion: theirs.version, theirs: round(other), ratio: round(rate / other) },
    `${label}: Millwright ${samples(rate)}, TensorFlow.js ${theirs.version} CPU backend ${samples(other)}, ratio ${round(rate / other)} (for orientation)`,
  );
}
