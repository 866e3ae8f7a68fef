/** Runs the whole command in-process, against its own streams and folder. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { Context, Stream } from "../../src/cli/context.js";
import { run } from "../../src/cli/program.js";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export const temporary = (): string => mkdtempSync(join(tmpdir(), "millwright-cli-"));

export function memory(tty = false, columns = 100): { stream: Stream; text: () => string } {
  const chunks: string[] = [];
  const stream: Stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  stream.isTTY = tty;
  stream.columns = columns;
  return { stream, text: () => chunks.join("") };
}

export function contextIn(cwd: string, change: Partial<Context> = {}): Context {
  return {
    cwd,
    env: { MILLWRIGHT_DATA: process.env.MILLWRIGHT_DATA },
    out: memory().stream,
    err: memory().stream,
    interactive: false,
    now: () => 0,
    interrupt: new AbortController().signal,
    ...change,
  };
}

export async function millwright(args: readonly string[], cwd = temporary(), change: Partial<Context> = {}): Promise<Ran> {
  const [out, err] = [memory(), memory()];
  const code = await run(args, contextIn(cwd, { out: out.stream, err: err.stream, ...change }));
  return { code, out: out.text(), err: err.text() };
}
