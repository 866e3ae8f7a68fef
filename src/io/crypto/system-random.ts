/** Secret randomness of this machine: the operating system's generator, through Node. */
import { randomBytes } from "node:crypto";
import type { SecretRandom } from "../../core/ports.js";

export const systemRandom: SecretRandom = { bytes: (length) => new Uint8Array(randomBytes(length)) };

/** Even in [0, 1), for jitter: no secret, but the same source. */
export const systemJitter = (): number => randomBytes(4).readUInt32BE() / 0x1_0000_0000;
