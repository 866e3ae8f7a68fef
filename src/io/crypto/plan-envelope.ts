/**
 * The signed plan: what a federation agreed to run, in a DSSE envelope signed with an Ed25519 key that the members were given when they
 * enrolled. A plant runs nothing else: not another file, not other kernels, no module whose hash is not in it, and never an older plan
 * than it has accepted. It does not say that the plan is a good one; that is for each plant's own policy.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { fail } from "../../core/errors.js";
import type { Millis } from "../../core/quantities.js";
import { roles } from "../../core/route.js";
import { canonicalJson, readCanonicalJson } from "../../wire/canonical-json.js";
import { openEnvelope, signEnvelope } from "./dsse.js";
import { sha256 } from "./keys.js";

export const planType = "application/vnd.millwright.plan+json";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const moment = z.int().min(0).max(8.64e15);

const planSchema = z.strictObject({
  format: z.literal("millwright-plan/1"),
  federation: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  /** Grows with every plan of the federation. */
  sequence: z.int().min(1),
  notBefore: moment,
  notAfter: moment.optional(),
  /** The federation file as read. Whoever runs it checks it again. */
  file: z.record(z.string(), z.unknown()),
  /** SHA-256 of the compiled kernels. */
  kernels: digest,
  /** SHA-256 of each module that the file names, by the path in it. */
  plugins: z.record(z.string().max(512), digest),
  /** Who takes part, and under whom in the tree; the root is under nobody. */
  members: z.array(z.strictObject({ name, org: name, role: z.enum(roles), under: name.optional() })).max(20_000),
});

/** What a federation agreed to run. */
export type SignedPlan = z.output<typeof planSchema>;

export interface OpenedPlan {
  readonly plan: SignedPlan;
  /** Of the envelope's text: the plan's blob. */
  readonly sha256: string;
}

/** The envelope's text, canonical JSON: the same plan and keys give the same bytes. Errors: PLAN_REFUSED. */
export function signPlan(plan: SignedPlan, keys: readonly KeyObject[]): string {
  checkPlan(planSchema.safeParse(plan), plan.federation);
  return canonicalJson(signEnvelope(planType, Buffer.from(canonicalJson(plan)), keys));
}

/**
 * A plan that may be run now, from the envelope's text. `last` is the newest plan accepted before, which the program keeps.
 * Errors: SIGNATURE_MISSING, SIGNATURE_REFUSED, MESSAGE_INVALID, ROLLBACK_REFUSED, PLAN_REFUSED.
 */
export function openPlan(
  text: string,
  trusted: {
    readonly keys: readonly KeyObject[];
    readonly federation: string;
    readonly now: Millis;
    readonly last?: { readonly sequence: number; readonly sha256: string };
    /** How many of the keys have to have signed. */
    readonly need?: number;
  },
): OpenedPlan {
  const { keys, federation, now, last, need } = trusted;
  const { payload } = openEnvelope(readCanonicalJson(text, "plan"), { type: planType, keys, where: "plan", need });
  const plan = checkPlan(planSchema.safeParse(readCanonicalJson(Buffer.from(payload).toString("utf8"), "plan")), federation);
  const opened = { plan, sha256: sha256(text) };
  if (last !== undefined && (plan.sequence < last.sequence || (plan.sequence === last.sequence && opened.sha256 !== last.sha256))) {
    fail("ROLLBACK_REFUSED", {
      where: "plan",
      expected: `plan ${last.sequence} as it was, or a newer one`,
      got: plan.sequence === last.sequence ? `another plan ${plan.sequence}` : `plan ${plan.sequence}`,
      remedy: "sign the plan anew under a larger sequence number",
    });
  }
  if (now < plan.notBefore || (plan.notAfter !== undefined && now >= plan.notAfter)) {
    const until = plan.notAfter === undefined ? "" : ` until ${new Date(plan.notAfter).toISOString()}`;
    refuse(`a moment from ${new Date(plan.notBefore).toISOString()}${until}`, new Date(now).toISOString(), "wait, or sign a plan for now");
  }
  return opened;
}

/** What an envelope of one's own store says. Its signature is not looked at: only for what was verified when it was stored. */
export function readPlanUnverified(text: string): SignedPlan {
  const { payload } = readCanonicalJson(text, "plan") as { readonly payload?: unknown };
  const inner = readCanonicalJson(Buffer.from(String(payload), "base64").toString("utf8"), "plan");
  const parsed = planSchema.safeParse(inner);
  return checkPlan(parsed, parsed.success ? parsed.data.federation : "");
}

/** Holds a module to its hash in the plan. Errors: PLAN_REFUSED. */
export function checkPlugin(plan: Pick<SignedPlan, "plugins">, path: string, bytes: Uint8Array): void {
  const pinned = Object.hasOwn(plan.plugins, path) ? plan.plugins[path] : undefined;
  const got = sha256(bytes);
  if (pinned !== got) {
    refuse(
      pinned === undefined ? `a pinned hash for ${path}` : `${path} with SHA-256 ${pinned}`,
      pinned === undefined ? "none" : got,
      "sign a plan that pins this module",
    );
  }
}

/** Holds this program's kernels to the plan's. Errors: KERNEL_MISMATCH. */
export function checkKernels(plan: Pick<SignedPlan, "kernels">, own: string): void {
  if (plan.kernels !== own) {
    fail("KERNEL_MISMATCH", {
      where: "plan",
      expected: plan.kernels,
      got: own,
      remedy: "install the version of Millwright that the plan was signed with",
    });
  }
}

function checkPlan(parsed: ReturnType<typeof planSchema.safeParse>, federation: string): SignedPlan {
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refuse(`${issue.path.join(".")}: ${issue.message}`.slice(0, 200), "something else");
  }
  const plan = parsed.data;
  if (plan.federation !== federation) refuse(`a plan of ${federation}`, `one of ${plan.federation}`);
  const names = new Set(plan.members.map((member) => member.name));
  if (names.size !== plan.members.length) refuse("members with different names", "a name twice");
  const under = new Map(plan.members.map((member) => [member.name, member.under]));
  for (const { name: start } of plan.members) {
    let at = under.get(start);
    for (let depth = 0; at !== undefined; depth++) {
      if (!under.has(at) || depth >= 16)
        refuse("a tree of at most 16 levels", under.has(at) ? "a longer path, or a circle" : `no member ${at}`);
      at = under.get(at);
    }
  }
  return plan;
}

function refuse(expected: string, got: string, remedy?: string): never {
  fail("PLAN_REFUSED", { where: "plan", expected, got, remedy });
}
