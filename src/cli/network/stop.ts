/** Waits until a long-lived program is told to stop: Ctrl-C, SIGTERM from the service manager, or a reason of its own. */
import type { Context } from "../context.js";

export async function untilStopped(context: Context, own: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = () => resolve();
    if (context.interrupt.aborted) return resolve();
    context.interrupt.addEventListener("abort", stop, { once: true });
    process.once("SIGTERM", stop);
    own.then(stop, reject).finally(() => process.removeListener("SIGTERM", stop));
  });
}
