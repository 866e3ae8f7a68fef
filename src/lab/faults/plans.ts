/** The signed plans of a simulated federation: the one that runs, and an older one that a cache on the way may still hold. */
import type { KeyObject } from "node:crypto";
import { membersOf } from "../../coordinator/plan-members.js";
import { millis } from "../../core/quantities.js";
import { generateKey, importPrivateKey, publicOf, sha256 } from "../../io/crypto/keys.js";
import { type SignedPlan, signPlan } from "../../io/crypto/plan-envelope.js";
import { kernelVersion } from "../../kernels/instance.js";
import { epoch } from "./clock.js";
import type { Federation } from "./federation.js";

export interface Plans {
  readonly current: { readonly plan: SignedPlan; readonly text: string; readonly sha256: string };
  readonly earlier: { readonly text: string; readonly sha256: string };
  readonly trusted: KeyObject;
  /** Not the same every time: its signatures never are (ECDSA draws a number), so simulated worlds keep none (see coordinator.ts). */
  readonly releaseKey: KeyObject;
}

/** A key for simulated worlds only: the same every time, as everything in them. It protects nothing. */
const simulated = (byte: number): KeyObject => {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, byte)]);
  return importPrivateKey(`-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`, "simulated key");
};

const kept = new WeakMap<Federation, Plans>();

export function plansOf(federation: Federation): Plans {
  const known = kept.get(federation);
  if (known !== undefined) return known;
  const { file, sites } = federation;
  const key = simulated(7);
  const sign = (sequence: number) => {
    const plan: SignedPlan = {
      format: "millwright-plan/1",
      federation: file.federation,
      sequence,
      notBefore: millis(epoch - 400 * 86_400_000),
      file: JSON.parse(JSON.stringify(file)) as Record<string, unknown>,
      kernels: kernelVersion,
      plugins: {},
      members: membersOf(file, { org: "works", sites }),
    };
    const text = signPlan(plan, [key]);
    return { plan, text, sha256: sha256(text) };
  };
  const made: Plans = { current: sign(2), earlier: sign(1), trusted: publicOf(key), releaseKey: generateKey("p256") };
  kept.set(federation, made);
  return made;
}
