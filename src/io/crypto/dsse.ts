/**
 * Signed envelopes (DSSE v1.0): a payload, its type, and signatures over both in their pre-authentication encoding, so that nothing is
 * parsed before it is known to be signed. A key's id is only a hint: what counts is which trusted key a signature holds under.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { keyId, signBytes, verifyBytes } from "./keys.js";

export const dsseLimits = { payload: 1 << 23, signatures: 16 } as const;

export interface Envelope {
  /** Base64. */
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid?: string; readonly sig: string }[];
}

/** What an envelope proves: the payload and the trusted keys that signed it. */
export interface Opened {
  readonly payload: Uint8Array;
  readonly keyIds: readonly string[];
}

const envelopeSchema = z.looseObject({
  payload: z.string(),
  payloadType: z.string().max(256),
  signatures: z.array(z.looseObject({ keyid: z.string().max(256).optional(), sig: z.string().max(1024) })).max(dsseLimits.signatures),
});

/** The bytes that are signed: "DSSEv1", and type and payload each after its length in bytes. */
export function preAuthenticationEncoding(type: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Signs with every key given. */
export function signEnvelope(type: string, payload: Uint8Array, keys: readonly KeyObject[], withIds = true): Envelope {
  const bytes = preAuthenticationEncoding(type, payload);
  return {
    payload: Buffer.from(payload).toString("base64"),
    payloadType: type,
    signatures: keys.map((key) => ({ keyid: withIds ? keyId(key) : "", sig: Buffer.from(signBytes(key, bytes)).toString("base64") })),
  };
}

/**
 * The payload, when `need` different trusted keys signed it (usually 1).
 * Errors: MESSAGE_INVALID, LIMIT_EXCEEDED, SIGNATURE_MISSING, SIGNATURE_REFUSED.
 */
export function openEnvelope(
  value: unknown,
  options: { readonly type: string; readonly keys: readonly KeyObject[]; readonly where: string; readonly need?: number },
): Opened {
  const { type, keys, where, need = 1 } = options;
  const { payload, signatures } = readEnvelope(value, type, where);
  const bytes = preAuthenticationEncoding(type, payload);
  const holding = keys.filter((key) => signatures.some((signature) => verifyBytes(key, bytes, signature)));
  const keyIds = [...new Set(holding.map(keyId))];
  if (need < 1 || keyIds.length < need) {
    fail("SIGNATURE_REFUSED", {
      where,
      expected: `signatures of ${need} of ${keys.length} trusted keys`,
      got: `${keyIds.length}`,
      remedy: "it was changed on its way, or signed by somebody who is not trusted here; ask the federation's administrator",
    });
  }
  return { payload, keyIds };
}

function readEnvelope(value: unknown, type: string, where: string): { payload: Uint8Array; signatures: readonly Uint8Array[] } {
  const parsed = envelopeSchema.safeParse(value);
  if (!parsed.success) fail("MESSAGE_INVALID", { where, expected: "a DSSE envelope", got: "something else" });
  const { payload, payloadType, signatures } = parsed.data;
  if (payloadType !== type) fail("MESSAGE_INVALID", { where, expected: `a payload of type ${type}`, got: JSON.stringify(payloadType) });
  if (signatures.length === 0) {
    fail("SIGNATURE_MISSING", { where, expected: "a signature", got: "none", remedy: "nothing unsigned is accepted; have it signed" });
  }
  if (payload.length > (dsseLimits.payload * 4) / 3 + 4) {
    fail("LIMIT_EXCEEDED", { where, expected: `a payload of at most ${dsseLimits.payload} bytes`, got: "more" });
  }
  return { payload: exactBase64(payload, where), signatures: signatures.map(({ sig }) => exactBase64(sig, where)) };
}

/** Base64 in its one spelling. Errors: MESSAGE_INVALID. */
export function exactBase64(text: string, where: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) fail("MESSAGE_INVALID", { where, expected: "base64", got: "something else" });
  return bytes;
}
