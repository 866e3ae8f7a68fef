/** Numbers that must not be mixed up carry their meaning in their type; at run time they are plain numbers. */

declare const quantity: unique symbol;
export type Quantity<N extends string> = number & { readonly [quantity]: N };

/** Milliseconds: a duration, or a moment since 1970-01-01T00:00Z. */
export type Millis = Quantity<"Millis">;
/** How much a contribution counts in a weighted mean: a whole number, usually of training examples. */
export type Weight = Quantity<"Weight">;
/** An upper bound on the Euclidean length of an update. */
export type L2Norm = Quantity<"L2Norm">;

/**
 * Marks a number as milliseconds; nothing is checked or changed.
 *
 * @example
 * ```ts
 * import { millis } from "millwright/data";
 *
 * millis(3_600_000) + 0; // => 3600000
 * ```
 */
export const millis = (value: number): Millis => value as Millis;
/**
 * Marks a number as a weight; nothing is checked or changed.
 *
 * @example
 * ```ts
 * weight(300) + 0; // => 300
 * ```
 */
export const weight = (value: number): Weight => value as Weight;
export const l2Norm = (value: number): L2Norm => value as L2Norm;
