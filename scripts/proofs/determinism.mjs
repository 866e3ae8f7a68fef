/** The hashes of test/determinism on every Node binary that is named: node, or the command that runs it (an emulator and its arguments). */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const summary =
  "model hashes on every runtime named, each as one argument: npm run prove -- determinism node 'qemu-aarch64-static -L /lib /node'";

const script = join(dirname(fileURLToPath(import.meta.url)), "../../test/determinism/determinism.mjs");

export async function prove(args, say) {
  const runtimes = args.length > 0 ? args : [process.execPath];
  const figures = runtimes.map((runtime) => {
    const [command, ...words] = runtime.split(" ");
    const done = spawnSync(command, [...words, script, "--check"], { encoding: "utf8" });
    const said = `${done.stdout ?? ""}${done.stderr ?? ""}${done.error?.message ?? ""}`.trim();
    say(said);
    return { equal: done.status === 0, said: said.split("\n").at(-1) };
  });
  return { figures, passed: figures.every((one) => one.equal) };
}
