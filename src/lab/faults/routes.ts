/** What a simulated coordinator answers to its members, and a member's link over the simulated network: the routes of HTTPS, without it. */
import type { Exchange } from "../../coordinator/exchange.js";
import type { BlobStore } from "../../core/blobs.js";
import { fail } from "../../core/errors.js";
import type { Link } from "../../edge/link.js";
import { sha256 } from "../../io/crypto/keys.js";
import type { Life } from "./machine.js";
import type { Network } from "./network.js";

export interface Routes {
  readonly exchange: Exchange;
  readonly blobs: BlobStore;
  /** The signed plan now, and one that a cache may still hold. */
  readonly plan: () => { readonly now: string; readonly before: string };
}

/** What an answer may take beyond the wait that was asked for (src/edge/https-link.ts). */
const slack = 15_000;
const timeout = 30_000;

/** `left` is told of every reply before it is on its way. */
export function linkOf(
  network: Network<Routes>,
  member: Life,
  to: string,
  left: (key: string, frame: { readonly sha256: string; readonly bytes: Uint8Array }) => void,
): Link {
  const utf8 = new TextEncoder();
  const damaged = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length === 0 || !network.damages()) return bytes;
    const copy = bytes.slice();
    copy[member.random.integer(copy.length)] ^= 1 << member.random.integer(8);
    return copy;
  };
  return {
    plan: (signal) =>
      network.call({
        from: member,
        to,
        timeout,
        signal,
        handle: async ({ plan }) => utf8.encode(network.stale() ? plan().before : plan().now),
      }),
    next: (asked, signal) =>
      network.call({
        from: member,
        to,
        timeout: asked.waitMs + slack,
        signal,
        handle: ({ exchange }, given) => exchange.next(member.name, asked, given),
      }),
    async fetch(digest, size, signal) {
      const handle = async ({ exchange }: Routes): Promise<Uint8Array> =>
        exchange.taskBytes(member.name, digest) ??
        fail("BLOB_MISSING", { where: digest, expected: "the frame of an open task", got: "none", remedy: "ask what there is to do" });
      const bytes = damaged(await network.call({ from: member, to, timeout, signal, handle }));
      if (bytes.length !== size || sha256(bytes) !== digest)
        fail("TRANSPORT_DAMAGED", { where: digest, expected: "content with this SHA-256", got: "other bytes", remedy: "fetch it again" });
      return bytes;
    },
    async reply(key, frame, signal) {
      if (member.alive()) left(key, frame);
      // Large replies are uploaded in pieces first; here, one in four takes that way.
      const pieces = member.random.integer(4) === 0;
      if (pieces) await network.call({ from: member, to, timeout, signal, handle: ({ blobs }) => upload(blobs, frame, damaged) });
      return network.call({
        from: member,
        to,
        timeout,
        signal,
        handle: ({ exchange }) => exchange.reply(member.name, key, pieces ? { sha256: frame.sha256 } : frame.bytes),
      });
    },
  };
}

/** In two pieces, resumed where an earlier attempt ended. */
async function upload(
  blobs: BlobStore,
  { sha256: digest, bytes }: { readonly sha256: string; readonly bytes: Uint8Array },
  damaged: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const writer = await blobs.writer(digest, bytes.length);
  for (let tries = 0; writer.received() < bytes.length && tries < 4; tries++) {
    const at = writer.received();
    await writer.write(damaged(bytes.subarray(at, Math.max(at + 1, (bytes.length + at) >> 1))), at);
  }
  if (writer.received() < bytes.length) await writer.write(bytes.subarray(writer.received()), writer.received());
  await writer.finish();
}
