/** Requests that carry their own identity: each way to cheat has its own refusal. */
import { createHash, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMembership } from "../../src/coordinator/membership.js";
import { createAuthenticate } from "../../src/coordinator/membership-authenticate.js";
import { MillwrightError } from "../../src/core/errors.js";
import { millis } from "../../src/core/quantities.js";
import type { Evidence } from "../../src/core/route.js";
import { certificatePem, factsOf, readCertificate } from "../../src/io/crypto/certificate.js";
import { exportPrivateKey, generateKey } from "../../src/io/crypto/keys.js";
import { createRequest } from "../../src/io/crypto/request.js";
import { createRequestSigner, readSignedRequest } from "../../src/io/crypto/signed-request.js";
import { readToken } from "../../src/io/crypto/token.js";
import { memoryRecord } from "../../src/io/record/memory.js";
import { codeOf, codeOfAsync, day, issue, testAuthority, testClock, testRandom } from "../io/crypto/support.js";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const body = '{"round":7}';

async function setting() {
  const clock = testClock();
  const record = memoryRecord();
  const store = record.open();
  const authority = testAuthority("press-shops", clock);
  const membership = createMembership({ store, authority, clock, random: testRandom(5), trust: { plan: [], release: [] } });
  const invited = await membership.createToken({ org: "acme", name: "plant-3", role: "site", urls: ["https://a"], by: "local" });
  const key = generateKey("p256");
  const request = createRequest(key, "plant-3");
  const { certificate } = await membership.enrol({ secret: readToken(invited.token).secret, request, address: "a" });
  const sign = createRequestSigner({ key, certificate, clock, random: testRandom(6) });
  const authenticateOver = (over: typeof store) =>
    createAuthenticate({ federation: "press-shops", authorities: [authority.x509], membership, store: over, clock });
  const signed = async (change: Partial<Evidence> = {}): Promise<Evidence> => {
    const asked = { method: "POST", target: "/v1/replies?round=7" };
    return { ...asked, headers: await sign({ ...asked, bodySha256: sha256(body) }), ...change };
  };
  return { clock, record, store, authority, membership, key, certificate, authenticate: authenticateOver(store), authenticateOver, signed };
}

describe("a signed request", () => {
  it("says who sent it and what its body is", async () => {
    const { authenticate, signed, certificate } = await setting();
    expect(await authenticate(await signed())).toEqual({
      caller: { name: "plant-3", org: "acme", role: "site", serial: factsOf(readCertificate(certificate)).serial, by: "signature" },
      bodySha256: sha256(body),
    });
  });

  it("is an HTTP message signature as RFC 9421 builds it", async () => {
    const { signed, certificate } = await setting();
    const { headers } = await signed();
    const params = headers["signature-input"].slice("millwright=".length);
    const names = [...params.slice(0, params.indexOf(")")).matchAll(/"([^"]+)"/g)].map((match) => match[1]);
    const base = [...names.map((name) => `"${name}": ${headers[name]}`), `"@signature-params": ${params}`].join("\n");
    const key = { key: readCertificate(certificate).publicKey, dsaEncoding: "ieee-p1363" } as const;
    expect(names).toEqual(["content-digest", "millwright-target", "millwright-certificate"]);
    expect(verify("sha256", Buffer.from(base), key, Buffer.from(headers.signature.slice("millwright=:".length, -1), "base64"))).toBe(true);
    expect(headers["content-digest"]).toBe(`sha-256=:${createHash("sha256").update(body).digest("base64")}:`);
  });

  it("sent again is refused, also after the coordinator was restarted", async () => {
    const { authenticate, authenticateOver, record, signed } = await setting();
    const request = await signed();
    await authenticate(request);
    expect(await codeOfAsync(() => authenticate(request))).toBe("AUTH_REPLAYED");
    await record.crash();
    expect(await codeOfAsync(() => authenticateOver(record.open())(request))).toBe("AUTH_REPLAYED");
  });

  it("cannot be replayed at any moment: its nonce is kept for as long as its time is accepted", async () => {
    const { authenticate, signed, clock } = await setting();
    const start = clock.now();
    const request = await signed();
    await authenticate(request);
    for (const seconds of [-300, -1, 1, 150, 299, 300, 300.9, 301, 302, 900]) {
      clock.set(start + seconds * 1000);
      expect(["AUTH_REPLAYED", "AUTH_STALE"]).toContain(await codeOfAsync(() => authenticate(request)));
    }
  });

  it("for another target or by another method is refused", async () => {
    const { authenticate, signed } = await setting();
    expect(await codeOfAsync(async () => authenticate(await signed({ target: "/v1/replies?round=8" })))).toBe("AUTH_TARGET");
    expect(await codeOfAsync(async () => authenticate(await signed({ target: "/v1/revoke" })))).toBe("AUTH_TARGET");
    expect(await codeOfAsync(async () => authenticate(await signed({ method: "PUT" })))).toBe("AUTH_TARGET");
  });

  it("with another digest, target or time written over it is refused", async () => {
    const { authenticate, signed } = await setting();
    const changed = async (name: string, change: (value: string) => string, more: Partial<Evidence> = {}) => {
      const request = await signed(more);
      return codeOfAsync(() => authenticate({ ...request, headers: { ...request.headers, [name]: change(request.headers[name]) } }));
    };
    const other = `sha-256=:${createHash("sha256").update("other").digest("base64")}:`;
    expect(await changed("content-digest", () => other)).toBe("AUTH_SIGNATURE");
    expect(await changed("millwright-target", () => "POST /v1/revoke", { target: "/v1/revoke" })).toBe("AUTH_SIGNATURE");
    expect(await changed("signature-input", (value) => value.replace(/created=\d+/, "created=1795300000"))).toBe("AUTH_SIGNATURE");
    expect(await changed("signature-input", (value) => value.replace(/nonce="./, 'nonce="_'))).toBe("AUTH_SIGNATURE");
    expect(await changed("signature-input", (value) => value.replace('"content-digest" ', ""))).toBe("AUTH_SIGNATURE");
    expect(await changed("signature-input", (value) => value.replace("ecdsa-p256-sha256", "hmac-sha256"))).toBe("AUTH_SIGNATURE");
    expect(await changed("signature-input", (value) => `${value};x=1`)).toBe("AUTH_SIGNATURE");
  });

  it("from a clock that is more than five minutes off is refused, either way", async () => {
    const { authenticate, signed, clock } = await setting();
    for (const off of [-301_000, 302_000]) {
      const request = await signed();
      const now = clock.now();
      clock.set(now + off);
      expect(await codeOfAsync(() => authenticate(request))).toBe("AUTH_STALE");
      clock.set(now);
    }
    const request = await signed();
    clock.pass(299_000);
    expect(await codeOfAsync(() => authenticate(request))).toBe("nothing thrown");
  });

  it("for another federation, or by a member of another authority, is refused", async () => {
    const { clock, authority, authenticate, signed } = await setting();
    const elsewhere = testAuthority("paper-mills", clock);
    const stranger = issue(elsewhere, "plant-3");
    const sign = createRequestSigner({ key: stranger.key, certificate: stranger.certificate, clock, random: testRandom(8) });
    const asked = { method: "GET", target: "/v1/next" };
    const headers = await sign({ ...asked, bodySha256: sha256("") });
    expect(await codeOfAsync(() => authenticate({ ...asked, headers }))).toBe("AUTH_FEDERATION");
    // The same federation's name, another authority's certificate.
    const expected = { federation: "paper-mills", authorities: [authority.x509], now: clock.now() };
    expect(codeOf(() => readSignedRequest({ ...asked, headers }, expected))).toBe("AUTH_SIGNATURE");
    const mixed = await signed();
    const with_ = { ...mixed.headers, "millwright-certificate": headers["millwright-certificate"] };
    expect(await codeOfAsync(() => authenticate({ ...mixed, headers: with_ }))).toBe("AUTH_SIGNATURE");
  });

  it("by a revoked member, an expired certificate or one the table does not know is refused, and uses up no nonce", async () => {
    const { authenticate, signed, membership, clock, store, authority } = await setting();
    const request = await signed();
    const serial = (await store.certificates("plant-3"))[0].serial;
    await membership.revoke({ name: "plant-3" }, "sold", "local");
    expect(await codeOfAsync(() => authenticate(request))).toBe("AUTH_REVOKED");
    expect((await store.certificate(serial))?.revokedAt).toBe(clock.now());
    const fresh = await setting();
    const late = await fresh.signed();
    fresh.clock.pass(30 * day);
    expect(await codeOfAsync(() => fresh.authenticate(late))).toBe("AUTH_STALE");
    expect(await codeOfAsync(async () => fresh.authenticate(await fresh.signed()))).toBe("AUTH_EXPIRED");
    const ghost = issue(authority, "plant-9");
    const sign = createRequestSigner({ key: ghost.key, certificate: ghost.certificate, clock, random: testRandom(9) });
    const asked = { method: "GET", target: "/v1/next" };
    expect(await codeOfAsync(async () => authenticate({ ...asked, headers: await sign({ ...asked, bodySha256: sha256("") }) }))).toBe(
      "AUTH_UNKNOWN",
    );
  });

  it("is asked for where there is no certificate either; headers of a prototype are none", async () => {
    const { authenticate } = await setting();
    expect(await codeOfAsync(() => authenticate({ method: "GET", target: "/", headers: {} }))).toBe("AUTH_REQUIRED");
    const headers = Object.create({ signature: "a", "signature-input": "b" }) as Record<string, string>;
    expect(await codeOfAsync(() => authenticate({ method: "GET", target: "/", headers }))).toBe("AUTH_REQUIRED");
  });

  it("changed anywhere is refused with a code, and no code tells the key", async () => {
    const { signed, authority, clock, key } = await setting();
    const request = await signed();
    const expected = { federation: "press-shops", authorities: [authority.x509], now: clock.now() };
    const secret = exportPrivateKey(key).split("\n")[1];
    const names = Object.keys(request.headers);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(2000), fc.constantFrom(...'aA0:";=()\n\0é '), fc.nat(2), (name, place, by, cut) => {
        const value = request.headers[name];
        const at = place % value.length;
        const changed = value.slice(0, at) + by + value.slice(at + cut);
        if (changed === value) return;
        try {
          readSignedRequest({ ...request, headers: { ...request.headers, [name]: changed } }, expected);
          expect(`${name} at ${at}`).toBe("refused");
        } catch (error) {
          expect(error).toBeInstanceOf(MillwrightError);
          expect((error as Error).message).not.toContain(secret);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe("a certificate", () => {
  it("says who calls, until it is revoked", async () => {
    const { authenticate, certificate, membership } = await setting();
    const x509 = readCertificate(certificate);
    const { serial } = factsOf(x509);
    const evidence = { certificate: { serial, der: x509.raw }, method: "GET", target: "/v1/next", headers: {} };
    expect((await authenticate(evidence)).caller).toMatchObject({ name: "plant-3", by: "certificate" });
    await membership.revoke({ serial }, "", "local");
    expect(await codeOfAsync(() => authenticate(evidence))).toBe("AUTH_REVOKED");
  });
  it("of another authority, or under another's serial, is nobody's", async () => {
    const { authenticate, certificate, clock } = await setting();
    const { serial } = factsOf(readCertificate(certificate));
    const stranger = issue(testAuthority("press-shops", { now: () => millis(clock.now()) }), "plant-3");
    const der = readCertificate(stranger.certificate).raw;
    expect(certificatePem(readCertificate(der))).toBe(stranger.certificate);
    for (const told of [serial, stranger.serial]) {
      const evidence = { certificate: { serial: told, der }, method: "GET", target: "/", headers: {} };
      expect(await codeOfAsync(() => authenticate(evidence))).toBe("CERTIFICATE_INVALID");
    }
  });
});
