/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna), seeded by a 128-bit mix of the labels.
 *
 * A generator is named by labels (`seeded(7, "site", 3, "round", 2)`), so that no result depends on the order
 * in which sites or workers asked for numbers. It is not cryptographic: nothing private may use it.
 */
import { log } from "./math.js";

/** A generator of random numbers, seeded by labels. Not cryptographic. */
export interface SeededRandom {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
  /** A uniform number in [0, 1) with 53 random bits. */
  float(): number;
  /** A uniform integer in [0, below), without modulo bias. `below` is a whole number in 1..2^32. */
  integer(below: number): number;
  /** A standard normal number (polar method of Marsaglia). */
  normal(): number;
  /** Shuffles in place (Fisher and Yates) and returns its argument. */
  shuffle<T extends { length: number; [i: number]: unknown }>(items: T): T;
  /** The numbers 0..count-1 in random order. */
  permutation(count: number): Int32Array;
  /** A generator of its own for a named part of the work; does not advance this one. */
  fork(...labels: readonly Label[]): SeededRandom;
}

export type Label = string | number;

/**
 * A generator determined by its labels alone (xoshiro128**, Blackman and Vigna): the same labels give the same numbers on every machine.
 *
 * @example
 * ```ts
 * import { seeded } from "millwright/model";
 *
 * seeded(7, "site", 3).uint32() === seeded(7, "site", 3).uint32(); // => true
 * ```
 */
export function seeded(...labels: readonly Label[]): SeededRandom {
  const key = labels.map((l) => (typeof l === "number" ? `n${l}` : `s${l.length}:${l}`)).join("/");
  let [a, b, c, d] = mix128(key);
  let spare: number | undefined;

  function uint32(): number {
    const t = Math.imul(b, 5);
    const result = Math.imul((t << 7) | (t >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  }

  function float(): number {
    const high = uint32() >>> 5;
    const low = uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  function integer(below: number): number {
    // Numbers at or above the largest multiple of `below` would favour small results: draw again.
    const limit = 4294967296 - (4294967296 % below);
    for (;;) {
      const drawn = uint32();
      if (drawn < limit) return drawn % below;
    }
  }

  function normal(): number {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const u = 2 * float() - 1;
      const v = 2 * float() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const factor = Math.sqrt((-2 * log(s)) / s);
      spare = v * factor;
      return u * factor;
    }
  }

  function shuffle<T extends { length: number; [i: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = integer(i + 1);
      const kept = items[i];
      items[i] = items[j];
      items[j] = kept;
    }
    return items;
  }

  return {
    uint32,
    float,
    integer,
    normal,
    shuffle,
    permutation: (count) => shuffle(Int32Array.from({ length: count }, (_, i) => i)),
    fork: (...more) => seeded(key, ...more),
  };
}

/** cyrb128 (bryc, public domain): four well-mixed 32-bit words from a string. */
function mix128(text: string): [number, number, number, number] {
  let h1 = 1779033703;
  let h2 = 3144134277;
  let h3 = 1013904242;
  let h4 = 2773480762;
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i);
    h1 = h2 ^ Math.imul(h1 ^ k, 597399067);
    h2 = h3 ^ Math.imul(h2 ^ k, 2869860233);
    h3 = h4 ^ Math.imul(h3 ^ k, 951274213);
    h4 = h1 ^ Math.imul(h4 ^ k, 2716044179);
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067);
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233);
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213);
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179);
  h1 ^= h2 ^ h3 ^ h4;
  h2 ^= h1;
  h3 ^= h1;
  h4 ^= h1;
  // All zeros is the one state in which the generator stands still.
  if ((h1 | h2 | h3 | h4) === 0) h1 = 1;
  return [h1, h2, h3, h4];
}
