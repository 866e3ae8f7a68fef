/** What a long-lived program says while it runs: one line per event for people, one JSON object per line for machines. Secrets are never in it. */
import type { Log } from "../../io/transport/server.js";
import { type Context, colorsFor, line } from "../context.js";
import { plain } from "../show/text.js";

export type LogFormat = "text" | "json";

export function logTo(context: Context, format: LogFormat, quiet: readonly string[] = []): Log {
  const color = colorsFor(context.err, context.env);
  const paint = { info: (text: string) => text, warn: color.yellow, error: color.red };
  return (level, event, fields) => {
    if (quiet.includes(event)) return;
    const at = new Date().toISOString();
    if (format === "json") {
      line(context.err, JSON.stringify({ at, level, event, ...fields }));
      return;
    }
    const rest = Object.entries(fields)
      .flatMap(([key, value]) =>
        value === undefined ? [] : [`${key}=${plain(typeof value === "string" ? value : JSON.stringify(value))}`],
      )
      .join(" ");
    line(context.err, `${color.dim(at.slice(11, 19))} ${paint[level](event)} ${rest}`);
  };
}
