/**
 * The rows behind a certificate, kept for a few seconds, so that a request costs no query. What was read before a change is never kept
 * after it: every `forget` starts a new generation, and an answer of an older one is given once and dropped.
 */
import type { Millis } from "../core/quantities.js";
import type { CertificateRow, MemberRow, RecordStore } from "../core/record.js";

export interface Standing {
  readonly certificate?: CertificateRow;
  readonly member?: MemberRow;
}

export interface CallerCache {
  readonly look: (serial: string, now: Millis) => Promise<Standing>;
  /** Whatever is known of a member. */
  readonly forget: (member: string) => void;
}

export function createCallerCache(
  store: Pick<RecordStore, "certificate" | "member">,
  limits: { readonly keep: Millis; readonly entries: number },
): CallerCache {
  const kept = new Map<string, { readonly standing: Standing; readonly at: number }>();
  let generation = 0;
  return {
    look: async (serial, now) => {
      const there = kept.get(serial);
      if (there !== undefined && now >= there.at && now < there.at + limits.keep) return there.standing;
      const started = generation;
      const certificate = await store.certificate(serial);
      const standing: Standing = { certificate, member: certificate === undefined ? undefined : await store.member(certificate.member) };
      // Strangers are not kept: they could push members out.
      if (started === generation && standing.member !== undefined) {
        kept.delete(serial);
        kept.set(serial, { standing, at: now });
        if (kept.size > limits.entries) kept.delete(kept.keys().next().value as string);
      }
      return standing;
    },
    forget: (member) => {
      generation++;
      for (const [serial, { standing }] of kept) if (standing.member?.name === member) kept.delete(serial);
    },
  };
}
