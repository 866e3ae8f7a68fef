/** Decoders of what is signed or proves who somebody is, and of what a plant and a coordinator say before they believe each other. */
import type { X509Certificate } from "node:crypto";
import { MillwrightError } from "../../../src/core/errors.js";
import { httpsLink } from "../../../src/edge/https-link.js";
import { readPolicy } from "../../../src/edge/policy.js";
import { readSiteFile } from "../../../src/edge/site-file.js";
import { factsOf, readCertificate } from "../../../src/io/crypto/certificate.js";
import { openEnvelope, signEnvelope } from "../../../src/io/crypto/dsse.js";
import { checkEnrolled } from "../../../src/io/crypto/enrol.js";
import { exportPrivateKey, generateKey, importPrivateKey, importPublicKey, publicPem, sha256 } from "../../../src/io/crypto/keys.js";
import { openPlan, planType, type SignedPlan, signPlan } from "../../../src/io/crypto/plan-envelope.js";
import { signRelease, verifyRelease } from "../../../src/io/crypto/release.js";
import { createRequest, readRequest } from "../../../src/io/crypto/request.js";
import { createRequestSigner, readSignedRequest } from "../../../src/io/crypto/signed-request.js";
import { readToken, writeToken } from "../../../src/io/crypto/token.js";
import { endorseTrust, nextTrust } from "../../../src/io/crypto/trust.js";
import { headBytes, openFrame, parseHead, sealFrame, sealOpening } from "../../../src/io/store/journal-frame.js";
import { parseFederation } from "../../../src/round/file.js";
import { canonicalJson, readCanonicalJson } from "../../../src/wire/canonical-json.js";
import { issue, noon, testAuthority, testClock, testRandom } from "../../io/crypto/support.js";
import { file } from "../world.js";
import { bytesOf, type Target, textOf } from "./target.js";

const authority = testAuthority();
const member = issue(authority, "plant-3");
const [planKey, releaseKey] = [generateKey("ed25519"), generateKey("p256")];
const federation = "press-shops";
const plan: SignedPlan = {
  ...{ format: "millwright-plan/1", federation, sequence: 1, notBefore: noon, file: JSON.parse(JSON.stringify(file)) },
  ...{ kernels: sha256("k"), plugins: { "./rule.mjs": sha256("r") }, members: [{ name: "plant-3", org: "acme", role: "site" }] },
};
const trusted = { keys: [planKey], federation, now: noon };
const planText = signPlan(plan, [planKey]);
const record = bytesOf(JSON.stringify({ federation, rounds: [], model: sha256("w") }));
const files = { "record.json": sha256(record), "model.safetensors": sha256("m") };
const release = signRelease(
  files,
  {
    ...{ federation, version: 1, run: "r", rounds: 0, members: 1, plan: sha256("p"), weights: sha256("w") },
    ...{ kernels: sha256("k"), epsilon: "none claimed", createdAt: 0 },
  },
  releaseKey,
);
const given = { keys: [releaseKey], federation, files, record, plans: [sha256("p")] };
const releasePayload = (): string => Buffer.from(JSON.parse(release).dsseEnvelope.payload, "base64").toString();
const storeKey = {
  derive: (purpose: string, salt: Uint8Array) => Buffer.from(sha256(`${purpose}${Buffer.from(salt).toString("hex")}`), "hex"),
};
const opening = sealOpening(storeKey as never, new Uint8Array(16).fill(1), undefined);
const kept = sealFrame(opening.chain, "records", bytesOf("what was told"));
const sign = createRequestSigner({ key: member.key, certificate: member.certificate, clock: testClock(), random: testRandom() });
const der = (pem: string): Uint8Array => Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64");
const trust = { plan: [publicPem(planKey)], release: [publicPem(releaseKey)] };
const told = endorseTrust(federation, trust, { plan: [publicPem(generateKey("ed25519"))], release: [] }, planKey);
const never = (): never => {
  throw new Error("a changed one was believed");
};

export const trustTargets: readonly Target[] = [
  {
    name: "certificate",
    share: 0.3,
    corpus: () => [der(member.certificate), der(authority.certificate)],
    fuzz: (data) => factsOf(readCertificate(data)),
  },
  {
    name: "certificate in PEM",
    share: 0.3,
    corpus: () => [bytesOf(member.certificate)],
    fuzz: (data) => factsOf(readCertificate(textOf(data))),
  },
  {
    name: "certificate request",
    share: 0.5,
    corpus: () => [bytesOf(createRequest(member.key, "a"))],
    fuzz: (data) => readRequest(textOf(data)),
  },
  {
    name: "certificate request in DER",
    share: 0.5,
    corpus: () => [der(createRequest(member.key, "a"))],
    fuzz: (data) =>
      readRequest(
        `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(data).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE REQUEST-----\n`,
      ),
  },
  {
    name: "private key",
    share: 0.05,
    corpus: () => [bytesOf(exportPrivateKey(member.key))],
    fuzz: (data) => importPrivateKey(textOf(data), "key"),
  },
  { name: "public key", share: 0.1, corpus: () => [bytesOf(publicPem(planKey))], fuzz: (data) => importPublicKey(textOf(data), "key") },
  {
    name: "token",
    share: 3,
    corpus: () => [
      bytesOf(
        writeToken({
          ...{ urls: ["https://127.0.0.1:8443"], federation, org: "acme", name: "plant-3", role: "site" },
          ...{ authority: authority.fingerprint, secret: "A".repeat(43) },
        }),
      ),
    ],
    fuzz: (data) => readToken(textOf(data)),
  },
  {
    name: "token content",
    share: 1,
    json: true,
    corpus: () => [
      bytesOf(
        canonicalJson({
          ...{ urls: ["https://127.0.0.1:8443"], federation, org: "acme", name: "plant-3", role: "site" },
          ...{ authority: authority.fingerprint, secret: "A".repeat(43) },
        }),
      ),
    ],
    fuzz: (data) => readToken(`mw1.${Buffer.from(data).toString("base64url")}`),
  },
  {
    name: "envelope",
    share: 0.5,
    json: true,
    corpus: () => [bytesOf(canonicalJson(signEnvelope(planType, bytesOf("payload"), [planKey])))],
    fuzz: (data) => openEnvelope(readCanonicalJson(textOf(data)), { type: planType, keys: [planKey], where: "envelope" }),
  },
  { name: "plan", share: 0.3, json: true, corpus: () => [bytesOf(planText)], fuzz: (data) => openPlan(textOf(data), trusted) },
  {
    name: "plan that was signed",
    share: 0.05,
    json: true,
    corpus: () => [bytesOf(canonicalJson(plan))],
    fuzz: (data) => {
      // A key that was stolen signs anything: what is inside is read with the same care.
      const opened = openPlan(canonicalJson(signEnvelope(planType, data, [planKey])), trusted);
      parseFederation(opened.plan.file, "signed plan");
    },
  },
  {
    name: "federation file",
    share: 0.15,
    json: true,
    corpus: () => [bytesOf(JSON.stringify(file))],
    fuzz: (data) => {
      let value: unknown;
      try {
        value = JSON.parse(textOf(data));
      } catch {
        return;
      }
      parseFederation(value, "plan");
    },
  },
  {
    name: "policy",
    share: 0.01,
    corpus: () => [bytesOf("policy: p\npermission:\n  - action: train\n    constraint: { rounds: { lteq: 5 } }\nveto: [{ round: 3 }]\n")],
    fuzz: (data) => readPolicy(textOf(data)),
  },
  {
    name: "site file",
    share: 0.01,
    corpus: () => [bytesOf("site: plant-3\ndata: federation\nbandwidth: 1 MB/s\npolicy: policy.yaml\n")],
    fuzz: (data) => readSiteFile(textOf(data), "site.yaml"),
  },
  { name: "release", share: 0.5, json: true, corpus: () => [bytesOf(release)], fuzz: (data) => verifyRelease(textOf(data), given) },
  {
    name: "release that was signed",
    share: 0.1,
    json: true,
    corpus: () => [bytesOf(releasePayload())],
    fuzz: (data) => {
      const envelope = signEnvelope("application/vnd.in-toto+json", data, [releaseKey], false);
      verifyRelease(canonicalJson({ ...JSON.parse(release), dsseEnvelope: envelope }), given);
    },
  },
  {
    name: "record of a release",
    share: 0.1,
    json: true,
    corpus: () => [record],
    fuzz: (data) => {
      verifyRelease(release, { ...given, record: data });
      if (Buffer.compare(data, record) !== 0) never();
    },
  },
  {
    name: "trust",
    share: 0.03,
    json: true,
    corpus: () => [bytesOf(JSON.stringify(told))],
    fuzz: (data) => {
      let value: unknown;
      try {
        value = JSON.parse(textOf(data));
      } catch {
        return;
      }
      const answer = { certificate: member.certificate, authority: authority.certificate, trust: value };
      const promised = { federation, org: "acme", name: "plant-3", role: "site", authority: authority.fingerprint, trust } as const;
      const believed = checkEnrolled(answer, promised, member.key, noon).trust;
      nextTrust(federation, trust, believed);
    },
  },
  {
    name: "signed request",
    share: 0.2,
    json: true,
    corpus: async () => [bytesOf(JSON.stringify(await sign({ method: "GET", target: "/v1/next?have=a", bodySha256: sha256("") })))],
    fuzz: (data) => {
      let headers: unknown;
      try {
        headers = JSON.parse(textOf(data));
      } catch {
        return;
      }
      const authorities: X509Certificate[] = [authority.x509];
      if (typeof headers !== "object" || headers === null) return;
      const request = { method: "GET", target: "/v1/next?have=a", headers: headers as Record<string, string> };
      readSignedRequest(request, { federation, authorities, now: noon });
    },
  },
  {
    name: "journal",
    share: 5,
    corpus: () => [opening.bytes, kept.bytes],
    fuzz: (data) => {
      const head = parseHead(data);
      if (head === undefined || data.length < headBytes + head.length)
        throw new MillwrightError("STORE_DAMAGED", { where: "journal", expected: "a whole frame", got: "none" });
      for (const chain of [undefined, opening.chain]) {
        const opened = openFrame(storeKey as never, chain, head, data);
        const whole = [opening.bytes, kept.bytes].some((one) => Buffer.compare(one, data) === 0);
        if (opened !== undefined && !whole) never();
      }
    },
  },
  {
    name: "answer of a coordinator",
    share: 1,
    json: true,
    corpus: () => [
      bytesOf(
        JSON.stringify({
          ...{ state: "running", plan: sha256("p"), waiting: "statistics", retryAfterMs: 100 },
          task: { key: "round 1 attempt 1", kind: "train", sha256: sha256("t"), size: 100, remainingMs: 5000 },
        }),
      ),
      bytesOf(JSON.stringify({ counts: true, retryAfterMs: 0 })),
    ],
    async fuzz(data) {
      let json: unknown;
      try {
        json = JSON.parse(textOf(data));
      } catch {
        return;
      }
      const link = httpsLink({ request: async () => ({ status: 200, headers: {}, retryAfterMs: 0, json }) } as never);
      const signal = new AbortController().signal;
      const answer = await link.next({ waitMs: 0 }, signal);
      if (answer.retryAfterMs > 3_600_000 || (answer.task?.size ?? 0) > 300_000_000) throw new Error("a pause or a size without a bound");
      await link.reply("k", { sha256: sha256(""), bytes: new Uint8Array(0) }, signal);
    },
  },
];
