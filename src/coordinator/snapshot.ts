/** A snapshot as it lies in the blobs: when it was taken, by the protocol's own clock, and the protocol's bytes. */
import { fail } from "../core/errors.js";
import { type Millis, millis } from "../core/quantities.js";
import { decodeFrame, encodeFrame } from "../wire/frame.js";

const format = "millwright-snapshot/1";

export function sealSnapshot(at: Millis, state: Uint8Array): Uint8Array {
  return encodeFrame({ format, at }, state);
}

/** Errors: RECORD_DAMAGED. */
export function openSnapshot(bytes: Uint8Array): { readonly at: Millis; readonly state: Uint8Array } {
  const { header, payload } = decodeFrame(bytes);
  if (header.format !== format || !Number.isSafeInteger(header.at)) {
    fail("RECORD_DAMAGED", {
      where: "snapshot",
      expected: format,
      got: (JSON.stringify(header.format) ?? "nothing").slice(0, 80),
      remedy: "restore the data folder from a backup, or start the version that wrote it",
    });
  }
  return { at: millis(header.at as number), state: payload };
}
