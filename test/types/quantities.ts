/** Quantities of different meaning do not mix, and a bare number is no quantity. */
import { type L2Norm, l2Norm, type Millis, millis, type Weight, weight } from "../../src/core/quantities.js";

declare function clip(bound: L2Norm): void;
declare function wait(span: Millis): void;
declare function weigh(by: Weight): void;

clip(l2Norm(1));
wait(millis(250));
weigh(weight(32));
export const sum: number = weight(1) + weight(2);

// @ts-expect-error a weight is not a norm
clip(weight(1));
// @ts-expect-error a norm is not a weight
weigh(l2Norm(1));
// @ts-expect-error a duration is not a weight
weigh(millis(1));
// @ts-expect-error a bare number has no meaning yet
clip(1);
// @ts-expect-error a sum of durations is a bare number until it is named again
wait(millis(1) + millis(2));
