/** What a member needs of its coordinator, whatever carries it: HTTPS in production, a seeded network in the fault simulation. */
import type { NextAnswer, ReplyAnswer } from "../coordinator/exchange.js";

export interface Link {
  /** The signed plan as it is now. */
  readonly plan: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly next: (
    asked: { readonly have?: string; readonly doing?: string; readonly waitMs: number },
    signal: AbortSignal,
  ) => Promise<NextAnswer>;
  /** Bytes that hash to `sha256`, resumed where they broke off. */
  readonly fetch: (sha256: string, size: number, signal: AbortSignal) => Promise<Uint8Array>;
  readonly reply: (
    key: string,
    frame: { readonly sha256: string; readonly bytes: Uint8Array },
    signal: AbortSignal,
  ) => Promise<ReplyAnswer>;
}
