/**
 * A member's connection to its coordinator, for years: the certificate is renewed with a new key when two thirds of its life are over, and the
 * client is made anew with it. The link stays the same for whoever holds it.
 */
import { type BucketSpec, linkBucket } from "../core/bucket.js";
import type { Disk } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { StoreKey } from "../io/store/key.js";
import type { HttpsClient } from "../io/transport/client.js";
import { type Door, memberClient, renewHere } from "./enrolment.js";
import { httpsLink } from "./https-link.js";
import { type Identity, renewalDue } from "./identity.js";
import type { Link } from "./link.js";

export interface ConnectionOptions {
  readonly disk: Disk;
  readonly storeKey: StoreKey;
  readonly identity: Identity;
  /** What the client is made of; asked anew for each identity, because a signer holds its key. */
  readonly door: (identity: Identity) => Door;
  readonly url?: string;
  readonly renewed?: (identity: Identity) => void;
  /** A renewal that failed; it is tried again in an hour. */
  readonly failed: (error: unknown) => void;
}

export interface Connection {
  readonly link: Link;
  /** As it is now: the certificate, and the keys that its coordinator's were replaced by. */
  readonly identity: () => Identity;
  /** Models and updates keep to this many bytes per second from now on. */
  readonly limit: (rate: number) => void;
  readonly close: () => void;
}

/** How often the certificate's age is looked at. */
const everyHour = 3_600_000;

export async function connect(options: ConnectionOptions): Promise<Connection> {
  const { disk, storeKey } = options;
  let { identity } = options;
  let bucket: BucketSpec | undefined;
  let client = open();
  let cancel: () => void = () => {};
  let closed = false;

  function open(): HttpsClient {
    const door = options.door(identity);
    return memberClient(identity, bucket === undefined ? door : { ...door, bucket }, options.url ?? identity.urls[0]);
  }

  function replace(): void {
    const old = client;
    client = open();
    old.close();
  }

  async function look(): Promise<void> {
    const { clock } = options.door(identity);
    try {
      if (renewalDue(identity.facts, clock)) {
        identity = await renewHere(disk, storeKey, client, clock);
        replace();
        options.renewed?.(identity);
      }
    } catch (error) {
      options.failed(error);
    }
    if (!closed) cancel = clock.at(millis(clock.now() + everyHour), () => void look());
  }

  await look();
  return {
    identity: () => identity,
    link: {
      plan: (signal) => httpsLink(client).plan(signal),
      next: (asked, signal) => httpsLink(client).next(asked, signal),
      fetch: (sha256, size, signal) => httpsLink(client).fetch(sha256, size, signal),
      reply: (key, frame, signal) => httpsLink(client).reply(key, frame, signal),
    },
    limit(rate) {
      bucket = linkBucket(rate);
      replace();
    },
    close() {
      closed = true;
      cancel();
      client.close();
    },
  };
}
