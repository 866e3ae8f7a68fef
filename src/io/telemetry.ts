/**
 * OpenTelemetry, where the operator wants it: rounds as spans, through the API package alone. Which SDK and exporter receive them is the
 * operator's choice, loaded before the program (`node --import ./otel.mjs ...`). Without the package nothing happens and nothing is missing.
 */
import { version } from "./version.js";

export interface Telemetry {
  /** A closed round: from the moment it was opened to its end, with figures; never names of rows or values of updates. */
  readonly round: (span: {
    readonly from: number;
    readonly to: number;
    readonly attributes: Readonly<Record<string, string | number>>;
  }) => void;
  /** The run ended; `error` is why it failed. */
  readonly run: (span: {
    readonly from: number;
    readonly to: number;
    readonly attributes: Readonly<Record<string, string | number>>;
    readonly error?: string;
  }) => void;
}

export const noTelemetry: Telemetry = { round: () => {}, run: () => {} };

/** The API where it is installed. */
export async function loadTelemetry(): Promise<Telemetry> {
  const api = await import("@opentelemetry/api").catch(() => undefined);
  if (api === undefined) return noTelemetry;
  const tracer = api.trace.getTracer("millwright", version());
  const tell = (name: string, { from, to, attributes, error }: Parameters<Telemetry["run"]>[0]): void => {
    const span = tracer.startSpan(name, { startTime: from, attributes: { ...attributes } });
    if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error.slice(0, 500) });
    span.end(to);
  };
  return { round: (span) => tell("millwright.round", span), run: (span) => tell("millwright.run", span) };
}
