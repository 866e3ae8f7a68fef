/**
 * Bytes that were changed at random, given to every reader of this room: each is refused with a code or read as something that holds,
 * nothing crashes, and no message carries a secret. MILLWRIGHT_FUZZ sets the number of cases of each reader.
 */
import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../../src/core/errors.js";
import { seeded } from "../../../src/core/random.js";
import { factsOf, isIssuedBy, readCertificate } from "../../../src/io/crypto/certificate.js";
import { checkEnrolled } from "../../../src/io/crypto/enrol.js";
import { exportPrivateKey, generateKey, importPrivateKey, importPublicKey, publicPem, sha256 } from "../../../src/io/crypto/keys.js";
import { openPlan, signPlan } from "../../../src/io/crypto/plan-envelope.js";
import { signRelease, verifyRelease } from "../../../src/io/crypto/release.js";
import { createRequest, readRequest } from "../../../src/io/crypto/request.js";
import { createRequestSigner, readSignedRequest } from "../../../src/io/crypto/signed-request.js";
import { readToken, writeToken } from "../../../src/io/crypto/token.js";
import { toPem } from "../../../src/io/crypto/x509.js";
import { readDer } from "../../../src/wire/der.js";
import { issue, noon, testAuthority, testClock, testRandom } from "./support.js";

const cases = Number(process.env.MILLWRIGHT_FUZZ ?? 300);
const authority = testAuthority();
const member = issue(authority, "plant-3");
const planKey = generateKey("ed25519");
const releaseKey = generateKey("p256");
const secret = Buffer.alloc(32, 9).toString("base64url");
/** What no message may hold: the middle of each private key and of the token's secret. */
const secrets = [...[member.key, planKey, releaseKey].map((key) => exportPrivateKey(key).split("\n")[1].slice(8, 40)), secret];

/** One to four changes: a bit, a byte, a piece cut out, doubled or moved, numbers at their ends. */
function mutate(seed: number, original: Uint8Array): Uint8Array {
  const random = seeded(seed, "mutation");
  let bytes = Buffer.from(original);
  for (let changes = 1 + random.integer(4); changes > 0; changes--) {
    const at = random.integer(bytes.length);
    const length = Math.min(1 + random.integer(16), bytes.length - at);
    const piece = bytes.subarray(at, at + length);
    switch (random.integer(6)) {
      case 0:
        bytes[at] ^= 1 << random.integer(8);
        break;
      case 1:
        bytes[at] = [0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x30][random.integer(8)];
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
        break;
      case 4:
        bytes.set(piece, random.integer(bytes.length - length + 1));
        break;
      default:
        bytes = Buffer.from(bytes.subarray(0, at + 1));
    }
    if (bytes.length === 0) bytes = Buffer.of(0);
  }
  return bytes;
}

/** Reads every mutation; `accepted` judges what was read in spite of it. */
function fuzz(original: Uint8Array, read: (bytes: Uint8Array) => unknown, accepted?: (bytes: Uint8Array) => void): number {
  let refused = 0;
  for (let seed = 0; seed < cases; seed++) {
    const bytes = mutate(seed, original);
    if (Buffer.compare(bytes, original) === 0) continue;
    try {
      read(bytes);
      accepted?.(bytes);
    } catch (error) {
      if (!(error instanceof MillwrightError)) throw new Error(`seed ${seed}: ${error}`, { cause: error });
      refused++;
      for (const hidden of secrets) expect(error.message).not.toContain(hidden);
      expect(error.message.length).toBeLessThan(2000);
    }
  }
  return refused;
}

const der = (pem: string) => Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64");
const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
const never = (): never => {
  throw new Error("a changed one was accepted");
};

describe("changed bytes", () => {
  it("of a certificate never make another member", () => {
    const original = der(member.certificate);
    const refused = fuzz(original, (bytes) => {
      const certificate = readCertificate(bytes);
      if (!isIssuedBy(certificate, [authority.x509])) throw new MillwrightError("CERTIFICATE_INVALID", { expected: "ours", got: "not" });
      // Nothing of what it says may differ from what was signed.
      expect(factsOf(certificate)).toEqual(factsOf(new X509Certificate(original)));
    });
    expect(refused).toBeGreaterThan(cases * 0.9);
    fuzz(Buffer.from(member.certificate), (bytes) => factsOf(readCertificate(utf8(bytes))));
    fuzz(original, (bytes) => factsOf(readCertificate(bytes)));
  });
  it("of a request never prove a key", () => {
    const original = der(createRequest(member.key, "plant-3"));
    fuzz(original, (bytes) => readRequest(toPem("CERTIFICATE REQUEST", bytes)), never);
    fuzz(original, (bytes) => readDer(bytes));
    const pem = createRequest(member.key, "plant-3");
    fuzz(Buffer.from(pem), (bytes) => expect(readRequest(utf8(bytes)).keyId).toBe(member.spki));
  });
  it("of a token are refused or still whole", () => {
    const token = {
      urls: ["https://a.example"],
      federation: "f",
      org: "o",
      name: "n",
      role: "site",
      authority: "ab".repeat(32),
      secret,
    } as const;
    const refused = fuzz(Buffer.from(writeToken(token)), (bytes) => writeToken(readToken(utf8(bytes))));
    expect(refused).toBeGreaterThan(cases * 0.5);
  });
  it("of a plan are never opened", () => {
    const plan = signPlan(
      {
        ...{ format: "millwright-plan/1", federation: "press-shops", sequence: 1, notBefore: 0, file: { rounds: 3 } },
        ...{ kernels: sha256("k"), plugins: {}, members: [{ name: "plant-3", org: "acme", role: "site" }] },
      },
      [planKey],
    );
    const trusted = { keys: [planKey], federation: "press-shops", now: noon };
    fuzz(Buffer.from(plan), (bytes) => expect(openPlan(utf8(bytes), trusted).plan.sequence).toBe(1));
    // The payload changed and the envelope whole: the signature is what refuses it.
    const envelope = JSON.parse(plan);
    const payload = Buffer.from(envelope.payload, "base64");
    fuzz(payload, (bytes) => openPlan(plan.replace(envelope.payload, Buffer.from(bytes).toString("base64")), trusted), never);
  });
  it("of a release are never believed to be another", () => {
    const record = Buffer.from(JSON.stringify({ federation: "f", rounds: [], model: sha256("w") }));
    const files = { "record.json": sha256(record), "model.safetensors": sha256("m") };
    const bundle = signRelease(
      files,
      {
        ...{ federation: "f", version: 1, run: "r", rounds: 0, members: 1, plan: sha256("p"), weights: sha256("w") },
        ...{ kernels: sha256("k"), epsilon: "none claimed", createdAt: 0 },
      },
      releaseKey,
    );
    const given = { keys: [releaseKey], federation: "f", files, record, plans: [sha256("p")] };
    fuzz(Buffer.from(bundle), (bytes) => expect(verifyRelease(utf8(bytes), given).origin.version).toBe(1));
    fuzz(record, (bytes) => verifyRelease(bundle, { ...given, record: bytes }), never);
  });
  it("of keys are refused without a word of them", () => {
    for (const key of [member.key, planKey]) {
      fuzz(Buffer.from(exportPrivateKey(key)), (bytes) => importPrivateKey(utf8(bytes), "plant.key"));
      fuzz(Buffer.from(publicPem(key)), (bytes) => importPublicKey(utf8(bytes), "plan.pub"));
    }
    const sealed = exportPrivateKey(planKey, "correct horse battery staple");
    for (let seed = 0; seed < 40; seed++) {
      try {
        importPrivateKey(utf8(mutate(seed, Buffer.from(sealed))), "ca.key", "correct horse battery staple");
      } catch (error) {
        expect((error as MillwrightError).code).toBe("KEY_INVALID");
        expect(String(error)).not.toContain("horse");
      }
    }
  });
  it("of an answer to an enrolment are refused", () => {
    const promised = { federation: "press-shops", org: "acme", name: "plant-3", role: "site", authority: authority.fingerprint } as const;
    const answer = Buffer.from(
      JSON.stringify({ certificate: member.certificate, authority: authority.certificate, trust: { plan: [], release: [] } }),
    );
    fuzz(answer, (bytes) => {
      let value: unknown;
      try {
        value = JSON.parse(utf8(bytes));
      } catch {
        return;
      }
      const believed = checkEnrolled(value, promised, member.key, noon);
      expect(factsOf(readCertificate(believed.certificate)).serial).toBe(member.serial);
    });
  });
  it("of signed headers are refused", async () => {
    const sign = createRequestSigner({ key: member.key, certificate: member.certificate, clock: testClock(), random: testRandom() });
    const request = { method: "GET", target: "/v1/next?have=a" };
    const headers = await sign({ ...request, bodySha256: sha256("") });
    const expected = { federation: "press-shops", authorities: [authority.x509], now: noon };
    for (const name of Object.keys(headers)) {
      const read = (bytes: Uint8Array) => readSignedRequest({ ...request, headers: { ...headers, [name]: utf8(bytes) } }, expected);
      fuzz(Buffer.from(headers[name]), read, never);
    }
  });
});

describe("secrets", () => {
  it("are in nothing that an authority, a signer or a member shows of itself", async () => {
    const signer = createRequestSigner({ key: member.key, certificate: member.certificate, clock: testClock(), random: testRandom() });
    const { inspect } = await import("node:util");
    for (const thing of [authority, signer, member.key]) {
      const shown = `${JSON.stringify(thing)} ${inspect(thing, { depth: 10, showHidden: true })}`;
      expect(shown).not.toContain("PRIVATE KEY");
      for (const hidden of secrets) expect(shown).not.toContain(hidden);
    }
  });
});
