/** Certificates and requests, each read by openssl too. */
import type { X509Certificate } from "node:crypto";
import { connect, createServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import { createAuthority, openAuthority } from "../../../src/io/crypto/authority.js";
import { factsOf, identityOf, isIssuedBy, readCertificate } from "../../../src/io/crypto/certificate.js";
import { parseSpiffeId } from "../../../src/io/crypto/identity.js";
import { exportPrivateKey, generateKey, importPrivateKey, importPublicKey, keyId, publicPem } from "../../../src/io/crypto/keys.js";
import { createRequest, readRequest } from "../../../src/io/crypto/request.js";
import { toPem } from "../../../src/io/crypto/x509.js";
import { codeOf, day, issue, issueExpired, noon, openssl, testAuthority, testClock, testRandom } from "./support.js";

const at = String(noon / 1000);
const verify = ["verify", "-x509_strict", "-attime", at, "-CAfile", "ca.pem"];

describe("an authority", () => {
  const authority = testAuthority();
  const member = issue(authority, "plant-3");

  it("issues to members what openssl verifies, strictly, as clients and not as servers", () => {
    const files = { "ca.pem": authority.certificate, "member.pem": member.certificate };
    expect(openssl([...verify, "-purpose", "sslclient", "member.pem"], files)).toBe("member.pem: OK\n");
    expect(openssl([...verify, "-purpose", "sslserver", "member.pem"], files)).toContain("unsuitable certificate purpose");
    expect(openssl([...verify, "ca.pem"], files)).toBe("ca.pem: OK\n");
    expect(openssl(["verify", "-attime", String((noon + 31 * day) / 1000), "-CAfile", "ca.pem", "member.pem"], files)).toContain("expired");
  });

  it("issues to servers what openssl verifies for a host name and both kinds of address", () => {
    const server = authority.issueServer({ names: ["region.example", "localhost"], addresses: ["127.0.0.1", "2001:db8::5", "::1"] });
    const files = { "ca.pem": authority.certificate, "server.pem": server.certificate };
    const purpose = [...verify, "-purpose", "sslserver"];
    expect(openssl([...purpose, "-verify_hostname", "region.example", "server.pem"], files)).toBe("server.pem: OK\n");
    expect(openssl([...purpose, "-verify_ip", "127.0.0.1", "server.pem"], files)).toBe("server.pem: OK\n");
    expect(openssl([...purpose, "-verify_ip", "2001:db8::5", "server.pem"], files)).toBe("server.pem: OK\n");
    expect(openssl([...purpose, "-verify_hostname", "other.example", "server.pem"], files)).toContain("hostname mismatch");
    expect(openssl([...verify, "-purpose", "sslclient", "server.pem"], files)).toContain("unsuitable certificate purpose");
  });

  it("writes every field that openssl shows", () => {
    const text = openssl(["x509", "-in", "member.pem", "-noout", "-text"], { "member.pem": member.certificate });
    expect(text).toContain("Version: 3 (0x2)");
    expect(text).toContain("O = acme, OU = site, CN = plant-3");
    expect(text).toContain("URI:spiffe://press-shops/acme/plant-3");
    expect(text).toContain("Digital Signature");
    expect(text).toContain("TLS Web Client Authentication");
    expect(text).toContain("CA:FALSE");
    expect(text).toMatch(/X509v3 Subject Key Identifier/);
    expect(text).toMatch(/X509v3 Authority Key Identifier/);
    expect(member.serial).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(openssl(["x509", "-in", "member.pem", "-noout", "-serial"], { "member.pem": member.certificate })).toBe(
      `serial=${member.serial.toUpperCase()}\n`,
    );
  });

  it("says who a member is", () => {
    expect(identityOf(readCertificate(member.certificate))).toEqual({
      federation: "press-shops",
      org: "acme",
      name: "plant-3",
      role: "site",
    });
    const facts = factsOf(readCertificate(member.certificate));
    expect(facts).toMatchObject({ serial: member.serial, spki: keyId(member.key), notAfter: noon + 30 * day, notBefore: noon - 300_000 });
  });

  it("is not another authority of the same federation", () => {
    const ports = { clock: testClock(), random: testRandom(2) };
    const other = openAuthority({ ...createAuthority({ federation: "press-shops", ...ports }), ...ports });
    expect(isIssuedBy(readCertificate(member.certificate), [authority.x509])).toBe(true);
    expect(isIssuedBy(readCertificate(member.certificate), [other.x509])).toBe(false);
    // A member is no authority, whatever it signs.
    expect(isIssuedBy(readCertificate(member.certificate), [readCertificate(member.certificate)])).toBe(false);
    expect(openssl([...verify, "member.pem"], { "ca.pem": other.certificate, "member.pem": member.certificate })).toMatch(/refused/);
  });

  it("refuses long lives, foreign names and a key that is not its own", () => {
    const request = createRequest(generateKey("p256"), "x");
    const give = (change: object) => () => authority.issueMember(request, { org: "acme", name: "plant-3", role: "site", ...change });
    expect(codeOf(give({ validFor: millis(31 * day) }))).toBe("CERTIFICATE_INVALID");
    expect(codeOf(give({ validFor: millis(0) }))).toBe("CERTIFICATE_INVALID");
    for (const name of ["", "a/b", "..", "a\nCN=admin", "ü", "a".repeat(65), "a b", 'a"b']) {
      expect(codeOf(give({ name }))).toBe("CERTIFICATE_INVALID");
      expect(codeOf(give({ org: name }))).toBe("CERTIFICATE_INVALID");
    }
    expect(codeOf(give({ role: "root" }))).toBe("CERTIFICATE_INVALID");
    for (const name of ["a..b", "*.example", "127.0.0.1", "-a", "a b", ""]) {
      expect(codeOf(() => authority.issueServer({ names: [name], addresses: [] }))).toBe("CERTIFICATE_INVALID");
    }
    expect(codeOf(() => authority.issueServer({ names: [], addresses: ["1.2.3"] }))).toBe("CERTIFICATE_INVALID");
    const ports = { clock: testClock(), random: testRandom() };
    const key = exportPrivateKey(generateKey("p256"));
    expect(codeOf(() => openAuthority({ certificate: authority.certificate, key, ...ports }))).toBe("KEY_INVALID");
    expect(codeOf(() => openAuthority({ certificate: member.certificate, key: member.keyPem, ...ports }))).toBe("KEY_INVALID");
  });

  it("gives tests certificates that have expired", () => {
    const { authority: old, member: late } = issueExpired("plant-9");
    const files = { "ca.pem": old.certificate, "member.pem": late.certificate };
    expect(openssl([...verify, "member.pem"], files)).toContain("certificate has expired");
  });

  it("serves mutual TLS 1.3 with what it issued", async () => {
    // Node's TLS looks at the machine's own clock.
    const live = testAuthority("press-shops", { now: () => Date.now() });
    const client = issue(live, "plant-3");
    const pair = live.issueServer({ names: ["localhost"], addresses: ["127.0.0.1"] });
    const server = createServer({ key: pair.key, cert: pair.certificate, ca: live.certificate, requestCert: true, minVersion: "TLSv1.3" });
    const seen = new Promise<string>((resolve) => {
      server.on("secureConnection", (socket) => resolve(identityOf(socket.getPeerX509Certificate() as X509Certificate).name));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca: live.certificate,
      key: client.keyPem,
      cert: client.certificate,
    });
    expect(await seen).toBe("plant-3");
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("requests", () => {
  it("are ones that openssl verifies", () => {
    const pem = createRequest(generateKey("p256"), "plant-3");
    expect(openssl(["req", "-in", "r.pem", "-noout", "-verify", "-text"], { "r.pem": pem })).toContain("CN = plant-3");
    expect(openssl(["req", "-in", "r.pem", "-noout", "-verify"], { "r.pem": pem })).not.toContain("refused");
  });

  it("of openssl are read, and nothing is taken from their subject", () => {
    const key = generateKey("p256");
    const pem = openssl(["req", "-new", "-key", "k.pem", "-subj", "/CN=admin/O=root", "-addext", "subjectAltName=URI:spiffe://x/y/z"], {
      "k.pem": exportPrivateKey(key),
    });
    expect(readRequest(pem).keyId).toBe(keyId(key));
    const issued = testAuthority().issueMember(pem, { org: "acme", name: "plant-3", role: "site" });
    expect(identityOf(readCertificate(issued.certificate))).toMatchObject({ name: "plant-3", org: "acme", role: "site" });
  });

  it("with another key or curve, or a signature of somebody else, are refused", () => {
    const rsa = openssl(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=a"]);
    const p384 = openssl([
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-384",
      "-nodes",
      "-keyout",
      "/dev/null",
      "-subj",
      "/CN=a",
    ]);
    expect(rsa).toContain("BEGIN CERTIFICATE REQUEST");
    expect(p384).toContain("BEGIN CERTIFICATE REQUEST");
    expect(codeOf(() => readRequest(rsa))).toBe("CERTIFICATE_INVALID");
    expect(codeOf(() => readRequest(p384))).toBe("CERTIFICATE_INVALID");
    // The key is swapped for another in the signed bytes: whoever sends it cannot prove to hold it.
    const mine = Buffer.from(createRequest(generateKey("p256"), "a").split("\n").slice(1, -2).join(""), "base64");
    const theirs = readRequest(createRequest(generateKey("p256"), "a")).spki;
    const swapped = Buffer.from(mine);
    swapped.set(theirs, mine.indexOf(Buffer.from(theirs.subarray(0, 26))));
    expect(codeOf(() => readRequest(toPem("CERTIFICATE REQUEST", swapped)))).toBe("CERTIFICATE_INVALID");
    expect(codeOf(() => createRequest(generateKey("ed25519"), "a"))).toBe("KEY_INVALID");
  });
});

describe("certificates of others", () => {
  const self = (subject: string, san: string, more: readonly string[] = []) =>
    openssl([
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null", "-days", "2"],
      ...[
        "-subj",
        subject,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        ...(san === "" ? [] : ["-addext", `subjectAltName=${san}`]),
        ...more,
      ],
    ]);
  const client = ["-addext", "extendedKeyUsage=clientAuth"];
  const ours = "URI:spiffe://f/acme/plant";
  it("are read as ours only where every part agrees", () => {
    expect(codeOf(() => factsOf(readCertificate(self("/O=acme/OU=site/CN=plant", ours, client))))).toBe("nothing thrown");
    const others: readonly string[] = [
      self("/O=acme/OU=site/CN=plant", "", client),
      self("/O=acme/OU=site/CN=plant", `${ours},${ours}`, client),
      self("/O=acme/OU=site/CN=plant", `${ours},DNS:example.com`, client),
      self("/O=acme/OU=site/CN=plant", "DNS:plant", client),
      self("/O=acme/OU=site/CN=plant", "URI:spiffe://f/acme/plant/more", client),
      self("/O=acme/OU=site/CN=plant", "URI:http://f/acme/plant", client),
      self("/O=other/OU=site/CN=plant", ours, client),
      self("/O=acme/OU=site/CN=other", ours, client),
      self("/O=acme/OU=king/CN=plant", ours, client),
      self("/O=acme/CN=plant", ours, client),
      self("/O=acme/OU=site/OU=admin/CN=plant", ours, client),
      self("/O=acme/OU=site/CN=plant", ours),
      self("/O=acme/OU=site/CN=plant", ours, ["-addext", "extendedKeyUsage=clientAuth,serverAuth"]),
    ];
    for (const pem of others) {
      expect(pem).toContain("BEGIN CERTIFICATE");
      expect(codeOf(() => factsOf(readCertificate(pem)))).toBe("CERTIFICATE_INVALID");
    }
  });
  it("have names that are exactly the form", () => {
    expect(parseSpiffeId("spiffe://f/acme/plant")).toEqual({ federation: "f", org: "acme", name: "plant" });
    for (const id of [
      "spiffe://F/a/b",
      "spiffe://f/a/b\n",
      "spiffe://f/a/../b",
      "spiffe://f//b",
      "spiffe://f:1/a/b",
      "spiffe://u@f/a/b",
      "spiffe://f/a/b?c",
      "spiffe://f/a/..",
    ]) {
      expect(parseSpiffeId(id)).toBeUndefined();
    }
  });
});

describe("keys", () => {
  it("survive their PEM, with and without a passphrase", () => {
    const key = generateKey("p256");
    const sealed = exportPrivateKey(key, "correct horse battery staple");
    expect(sealed).toContain("BEGIN ENCRYPTED PRIVATE KEY");
    expect(keyId(importPrivateKey(sealed, "ca.key", "correct horse battery staple"))).toBe(keyId(key));
    expect(openssl(["pkey", "-in", "k.pem", "-passin", "pass:correct horse battery staple", "-pubout"], { "k.pem": sealed })).toBe(
      publicPem(key),
    );
    expect(codeOf(() => importPrivateKey(sealed, "ca.key", "correct horse battery stapler"))).toBe("KEY_INVALID");
    expect(codeOf(() => importPrivateKey(sealed, "ca.key"))).toBe("KEY_INVALID");
    expect(codeOf(() => exportPrivateKey(key, "short"))).toBe("KEY_INVALID");
  });
  it("are refused when public and private are mixed up, or of another kind", () => {
    const key = generateKey("ed25519");
    expect(codeOf(() => importPublicKey(exportPrivateKey(key), "key"))).toBe("KEY_INVALID");
    expect(codeOf(() => importPrivateKey(publicPem(key), "key"))).toBe("KEY_INVALID");
    expect(codeOf(() => importPrivateKey(openssl(["genpkey", "-algorithm", "X25519"]), "key"))).toBe("KEY_INVALID");
  });
});
