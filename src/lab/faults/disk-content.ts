/** A file of the simulated disk: bytes as programs see them, bytes that are durable, and the writes between, which a crash may drop or tear. */
import type { SeededRandom } from "../../core/random.js";

/** Bytes that a device writes in one go. */
const sector = 512;

type Operation =
  | { readonly type: "write"; readonly at: number; readonly bytes: Uint8Array; lost: boolean }
  | { readonly type: "truncate"; readonly size: number; lost: boolean };

export interface Content {
  readonly kind: "file";
  readonly size: () => number;
  readonly slice: (offset: number, length: number) => Uint8Array;
  readonly append: (bytes: Uint8Array) => void;
  readonly truncate: (size: number) => void;
  readonly sync: () => void;
  /** A sync that failed: the system marks the pages clean, and no later sync writes them (as Linux does). */
  readonly forsake: () => void;
  /** What a power cut leaves. */
  readonly crash: (random: SeededRandom) => void;
  /** Flips one bit of what is stored: a disk that rots. */
  readonly rot: (offset: number, bit: number) => void;
  readonly pending: () => number;
}

export function emptyContent(): Content {
  const durable = growing();
  let now = growing();
  let operations: Operation[] = [];
  return {
    kind: "file",
    size: () => now.size(),
    slice: (offset, length) => now.slice(offset, length),
    append(bytes) {
      operations.push({ type: "write", at: now.size(), bytes: bytes.slice(), lost: false });
      now.write(now.size(), bytes);
    },
    truncate(size) {
      operations.push({ type: "truncate", size, lost: false });
      now.resize(size);
    },
    sync() {
      for (const one of operations) if (!one.lost) apply(durable, one);
      operations = operations.filter((one) => one.lost);
    },
    forsake() {
      for (const one of operations) one.lost = true;
    },
    crash(random) {
      for (const one of operations) {
        const fate = random.integer(3);
        if (fate === 0) continue;
        apply(durable, fate === 1 || one.type === "truncate" ? one : { ...one, bytes: torn(one.bytes, random) });
      }
      operations = [];
      now = durable.copy();
    },
    rot(offset, bit) {
      now.flip(offset, bit);
      durable.flip(offset, bit);
    },
    pending: () => operations.length,
  };

  function apply(to: Growing, one: Operation): void {
    if (one.type === "truncate") to.resize(one.size);
    // A write whose predecessor was dropped leaves a hole of zeros before it, as file systems do.
    else to.write(one.at, one.bytes);
  }
}

/** A prefix of the bytes; sometimes one whole sector of it is noise, sometimes the rest is there as zeros (the size was written, the data not). */
function torn(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const length = random.integer(bytes.length + 1);
  const kept = random.integer(3) === 0 ? new Uint8Array(bytes.length) : new Uint8Array(length);
  kept.set(bytes.subarray(0, length));
  if (random.integer(3) === 0 && length > 0) {
    const start = random.integer(length);
    const end = Math.min(length, start - (start % sector) + sector);
    for (let i = start; i < end; i++) kept[i] = random.integer(256);
  }
  return kept;
}

interface Growing {
  readonly size: () => number;
  readonly slice: (offset: number, length: number) => Uint8Array;
  readonly write: (at: number, bytes: Uint8Array) => void;
  readonly resize: (size: number) => void;
  readonly flip: (offset: number, bit: number) => void;
  readonly copy: () => Growing;
}

function growing(from: Uint8Array = new Uint8Array(0)): Growing {
  let bytes = from.slice();
  let size = from.length;
  function resize(to: number): void {
    if (to > bytes.length) {
      const larger = new Uint8Array(Math.max(to, 2 * bytes.length));
      larger.set(bytes.subarray(0, size));
      bytes = larger;
    } else if (to < size) bytes.fill(0, to, size);
    size = to;
  }
  return {
    size: () => size,
    slice: (offset, length) => bytes.slice(Math.min(offset, size), Math.min(offset + length, size)),
    write(at, data) {
      if (at + data.length > size) resize(at + data.length);
      bytes.set(data, at);
    },
    resize,
    flip(offset, bit) {
      if (offset < size) bytes[offset] ^= 1 << bit;
    },
    copy: () => growing(bytes.subarray(0, size)),
  };
}
