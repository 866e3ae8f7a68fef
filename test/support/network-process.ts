/**
 * One node of the kit: a command that is started again and again with its own data folder, killed at any moment, and ended by its number.
 * What it prints goes to files that are kept when a test fails.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface ProcessOptions {
  readonly name: string;
  /** Where NAME.log is written. */
  readonly logs: string;
  /** Asked at every start. Undefined: it cannot start yet. */
  readonly command: () => readonly string[] | undefined;
  /** Called for each line of standard output. */
  readonly line?: (text: string) => void;
  readonly ended?: () => void;
  /** It ended by itself, and not because its work is done: as a service manager would, the kit starts it again. */
  readonly crashed?: (code: number | null, signal: NodeJS.Signals | null) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Events {
  readonly at: string;
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface KitProcess {
  readonly name: string;
  /** Starts it; it is started again after a crash until `stop` or `kill`. */
  readonly start: () => void;
  readonly running: () => boolean;
  /** It said its first line since it was started: a coordinator its address, a plant its name. */
  readonly ready: () => boolean;
  readonly pid: () => number | undefined;
  /** SIGKILL; returns when the process is gone. True where there was one. */
  readonly kill: () => Promise<boolean>;
  /** SIGTERM, and SIGKILL after ten seconds. */
  readonly stop: () => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** It ended with code 0. */
  readonly done: () => boolean;
  /** The code with which it ended last, where it was not killed. */
  readonly code: () => number | null | undefined;
  readonly starts: () => number;
  readonly crashes: () => number;
  /** JSON lines of its log, of all its starts. */
  readonly events: (event?: string) => readonly Events[];
  readonly log: () => string;
}

/** After a crash, as a service manager waits. */
const restartPause = 300;

export function kitProcess(options: ProcessOptions): KitProcess {
  const path = join(options.logs, `${options.name}.log`);
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let wanted = false;
  let done = false;
  let code: number | null | undefined;
  let starts = 0;
  let ready = false;
  let crashes = 0;
  let timer: NodeJS.Timeout | undefined;

  function again(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (wanted) start();
    }, restartPause);
  }

  function start(): void {
    wanted = true;
    if (child !== undefined || done) return;
    const command = options.command();
    if (command === undefined) {
      again();
      return;
    }
    starts++;
    ready = false;
    code = undefined;
    const log = openSync(path, "a");
    const env = Object.fromEntries(
      Object.entries({ ...process.env, ...options.env }).filter(([name]) => !/^(VITEST|NODE_OPTIONS)/.test(name)),
    );
    const made = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", log], env });
    closeSync(log);
    child = made;
    let rest = "";
    made.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop() ?? "";
      ready ||= lines.length > 0;
      for (const line of lines) options.line?.(line);
    });
    gone = new Promise((resolve) => {
      made.once("error", (error) => appendFileSync(path, `the kit could not start it: ${error.message}\n`));
      made.once("close", (how, signal) => {
        child = undefined;
        if (signal === null) code = how;
        options.ended?.();
        if (how === 0 && signal === null) done = wanted || done;
        else if (wanted) {
          crashes++;
          options.crashed?.(how, signal);
          again();
        }
        resolve();
      });
    });
  }

  async function end(signal: NodeJS.Signals, limit?: number): Promise<boolean> {
    wanted = false;
    clearTimeout(timer);
    const running = child;
    if (running === undefined) return false;
    running.kill(signal);
    const late = limit === undefined ? undefined : setTimeout(() => running.kill("SIGKILL"), limit);
    await gone;
    clearTimeout(late);
    return true;
  }

  const log = (): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };

  return {
    name: options.name,
    start,
    running: () => child !== undefined,
    ready: () => child !== undefined && ready,
    pid: () => child?.pid,
    kill: () => end("SIGKILL"),
    async stop() {
      await end("SIGTERM", 10_000);
    },
    signal(signal) {
      child?.kill(signal);
    },
    done: () => done,
    code: () => code,
    starts: () => starts,
    crashes: () => crashes,
    events(event) {
      return log()
        .split("\n")
        .flatMap((text) => {
          if (!text.startsWith("{")) return [];
          try {
            const one = JSON.parse(text) as Events;
            return event === undefined || one.event === event ? [one] : [];
          } catch {
            // A line that was cut by a kill.
            return [];
          }
        });
    },
    log,
  };
}
