/** Envelopes, signed plans and signed releases: what is believed, and each way in which something is not. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import { openEnvelope, preAuthenticationEncoding, signEnvelope } from "../../../src/io/crypto/dsse.js";
import { generateKey, importPublicKey, keyId, publicPem, sha256 } from "../../../src/io/crypto/keys.js";
import { checkKernels, checkPlugin, openPlan, type SignedPlan, signPlan } from "../../../src/io/crypto/plan-envelope.js";
import { type ReleaseOrigin, signRelease, verifyRelease } from "../../../src/io/crypto/release.js";
import { canonicalJson } from "../../../src/wire/canonical-json.js";
import { codeOf, day, noon, openssl } from "./support.js";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");
/** Changes the payload of an envelope and leaves its signatures. */
const tamper = (envelope: { payload: string }, from: string, to: string) => ({
  ...envelope,
  payload: Buffer.from(Buffer.from(envelope.payload, "base64").toString("utf8").replace(from, to)).toString("base64"),
});

describe("an envelope", () => {
  const key = generateKey("ed25519");
  const options = { type: "http://example.com/HelloWorld", keys: [key], where: "test" };
  const payload = Buffer.from("hello world");
  const envelope = signEnvelope(options.type, payload, [key]);

  it("encodes as the DSSE specification's example", () => {
    expect(text(preAuthenticationEncoding("http://example.com/HelloWorld", payload))).toBe(
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
    expect(text(preAuthenticationEncoding("é", new Uint8Array()))).toBe("DSSEv1 2 é 0 ");
  });
  it("opens for the key that signed it, whatever its id says", () => {
    expect(text(openEnvelope(envelope, options).payload)).toBe("hello world");
    expect(openEnvelope({ ...envelope, signatures: [{ keyid: "nonsense", sig: envelope.signatures[0].sig }] }, options).keyIds).toEqual([
      keyId(key),
    ]);
  });
  it("holds under openssl", () => {
    const p256 = generateKey("p256");
    const signed = signEnvelope("t", payload, [p256]);
    const files = {
      "pub.pem": publicPem(p256),
      sig: Buffer.from(signed.signatures[0].sig, "base64"),
      data: preAuthenticationEncoding("t", payload),
    };
    expect(openssl(["dgst", "-sha256", "-verify", "pub.pem", "-signature", "sig", "data"], files)).toBe("Verified OK\n");
  });
  it("is refused unsigned, by another key, altered, or as another type", () => {
    expect(codeOf(() => openEnvelope({ ...envelope, signatures: [] }, options))).toBe("SIGNATURE_MISSING");
    expect(codeOf(() => openEnvelope(envelope, { ...options, keys: [generateKey("ed25519")] }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => openEnvelope(envelope, { ...options, keys: [] }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => openEnvelope(tamper(envelope, "hello", "jello"), options))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => openEnvelope(envelope, { ...options, type: "other" }))).toBe("MESSAGE_INVALID");
    expect(codeOf(() => openEnvelope({ ...envelope, payloadType: "other" }, { ...options, type: "other" }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => openEnvelope(undefined, options))).toBe("MESSAGE_INVALID");
    expect(codeOf(() => openEnvelope({ ...envelope, payload: `${envelope.payload}=` }, options))).toBe("MESSAGE_INVALID");
    const many = Array(17).fill(envelope.signatures[0]);
    expect(codeOf(() => openEnvelope({ ...envelope, signatures: many }, options))).toBe("MESSAGE_INVALID");
  });
  it("that needs two keys is not opened by one that signs twice or is trusted twice", () => {
    const other = generateKey("p256");
    const both = signEnvelope(options.type, payload, [key, other]);
    expect(openEnvelope(both, { ...options, keys: [key, other], need: 2 }).keyIds).toHaveLength(2);
    const twice = { ...envelope, signatures: [envelope.signatures[0], envelope.signatures[0]] };
    expect(codeOf(() => openEnvelope(twice, { ...options, keys: [key, key, other], need: 2 }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => openEnvelope(both, { ...options, keys: [key, other], need: 0 }))).toBe("SIGNATURE_REFUSED");
  });
});

describe("a signed plan", () => {
  const key = generateKey("ed25519");
  const plan: SignedPlan = {
    format: "millwright-plan/1",
    federation: "press-shops",
    sequence: 4,
    notBefore: noon,
    file: { federation: "press-shops", rounds: 20, noise: 1e-7 },
    kernels: sha256("kernels"),
    plugins: { "./rule.mjs": sha256("export default 1") },
    members: [
      { name: "region", org: "acme", role: "aggregator" },
      { name: "facility-a", org: "acme", role: "aggregator", under: "region" },
      { name: "plant-1", org: "acme", role: "site", under: "facility-a" },
    ],
  };
  const trusted = { keys: [importPublicKey(publicPem(key), "plan key")], federation: "press-shops", now: noon };
  const envelope = signPlan(plan, [key]);

  it("is what was signed, known by its bytes, which are the same every time", () => {
    expect(openPlan(envelope, trusted)).toEqual({ plan, sha256: sha256(envelope) });
    expect(signPlan({ ...plan, file: { noise: 1e-7, rounds: 20, federation: "press-shops" } }, [key])).toBe(envelope);
  });
  it("is refused unsigned, by another key, altered, of another federation, or out of its time", () => {
    expect(codeOf(() => openPlan(canonicalJson({ ...JSON.parse(envelope), signatures: [] }), trusted))).toBe("SIGNATURE_MISSING");
    expect(codeOf(() => openPlan(envelope, { ...trusted, keys: [generateKey("ed25519")] }))).toBe("SIGNATURE_REFUSED");
    expect(codeOf(() => openPlan(canonicalJson(tamper(JSON.parse(envelope), '"rounds":20', '"rounds":99')), trusted))).toBe(
      "SIGNATURE_REFUSED",
    );
    expect(codeOf(() => openPlan(envelope, { ...trusted, federation: "others" }))).toBe("PLAN_REFUSED");
    expect(codeOf(() => openPlan(envelope, { ...trusted, now: millis(noon - 1) }))).toBe("PLAN_REFUSED");
    const short = signPlan({ ...plan, notAfter: noon + day }, [key]);
    expect(openPlan(short, { ...trusted, now: millis(noon + day - 1) }).plan.sequence).toBe(4);
    expect(codeOf(() => openPlan(short, { ...trusted, now: millis(noon + day) }))).toBe("PLAN_REFUSED");
    expect(codeOf(() => openPlan("{}", trusted))).toBe("MESSAGE_INVALID");
    expect(codeOf(() => openPlan("not json", trusted))).toBe("MESSAGE_INVALID");
    expect(codeOf(() => openPlan(envelope, { ...trusted, need: 2 }))).toBe("SIGNATURE_REFUSED");
  });
  it("is refused when older than the last one, or another under its number", () => {
    const last = { sequence: 4, sha256: sha256(envelope) };
    expect(openPlan(envelope, { ...trusted, last }).plan.sequence).toBe(4);
    expect(openPlan(signPlan({ ...plan, sequence: 5 }, [key]), { ...trusted, last }).plan.sequence).toBe(5);
    expect(codeOf(() => openPlan(signPlan({ ...plan, sequence: 3 }, [key]), { ...trusted, last }))).toBe("ROLLBACK_REFUSED");
    expect(codeOf(() => openPlan(signPlan({ ...plan, kernels: sha256("x") }, [key]), { ...trusted, last }))).toBe("ROLLBACK_REFUSED");
  });
  it("pins modules and kernels", () => {
    expect(codeOf(() => checkPlugin(plan, "./rule.mjs", Buffer.from("export default 1")))).toBe("nothing thrown");
    expect(codeOf(() => checkPlugin(plan, "./rule.mjs", Buffer.from("export default 2")))).toBe("PLAN_REFUSED");
    expect(codeOf(() => checkPlugin(plan, "./other.mjs", Buffer.from("export default 1")))).toBe("PLAN_REFUSED");
    expect(codeOf(() => checkPlugin(plan, "constructor", Buffer.from("")))).toBe("PLAN_REFUSED");
    expect(codeOf(() => checkKernels(plan, sha256("kernels")))).toBe("nothing thrown");
    expect(codeOf(() => checkKernels(plan, sha256("others")))).toBe("KERNEL_MISMATCH");
  });
  it("is not signed when it says nothing that can run", () => {
    const change = (more: object) => codeOf(() => signPlan({ ...plan, ...more } as SignedPlan, [key]));
    const [region, facility, plant] = plan.members;
    expect(change({ sequence: 0 })).toBe("PLAN_REFUSED");
    expect(change({ extra: 1 })).toBe("PLAN_REFUSED");
    expect(change({ members: [region, region] })).toBe("PLAN_REFUSED");
    expect(change({ members: [facility, plant] })).toBe("PLAN_REFUSED");
    expect(change({ members: [{ ...region, under: "plant-1" }, facility, plant] })).toBe("PLAN_REFUSED");
    expect(change({ file: { federation: Number.NaN } })).toBe("MESSAGE_INVALID");
  });
});

describe("a signed release", () => {
  const key = generateKey("p256");
  const record = Buffer.from(
    JSON.stringify({ format: "millwright-record/1", federation: "press-shops", rounds: [{}, {}], model: sha256("weights") }),
  );
  const contents = {
    "model.safetensors": Buffer.from("weights and words"),
    "record.json": record,
    "report/index.html": Buffer.from("<p>"),
  };
  const files = Object.fromEntries(Object.entries(contents).map(([name, bytes]) => [name, sha256(bytes)]));
  const origin: ReleaseOrigin = {
    ...{ federation: "press-shops", version: 7, run: "run-1", rounds: 2, members: 6, plan: sha256("plan"), weights: sha256("weights") },
    ...{ kernels: sha256("kernels"), epsilon: "none claimed", createdAt: noon },
  };
  const given = { keys: [key], federation: "press-shops", files, record, plans: [sha256("plan")] };
  const bundle = signRelease(files, origin, key);
  const resigned = (change: object) => signRelease(files, { ...origin, ...change }, key);

  it("is believed when whole, signed, and shown to come from a known plan", () => {
    expect(verifyRelease(bundle, given)).toMatchObject({ origin, files });
    expect(verifyRelease(`${bundle}\n`, { ...given, newest: { version: 6, root: "other" } }).origin.version).toBe(7);
  });
  it("is refused unsigned or signed by somebody else", () => {
    expect(codeOf(() => verifyRelease(undefined, given))).toBe("SIGNATURE_MISSING");
    expect(codeOf(() => verifyRelease("", given))).toBe("SIGNATURE_MISSING");
    const parsed = JSON.parse(bundle);
    const bare = canonicalJson({ ...parsed, dsseEnvelope: { ...parsed.dsseEnvelope, signatures: [] } });
    expect(codeOf(() => verifyRelease(bare, given))).toBe("SIGNATURE_MISSING");
    expect(codeOf(() => verifyRelease(bundle, { ...given, keys: [generateKey("p256")] }))).toBe("SIGNATURE_REFUSED");
    const altered = canonicalJson({ ...parsed, dsseEnvelope: tamper(parsed.dsseEnvelope, '"version":7', '"version":8') });
    expect(codeOf(() => verifyRelease(altered, given))).toBe("SIGNATURE_REFUSED");
  });
  it("is refused when a file is another, missing, or more than was signed", () => {
    const but = (change: Record<string, string>) => codeOf(() => verifyRelease(bundle, { ...given, files: { ...files, ...change } }));
    expect(but({ "model.safetensors": sha256("other weights") })).toBe("RELEASE_ALTERED");
    expect(but({ "extra.bin": sha256("x") })).toBe("RELEASE_ALTERED");
    const { "report/index.html": _, ...fewer } = files;
    expect(codeOf(() => verifyRelease(bundle, { ...given, files: fewer }))).toBe("RELEASE_ALTERED");
    expect(codeOf(() => verifyRelease(bundle, { ...given, record: Buffer.from("{}") }))).toBe("RELEASE_ALTERED");
  });
  it("is refused when older than what one has, or another under its version", () => {
    const { root } = verifyRelease(bundle, given);
    expect(verifyRelease(bundle, { ...given, newest: { version: 7, root } }).root).toBe(root);
    expect(codeOf(() => verifyRelease(bundle, { ...given, newest: { version: 8, root } }))).toBe("ROLLBACK_REFUSED");
    expect(codeOf(() => verifyRelease(bundle, { ...given, newest: { version: 7, root: sha256("other") } }))).toBe("ROLLBACK_REFUSED");
  });
  it("is refused unproven: no origin, an unknown plan, no record, or one of something else", () => {
    expect(codeOf(() => verifyRelease(bundle, { ...given, plans: [] }))).toBe("RELEASE_UNPROVEN");
    expect(codeOf(() => verifyRelease(bundle, { ...given, federation: "others" }))).toBe("RELEASE_UNPROVEN");
    expect(codeOf(() => verifyRelease(bundle, { ...given, record: undefined }))).toBe("RELEASE_UNPROVEN");
    expect(codeOf(() => verifyRelease(resigned({ rounds: 3 }), given))).toBe("RELEASE_UNPROVEN");
    expect(codeOf(() => verifyRelease(resigned({ weights: sha256("others") }), given))).toBe("RELEASE_UNPROVEN");
    const odd = (bytes: Buffer) => {
      const changed = { ...files, "record.json": sha256(bytes) };
      return codeOf(() => verifyRelease(signRelease(changed, origin, key), { ...given, files: changed, record: bytes }));
    };
    expect(odd(Buffer.from("not json"))).toBe("RELEASE_UNPROVEN");
    expect(odd(Buffer.from('{"federation":"others","model":"","rounds":[]}'))).toBe("RELEASE_UNPROVEN");
    const { "record.json": _, ...without } = files;
    expect(codeOf(() => verifyRelease(signRelease(without, origin, key), { ...given, files: without }))).toBe("RELEASE_UNPROVEN");
    // Signed by the right key in the standard's form, as another tool would, without saying where it comes from.
    const plain = JSON.parse(bundle);
    const statement = JSON.parse(Buffer.from(plain.dsseEnvelope.payload, "base64").toString("utf8"));
    delete statement.predicate.millwright;
    const envelope = signEnvelope(plain.dsseEnvelope.payloadType, Buffer.from(canonicalJson(statement)), [key], false);
    expect(codeOf(() => verifyRelease(canonicalJson({ ...plain, dsseEnvelope: envelope }), given))).toBe("RELEASE_UNPROVEN");
  });
  it("is not signed with names that climb, or with a key that other verifiers do not know", () => {
    for (const name of ["../a", "a/../b", "/a", "a//b", ".", "a/.", ""]) {
      expect(codeOf(() => signRelease({ [name]: sha256("x") }, origin, key))).toBe("RELEASE_ALTERED");
    }
    expect(codeOf(() => signRelease(files, origin, generateKey("ed25519")))).toBe("KEY_INVALID");
  });

  const tool = [
    process.env.MILLWRIGHT_MODEL_SIGNING,
    ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "model_signing")),
  ].find((path) => path !== undefined && path !== "" && existsSync(path));
  it.skipIf(tool === undefined)(
    "is verified by OpenSSF's own tool, which sees a changed file (needs model_signing: pip install model-signing pyOpenSSL)",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "millwright-release-"));
      try {
        const model = join(folder, "model");
        execFileSync("mkdir", ["-p", join(model, "report")]);
        for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(model, name), bytes);
        writeFileSync(join(folder, "model.sig"), bundle);
        writeFileSync(join(folder, "key.pub"), publicPem(key));
        const args = ["verify", "key", model, "--signature", join(folder, "model.sig"), "--public_key", join(folder, "key.pub")];
        expect(execFileSync(tool as string, args, { encoding: "utf8" })).toContain("Verification succeeded");
        writeFileSync(join(model, "model.safetensors"), "other weights");
        expect(() => execFileSync(tool as string, args, { stdio: "pipe" })).toThrow();
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    60_000,
  );
});
