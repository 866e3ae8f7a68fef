/** Rounds as spans of whatever provider the operator has registered with OpenTelemetry's API. */
import { SpanStatusCode, type Tracer, type TracerProvider, trace } from "@opentelemetry/api";
import { afterEach, expect, it } from "vitest";
import { loadTelemetry } from "../../src/io/telemetry.js";

afterEach(() => trace.disable());

it("tells rounds and runs with their times, and failures as errors", async () => {
  const told: Record<string, unknown>[] = [];
  const tracer = {
    startSpan(name: string, options: { readonly startTime: number; readonly attributes: object }) {
      const span: Record<string, unknown> = { name, from: options.startTime, ...options.attributes };
      told.push(span);
      return { setStatus: (status: unknown) => Object.assign(span, { status }), end: (to: number) => void Object.assign(span, { to }) };
    },
  } as unknown as Tracer;
  trace.setGlobalTracerProvider({ getTracer: () => tracer } as TracerProvider);
  const telemetry = await loadTelemetry();
  telemetry.round({ from: 1000, to: 2500, attributes: { "millwright.round": 3 } });
  telemetry.run({ from: 0, to: 9000, attributes: {}, error: "ROUND_ABANDONED: too few" });
  expect(told).toEqual([
    { name: "millwright.round", from: 1000, to: 2500, "millwright.round": 3 },
    { name: "millwright.run", from: 0, to: 9000, status: { code: SpanStatusCode.ERROR, message: "ROUND_ABANDONED: too few" } },
  ]);
});

it("costs nothing where nobody listens", async () => {
  const telemetry = await loadTelemetry();
  expect(() => telemetry.round({ from: 0, to: 1, attributes: {} })).not.toThrow();
});
