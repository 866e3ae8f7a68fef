/** A process of the command: the real streams, clock and Ctrl-C, and nothing else. */
import type { Context } from "./context.js";
import type { ExitCode } from "./exit-codes.js";

export async function startProcess(run: (args: readonly string[], context: Context) => Promise<ExitCode>): Promise<void> {
  const interrupt = new AbortController();
  let asked = 0;
  process.on("SIGINT", () => {
    asked++;
    interrupt.abort();
    // Whoever asks twice does not want to wait for a tidy end.
    if (asked > 1) process.exit(6);
  });
  process.on("SIGTERM", () => interrupt.abort());
  // A reader that closes the pipe early (`| head`) is no fault.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }

  process.exitCode = await run(process.argv.slice(2), {
    cwd: process.cwd(),
    env: process.env,
    out: process.stdout,
    err: process.stderr,
    interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    now: () => performance.now(),
    interrupt: interrupt.signal,
  });
}
