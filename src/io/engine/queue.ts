/**
 * A work queue for references, as a port. A reference names a row of the record and a blob; it never carries content. The queue may lose
 * references, bring them twice, late or in another order: the record is what counts, and whoever sweeps its outbox publishes again
 * what is not done.
 */

/** An outbox row on its way. */
export interface Reference {
  /** The row's id: the idempotency key of what it tells of. */
  readonly id: string;
  readonly ref: string;
}

export interface ReferenceQueue {
  readonly kind: string;
  /** True when the queue has taken it, for what its word is worth. Never throws. */
  readonly publish: (topic: string, reference: Reference) => Promise<boolean>;
  /**
   * Takes references of a topic as they come, several at once; each goes to one of those who consume. It is acknowledged after `handle`
   * resolved; where that rejects it comes again. Returns what stops it; what is being handled is waited for.
   */
  readonly consume: (topic: string, handle: (reference: Reference) => Promise<void>) => () => Promise<void>;
  /** Tells whoever listens, now or never: a wake-up can be lost, so nobody may depend on one. */
  readonly wake: (topic: string) => void;
  readonly onWake: (topic: string, woken: () => void) => () => void;
  /** What is wrong with it now, for status; undefined when all is well. */
  readonly trouble: () => string | undefined;
  readonly close: () => Promise<void>;
}

/** No queue at all: everything goes by the sweep of the outbox. PostgreSQL alone is enough for rounds; it is only later by one sweep. */
export const noQueue: ReferenceQueue = {
  kind: "none",
  publish: async () => false,
  consume: () => async () => {},
  wake: () => {},
  onWake: () => () => {},
  trouble: () => undefined,
  close: async () => {},
};
