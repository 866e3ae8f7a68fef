/** Keys for plans and releases are replaced only along endorsements of the keys one has. */
import { describe, expect, it } from "vitest";
import { checkEnrolled } from "../../../src/io/crypto/enrol.js";
import { generateKey, publicPem } from "../../../src/io/crypto/keys.js";
import { endorseTrust, nextTrust, type Trust } from "../../../src/io/crypto/trust.js";
import { codeOf, issue, noon, testAuthority } from "./support.js";

const keys = Array.from({ length: 20 }, () => generateKey("ed25519"));
const release = publicPem(generateKey("p256"));
const trustIn = (i: number): Trust => ({ plan: [publicPem(keys[i])], release: [release] });
const to = (now: Trust, from: number, next: number): Trust => endorseTrust("f", now, trustIn(next), keys[from]);

describe("trust", () => {
  const [a, b, c] = [trustIn(0), to(trustIn(0), 0, 1), to(to(trustIn(0), 0, 1), 1, 2)];
  it("stays, and follows one endorsement or several that were missed", () => {
    expect(nextTrust("f", a, a)).toEqual(a);
    expect(nextTrust("f", a, { ...a, plan: [...a.plan, ...a.plan] }).plan).toHaveLength(2);
    expect(nextTrust("f", a, b)).toEqual(b);
    expect(nextTrust("f", b, c)).toEqual(c);
    expect(nextTrust("f", a, c)).toEqual(c);
    expect(nextTrust("f", c, c)).toEqual(c);
  });
  it("is not given to keys that nobody endorsed, or somebody else, or for another federation", () => {
    expect(codeOf(() => nextTrust("f", a, trustIn(1)))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => nextTrust("f", a, { ...a, release: [publicPem(generateKey("p256"))] }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => nextTrust("f", a, to(a, 5, 1)))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => nextTrust("f", a, { ...trustIn(2), endorsements: b.endorsements }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => nextTrust("f", a, endorseTrust("g", a, trustIn(1), keys[0])))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => nextTrust("f", a, { ...trustIn(1), endorsements: ["", "{}", "nonsense"] }))).toBe("SIGNATURE_REFUSED");
  });
  it("does not go back to keys that were replaced, even with their own signature", () => {
    expect(codeOf(() => nextTrust("f", b, a))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => nextTrust("f", b, to(b, 0, 3)))).toBe("SIGNATURE_REFUSED");
  });
  it("is followed over a bounded chain", () => {
    let now = trustIn(0);
    for (let i = 0; i < 19; i++) now = to(now, i, i + 1);
    expect(now.endorsements).toHaveLength(16);
    expect(nextTrust("f", trustIn(5), now).plan).toEqual(trustIn(19).plan);
    expect(codeOf(() => nextTrust("f", trustIn(0), now))).toBe("SIGNATURE_REFUSED");
  });
  it("is checked at a renewal and told at an enrolment", () => {
    const authority = testAuthority("f");
    const member = issue(authority, "plant-3");
    const promised = { federation: "f", org: "acme", name: "plant-3", role: "site", authority: authority.fingerprint } as const;
    const answer = (trust: Trust) => ({ certificate: member.certificate, authority: authority.certificate, trust });
    expect(checkEnrolled(answer(a), promised, member.key, noon).trust).toEqual(a);
    expect(checkEnrolled(answer(b), { ...promised, trust: a }, member.key, noon).trust).toEqual(b);
    expect(codeOf(() => checkEnrolled(answer(trustIn(1)), { ...promised, trust: a }, member.key, noon))).toBe("SIGNATURE_REFUSED");
  });
});
