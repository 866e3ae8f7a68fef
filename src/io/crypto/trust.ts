/**
 * Whose signatures a member believes, and how that changes: the keys it was given when it enrolled are replaced only by keys that one of
 * them endorsed (as the root role of TUF is rotated). So a coordinator that was taken over cannot have its own plans believed by
 * answering a renewal with other keys. Endorsements form a chain: a member that missed some follows it from the keys it has.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { canonicalJson, readCanonicalJson } from "../../wire/canonical-json.js";
import { openEnvelope, signEnvelope } from "./dsse.js";
import { importPublicKey } from "./keys.js";

const trustType = "application/vnd.millwright.trust+json";

/** Public keys in PEM. */
export interface Trust {
  readonly plan: readonly string[];
  readonly release: readonly string[];
  /** How one came to these keys from earlier ones, oldest first. */
  readonly endorsements?: readonly string[];
}

/** The longest chain that is followed. */
const longest = 16;
const pems = z.array(z.string().max(4096)).max(16);
const statementSchema = z.strictObject({ format: z.literal("millwright-trust/1"), federation: z.string(), plan: pems, release: pems });

/** What a coordinator tells its members once `next` replaces what they have; signed with a plan key that they believe now. */
export function endorseTrust(federation: string, now: Trust, next: Trust, key: KeyObject): Trust {
  const { plan, release } = next;
  const payload = canonicalJson({ format: "millwright-trust/1", federation, plan, release });
  const envelope = canonicalJson(signEnvelope(trustType, Buffer.from(payload), [key]));
  return { plan, release, endorsements: [...(now.endorsements ?? []), envelope].slice(-longest) };
}

/** The keys to believe from now on. Errors: SIGNATURE_REFUSED where they are others and no chain of endorsements leads to them. */
export function nextTrust(federation: string, now: Trust, told: Trust): Trust {
  const chain = (told.endorsements ?? []).slice(-longest);
  let at: Trust = now;
  for (const envelope of chain) at = endorsed(federation, at, envelope) ?? at;
  if (!same(at, told)) {
    fail("SIGNATURE_REFUSED", {
      where: "keys for plans and releases",
      expected: "the keys of the enrolment, or ones that they endorsed",
      got: "other keys",
      remedy: "ask the federation's administrator whether the keys were changed; enroll again if they were lost",
    });
  }
  return told;
}

/** What an envelope says where one of the plan keys signed it. */
function endorsed(federation: string, by: Trust, envelope: string): Trust | undefined {
  try {
    const keys = by.plan.map((pem) => importPublicKey(pem, "plan key"));
    const opened = openEnvelope(readCanonicalJson(envelope, "endorsement"), { type: trustType, keys, where: "endorsement" });
    const statement = statementSchema.parse(readCanonicalJson(Buffer.from(opened.payload).toString("utf8"), "endorsement"));
    return statement.federation === federation ? statement : undefined;
  } catch {
    // Of another link of the chain, or nobody's: it leads nowhere, and the comparison at the end decides.
    return undefined;
  }
}

function same(a: Trust, b: Trust): boolean {
  const told = ({ plan, release }: Trust) => canonicalJson([[...new Set(plan)].sort(), [...new Set(release)].sort()]);
  return told(a) === told(b);
}
