/** The operation that compares the output with the targets, adds the loss up and begins the way back. */
import { fail } from "../../core/errors.js";
import type { LossSpec } from "../spec.js";
import type { Build } from "./program.js";
import { address, flat, pitchOf, type Storage, type View } from "./storage.js";

const kinds = { mse: 0, mae: 1, huber: 2 } as const;

/** Values per example the targets must have. Errors: MODEL_INVALID where output and loss do not go together. */
export function targetWidth(loss: LossSpec, outputSize: number): number {
  return loss.use === "cross-entropy" ? 1 : outputSize;
}

export function checkLoss(loss: LossSpec, output: View): void {
  const invalid = (expected: string, got: string) => fail("MODEL_INVALID", { where: `loss ${loss.use}`, expected, got });
  if (loss.use === "bce" && loss.positiveWeight !== undefined && !(loss.positiveWeight > 0 && Number.isFinite(loss.positiveWeight))) {
    invalid("a positive, finite positiveWeight", String(loss.positiveWeight));
  }
  if (loss.use === "huber" && loss.delta !== undefined && !(loss.delta > 0 && Number.isFinite(loss.delta))) {
    invalid("a positive, finite delta", String(loss.delta));
  }
  if (loss.use !== "cross-entropy") return;
  if (output.h * output.w !== 1) invalid("a vector of logits as output", `shape [${output.h}, ${output.w}, ${output.c}]`);
  if (output.c < 2) invalid("at least two classes (binary tasks use bce)", String(output.c));
  const smoothing = loss.labelSmoothing ?? 0;
  if (!(smoothing >= 0 && smoothing < 1)) invalid("labelSmoothing in [0, 1)", String(smoothing));
  const weights = loss.classWeights;
  if (weights !== undefined && (weights.length !== output.c || !weights.every((w) => w >= 0 && Number.isFinite(w)))) {
    invalid(`${output.c} class weights from 0`, JSON.stringify(weights));
  }
}

/** `delta` is undefined where only the value is wanted. */
export function emitLoss(build: Build, loss: LossSpec, output: View, target: Storage, delta: Storage | undefined): void {
  const { kernels, facts } = build;
  const y = output.on;
  build.each([y, target, ...(delta ? [delta] : [])], () => {
    const all = delta ? [y, target, delta] : [y, target];
    const joined = flat(...all);
    const rows = joined ? 1 : y.rows;
    const run = joined ? y.rows * y.run : y.run;
    const [a, b, c] = [pitchOf(y), pitchOf(target), delta ? pitchOf(delta) : 0];
    const deltaAt = (octet: number) => (delta ? address(delta, octet) : 0);
    const { binaryLoss, crossEntropy, regressionLoss } = kernels;
    switch (loss.use) {
      case "bce": {
        const positive = loss.positiveWeight ?? 1;
        return (octet) => {
          facts.loss += binaryLoss(
            address(y, octet),
            address(target, octet),
            deltaAt(octet),
            facts.scale + octet * 32,
            rows,
            run,
            a,
            b,
            c,
            positive,
          );
        };
      }
      case "cross-entropy": {
        const smoothing = loss.labelSmoothing ?? 0;
        return (octet) => {
          facts.loss += crossEntropy(
            address(y, octet),
            address(target, octet),
            deltaAt(octet),
            facts.scale + octet * 32,
            output.c,
            smoothing,
            facts.classWeights,
          );
        };
      }
      default: {
        const kind = kinds[loss.use];
        const edge = loss.use === "huber" ? (loss.delta ?? 1) : 1;
        return (octet) => {
          facts.loss += regressionLoss(
            kind,
            address(y, octet),
            address(target, octet),
            deltaAt(octet),
            facts.scale + octet * 32,
            rows,
            run,
            a,
            b,
            c,
            edge,
          );
        };
      }
    }
  });
}
