/** The peers' processes: started once, asked in turns, ended when done. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const scripts = join(dirname(fileURLToPath(import.meta.url)), "../peers");

export function peersFolder() {
  return process.env.MILLWRIGHT_PEERS ?? join(homedir(), ".cache/millwright/peers-venv");
}

/** A running Python script, or { reason } where there is no Python for it. */
export function startPython(script, args) {
  const python = join(peersFolder(), "bin/python");
  if (!existsSync(python)) return { reason: `no ${python}; run bench/peers/setup.sh` };
  // Some machines pin OpenBLAS to an old kernel: a peer gets the processor as it is.
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _l2, ...env } = process.env;
  return startProcess(python, [join(scripts, script), ...args.map(String)], env);
}

export function startNode(script, args) {
  return startProcess(process.execPath, [join(scripts, script), ...args.map(String)], process.env);
}

function startProcess(command, args, env) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env });
  const waiting = [];
  const lines = [];
  let complaint = "";
  let ended = false;
  child.stderr.on("data", (chunk) => {
    complaint = (complaint + chunk).slice(-2000);
  });
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const fields = JSON.parse(line);
    if (waiting.length > 0) waiting.shift()(fields);
    else lines.push(fields);
  });
  const finish = () => {
    ended = true;
    const last = complaint.trim().split("\n").pop() || "it ended without a word";
    for (const resolve of waiting.splice(0)) resolve({ reason: last.slice(0, 200) });
  };
  child.on("error", finish);
  child.on("close", finish);

  /** The next line of JSON it prints. */
  function next() {
    if (lines.length > 0) return Promise.resolve(lines.shift());
    if (ended) return Promise.resolve({ reason: complaint.trim().split("\n").pop()?.slice(0, 200) || "it ended without a word" });
    return new Promise((resolve) => waiting.push(resolve));
  }

  return {
    next,
    ask(line) {
      child.stdin.write(`${line}\n`);
      return next();
    },
    close() {
      child.stdin.end("end\n");
      setTimeout(() => child.kill(), 2000).unref();
    },
  };
}
