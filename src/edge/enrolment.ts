/** Joining and renewing as a member's program does it: with the folder's own key, over a connection that is pinned before there is trust. */
import { fail } from "../core/errors.js";
import type { Clock, Disk } from "../core/ports.js";
import { fingerprintOf, readCertificate } from "../io/crypto/certificate.js";
import { checkEnrolled, enrol } from "../io/crypto/enrol.js";
import { createRequest } from "../io/crypto/request.js";
import { readToken } from "../io/crypto/token.js";
import type { StoreKey } from "../io/store/key.js";
import { type ClientOptions, type HttpsClient, httpsClient } from "../io/transport/client.js";
import { type Identity, loadIdentity, ownKey, replaceKey, saveIdentity } from "./identity.js";

export interface Door {
  readonly clock: Clock;
  /** As in the site file: an address, "none", or nothing for the environment's. */
  readonly proxy?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Signs every request besides showing the certificate: for where a proxy opens TLS. */
  readonly sign?: ClientOptions["sign"];
  readonly bucket?: ClientOptions["bucket"];
  /** PEM of the authority of a proxy that opens TLS, where the plant trusts it. */
  readonly proxyAuthority?: string;
}

/** Uses a token up and keeps the identity. Errors: TOKEN_REFUSED, TRANSPORT_*, CERTIFICATE_INVALID; nothing is kept then but the key. */
export async function enrolHere(disk: Disk, storeKey: StoreKey, tokenText: string, door: Door): Promise<Identity> {
  const token = readToken(tokenText.trim());
  const there = await loadIdentity(disk, storeKey);
  if (there !== undefined && (there.name !== token.name || there.federation !== token.federation)) {
    fail("MEMBER_CONFLICT", {
      where: "data folder",
      expected: `no identity, or the one of ${token.name} in ${token.federation}`,
      got: `${there.name} in ${there.federation}`,
      remedy: "use a data folder of its own for each member",
    });
  }
  const key = await ownKey(disk, storeKey);
  const enrolled = await enrol(
    token,
    key,
    async ({ url, path, pin, json }) => {
      const client = httpsClient({ url, tls: { pin }, proxy: door.proxy, env: door.env, clock: door.clock });
      try {
        return (await client.request({ method: "POST", path, json })).json;
      } finally {
        client.close();
      }
    },
    door.clock.now,
  );
  await saveIdentity(disk, enrolled, token);
  return (await loadIdentity(disk, storeKey)) as Identity;
}

/**
 * The identity of a folder. A token counts where there is none, and where the certificate has ended: whoever was invited again need not
 * know that the folder was enrolled before. Undefined where there is neither. Errors: as enrolHere.
 */
export async function identityHere(disk: Disk, storeKey: StoreKey, token: string | undefined, door: Door): Promise<Identity | undefined> {
  const there = await loadIdentity(disk, storeKey);
  if (token === undefined || (there !== undefined && door.clock.now() < there.facts.notAfter)) return there;
  return enrolHere(disk, storeKey, token, door);
}

/** A client that shows a member's certificate. */
export function memberClient(identity: Identity, door: Door, url = identity.urls[0]): HttpsClient {
  const ca = door.proxyAuthority === undefined ? identity.authority : [identity.authority, door.proxyAuthority];
  return httpsClient({
    url,
    tls: { key: identity.keyPem, cert: identity.certificate, ca },
    clock: door.clock,
    proxy: door.proxy,
    env: door.env,
    ...(door.sign === undefined ? {} : { sign: door.sign }),
    ...(door.bucket === undefined ? {} : { bucket: door.bucket }),
  });
}

/** A new key and a certificate for it; the old ones are good until the coordinator answered. Errors: AUTH_*, TRANSPORT_*, CERTIFICATE_INVALID. */
export async function renewHere(disk: Disk, storeKey: StoreKey, client: HttpsClient, clock: Clock): Promise<Identity> {
  const identity = await loadIdentity(disk, storeKey);
  if (identity === undefined) {
    return fail("AUTH_REQUIRED", { where: "data folder", expected: "an enrolled member", got: "none", remedy: "enroll with a token" });
  }
  const next = await ownKey(disk, storeKey, "next.pem");
  const { json } = await client.request({ method: "POST", path: "/v1/renew", json: { request: createRequest(next, identity.name) } });
  const authority = fingerprintOf(readCertificate(identity.authority, "authority.pem"));
  const enrolled = checkEnrolled(json, { ...identity, authority }, next, clock.now());
  await saveIdentity(disk, enrolled, identity);
  await replaceKey(disk, "next.pem");
  return (await loadIdentity(disk, storeKey)) as Identity;
}
