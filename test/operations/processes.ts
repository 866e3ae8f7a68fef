/** Programs of these tests as processes: each is waited for with an end in time, and ended by its own number. */
import { type ChildProcess, spawn } from "node:child_process";

export interface Running {
  readonly child: ChildProcess;
  readonly text: () => string;
  /** Exit status; fails after `ms`. */
  readonly ended: (ms?: number) => Promise<number>;
  /** The first line on the output. */
  readonly firstLine: (ms?: number) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Nothing of this test run's settings reaches the program. */
export function cleanEnv(more: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST|MILLWRIGHT_|https?_proxy|no_proxy)/i.test(name));
  return { ...Object.fromEntries(kept), ...more };
}

export function start(binary: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(binary, args, { cwd, env: cleanEnv(env), stdio: ["ignore", "pipe", "pipe"] });
  let [out, all] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
    all += chunk;
  });
  child.stderr.on("data", (chunk) => {
    all += chunk;
  });
  const exit = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? (signal === null ? -1 : 128)));
  });
  exit.catch(() => undefined);
  const within = <T>(work: Promise<T>, ms: number, what: string): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: nothing for ${ms} ms\n${all}`)), ms);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };
  return {
    child,
    text: () => all,
    ended: (ms = 60_000) => within(exit, ms, args.join(" ")),
    firstLine: (ms = 60_000) =>
      within(
        new Promise<string>((resolve, reject) => {
          const look = () => {
            if (out.includes("\n")) resolve(out.split("\n")[0]);
          };
          child.stdout.on("data", look);
          exit.then((code) => reject(new Error(`ended with ${code}\n${all}`)), reject);
          look();
        }),
        ms,
        args.join(" "),
      ),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exit.catch(() => undefined);
    },
  };
}
