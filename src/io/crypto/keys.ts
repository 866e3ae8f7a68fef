/**
 * Keys: P-256 for TLS, for signed requests and for releases (the curve that model-signing verifiers know), Ed25519 for plans. A private
 * key stays inside a KeyObject or a PEM that is written to a file of its owner; no error names a byte of it.
 *
 * A passphrase wraps the PEM as encrypted PKCS#8 (PBES2, AES-256-CBC). OpenSSL derives its key with PBKDF2 and few iterations, so
 * the passphrase itself has to be hard to guess: shorter than 16 characters is refused.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { fail } from "../../core/errors.js";

/** "p256" signs with ECDSA and SHA-256, "ed25519" with EdDSA. */
export type KeyKind = "p256" | "ed25519";

/** Characters of the longest PEM that is read. */
const longest = 1 << 14;
const shortestPassphrase = 16;

/** A new private key from the operating system's randomness. */
export function generateKey(kind: KeyKind): KeyObject {
  return kind === "p256" ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey : generateKeyPairSync("ed25519").privateKey;
}

/** As PKCS#8 PEM, encrypted where there is a passphrase. Errors: KEY_INVALID for a passphrase that is too short. */
export function exportPrivateKey(key: KeyObject, passphrase?: string): string {
  if (passphrase === undefined) return key.export({ type: "pkcs8", format: "pem" }) as string;
  if (passphrase.length < shortestPassphrase) {
    fail("KEY_INVALID", {
      where: "passphrase",
      expected: `at least ${shortestPassphrase} characters`,
      got: `${passphrase.length}`,
      remedy: "use several random words",
    });
  }
  return key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }) as string;
}

/** A private key of one of the two kinds; `where` names the file. Errors: KEY_INVALID, which says nothing of the content. */
export function importPrivateKey(pem: string, where: string, passphrase?: string): KeyObject {
  const encrypted = pem.includes("ENCRYPTED");
  if (encrypted && passphrase === undefined) {
    fail("KEY_INVALID", { where, expected: "a passphrase", got: "none", remedy: "the key is encrypted; set MILLWRIGHT_KEY" });
  }
  let key: KeyObject;
  try {
    if (pem.length > longest) throw new RangeError("too long");
    key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch {
    // The cause is left out: a parser's message may quote its input.
    fail("KEY_INVALID", {
      where,
      expected: "a private key in PEM",
      got: encrypted ? "a wrong passphrase, or a damaged file" : "something else",
      remedy: "restore the file from a backup, or make a new key and enroll again",
    });
  }
  kindOf(key, where);
  return key;
}

/** A public key in PEM (SPKI) of one of the two kinds. Errors: KEY_INVALID. */
export function importPublicKey(pem: string, where: string): KeyObject {
  // createPublicKey would derive it from a private key that was handed over by mistake, and somebody would keep that file around.
  if (!pem.includes("BEGIN PUBLIC KEY") || pem.length > longest) {
    fail("KEY_INVALID", { where, expected: "a public key in PEM", got: "something else" });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    fail("KEY_INVALID", { where, expected: "a public key in PEM", got: "something else" });
  }
  kindOf(key, where);
  return key;
}

/** Which of the two kinds. Errors: KEY_INVALID for any other. */
export function kindOf(key: KeyObject, where: string): KeyKind {
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return "p256";
  return fail("KEY_INVALID", { where, expected: "a P-256 or Ed25519 key", got: key.asymmetricKeyType ?? "a secret key" });
}

/** The public half. */
export function publicOf(key: KeyObject): KeyObject {
  return key.type === "public" ? key : createPublicKey(key);
}

/** As PEM, of the public half. */
export function publicPem(key: KeyObject): string {
  return publicOf(key).export({ type: "spki", format: "pem" }) as string;
}

/** SubjectPublicKeyInfo of the public half. */
export function spkiOf(key: KeyObject): Uint8Array {
  return publicOf(key).export({ type: "spki", format: "der" }) as Uint8Array;
}

/** SHA-256 of SubjectPublicKeyInfo, hex: what a key is known by. */
export function keyId(key: KeyObject): string {
  return sha256(spkiOf(key));
}

/** SHA-256 as hex. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A signature in the key's own way; ECDSA in DER. */
export function signBytes(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return sign(kindOf(key, "signing key") === "p256" ? "sha256" : null, bytes, key);
}

/** Whether the signature is the key's over these bytes; malformed ones are not. */
export function verifyBytes(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(kindOf(key, "verification key") === "p256" ? "sha256" : null, bytes, key, signature);
  } catch {
    return false;
  }
}
