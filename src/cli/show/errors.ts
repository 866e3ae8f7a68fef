/** An error as a person reads it, and as a program does. */
import { codes, MillwrightError } from "../../core/errors.js";
import { type Colors, type Context, colorsFor, line, writeJson } from "../context.js";
import { type ExitCode, exitOf } from "../exit-codes.js";
import { plain } from "./text.js";

/** Faults shown before "and N more". */
const shown = 20;

/** Prints an error where it belongs and returns the exit status it stands for. */
export function showError(error: unknown, context: Context, json: boolean): ExitCode {
  const known = error instanceof MillwrightError ? error : unexpected(error);
  const exit = exitOf(known.code) ?? 1;
  if (json) {
    writeJson(context, {
      format: "millwright-error/1",
      code: known.code,
      meaning: codes[known.code],
      exit,
      faults: known.faults.map(({ where, expected, got, remedy }) => ({ where, expected, got, remedy })),
    });
  }
  for (const text of errorLines(known, colorsFor(context.err, context.env))) line(context.err, text);
  if (known.code === "INTERNAL" && error instanceof Error && error.stack !== undefined) line(context.err, `\n${error.stack}`);
  return exit;
}

function unexpected(error: unknown): MillwrightError {
  const got = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new MillwrightError("INTERNAL", {
    expected: "no unforeseen error",
    got,
    remedy: "please report it with the lines below and the command you ran",
    cause: error,
  });
}

/** Code, meaning, then place, expected, got and remedy of every fault. */
export function errorLines(error: MillwrightError, color: Colors): string[] {
  const lines = [`${color.red(color.bold(error.code))}  ${codes[error.code]}`];
  for (const fault of error.faults.slice(0, shown)) {
    lines.push("");
    if (fault.where !== undefined) lines.push(`  ${color.bold(plain(fault.where))}`);
    lines.push(`  ${color.dim("expected")}  ${plain(fault.expected)}`);
    lines.push(`  ${color.dim("got")}       ${plain(fault.got)}`);
    if (fault.remedy !== undefined) lines.push(`  ${color.dim("remedy")}    ${plain(fault.remedy)}`);
  }
  const rest = error.faults.length - shown;
  if (rest > 0) lines.push("", `  and ${rest} more`);
  return lines;
}
