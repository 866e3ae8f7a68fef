/** What a verb knows of the world it runs in. Handed in, so that a test can run the whole command against its own streams and folder. */
import type { Readable, Writable } from "node:stream";
import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;
export type Stream = Writable & { isTTY?: boolean; columns?: number };

export interface Context {
  /** Relative paths are taken from here. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. Nothing else is written here, so that it can be piped. */
  readonly out: Stream;
  /** Progress, remarks and errors. */
  readonly err: Stream;
  /** True where a person can answer questions. */
  readonly interactive: boolean;
  /** Where the person types; default: the input of the process. */
  readonly input?: Readable;
  /** Milliseconds on a clock that never goes back. Only for pacing what is shown. */
  readonly now: () => number;
  /** Raised by Ctrl-C. */
  readonly interrupt: AbortSignal;
}

/** Colours where the stream is a terminal and NO_COLOR is not set (https://no-color.org); FORCE_COLOR overrides. */
export function colorsFor(stream: Stream, env: Context["env"]): Colors {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "" && env.FORCE_COLOR !== "0";
  const refused = (env.NO_COLOR !== undefined && env.NO_COLOR !== "") || env.TERM === "dumb";
  return picocolors.createColors(forced || (!refused && stream.isTTY === true));
}

export function line(stream: Stream, text = ""): void {
  stream.write(`${text}\n`);
}

/** Writes one JSON document to the output. */
export function writeJson(context: Context, value: unknown): void {
  line(context.out, JSON.stringify(value, undefined, 2));
}
