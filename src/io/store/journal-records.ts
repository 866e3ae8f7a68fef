/** What a frame of a journal holds: consecutive records, or the ones a compaction kept. First sequence number, count, then length and bytes of each. */
import { fail } from "../../core/errors.js";

export interface Group {
  /** Sequence number of the first record; of all of them in a frame of kept records. */
  readonly first: number;
  readonly records: readonly Uint8Array[];
}

/** Bytes a record adds to a frame. */
export const recordOverhead = 4;

export function encodeGroup({ first, records }: Group): Uint8Array {
  const size = 12 + records.reduce((sum, r) => sum + recordOverhead + r.length, 0);
  const out = Buffer.alloc(size);
  out.writeBigUInt64LE(BigInt(first));
  out.writeUInt32LE(records.length, 8);
  let at = 12;
  for (const record of records) {
    out.writeUInt32LE(record.length, at);
    out.set(record, at + 4);
    at += recordOverhead + record.length;
  }
  return out;
}

/** The inverse. Only bytes with a valid tag come here, so a fault is ours. Errors: INTERNAL. */
export function decodeGroup(text: Uint8Array): Group {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const records: Uint8Array[] = [];
  let at = 12;
  for (let left = bytes.length < 12 ? 0 : bytes.readUInt32LE(8); left > 0 && at + 4 <= bytes.length; left--) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    records.push(new Uint8Array(bytes.subarray(at + 4, end)));
    at = end;
  }
  if (bytes.length < 12 || at !== bytes.length || records.length !== bytes.readUInt32LE(8)) {
    fail("INTERNAL", { where: "journal", expected: "a frame of whole records", got: `${bytes.length} bytes that are not` });
  }
  return { first: Number(bytes.readBigUInt64LE()), records };
}
