/**
 * A conversation is a protocol without I/O: it takes a state, an input and the time, and gives the next state and the effects that
 * whoever drives it must carry out. The same code runs over a network, in simulation and under a seeded fault simulator.
 */
import type { Millis } from "./quantities.js";

export interface Protocol<State, Input, Effect> {
  /** Runs to completion. Never reads a clock, never draws a random number that was not passed in, never waits. */
  readonly step: (state: State, input: Input, now: Millis) => readonly [State, readonly Effect[]];
}
