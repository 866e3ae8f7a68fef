/** The first administrator and the first invitations: made by whoever starts the coordinator, without the network. */

import { loadIdentity, ownKey, saveIdentity } from "../edge/identity.js";
import { createRequest } from "../io/crypto/request.js";
import { systemRandom } from "../io/crypto/system-random.js";
import { readToken } from "../io/crypto/token.js";
import { durableFolder, writeDurably } from "../io/disk/durable.js";
import { folderDisk } from "../io/disk/folder.js";
import { keyVariable, loadStoreKey } from "../io/store/key.js";
import type { Membership } from "./membership.js";

/** An identity with the role admin in a folder of its own, as `--as FOLDER` of the other verbs expects it. Made once. */
export async function makeAdministrator(
  membership: Membership,
  folder: string,
  urls: readonly string[],
  org: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const disk = folderDisk(folder);
  await disk.makeFolder("");
  const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: env[keyVariable] });
  if ((await loadIdentity(disk, storeKey)) !== undefined) return false;
  const { token } = await membership.createToken({ org, name: "admin", role: "admin", urls, by: "local" });
  const read = readToken(token);
  const key = await ownKey(disk, storeKey);
  const enrolled = await membership.enrol({ secret: read.secret, request: createRequest(key, read.name), address: "local" });
  await saveIdentity(disk, enrolled, read);
  return true;
}

/** A token file for each of these members that has none and is not enrolled. Returns the names it invited. */
export async function inviteAll(
  membership: Membership,
  members: readonly { readonly name: string; readonly role: "site" | "aggregator" }[],
  known: ReadonlySet<string>,
  given: { readonly folder: string; readonly urls: readonly string[]; readonly org: string },
): Promise<readonly string[]> {
  const disk = folderDisk(given.folder);
  await disk.makeFolder("");
  await durableFolder(disk, "");
  const invited: string[] = [];
  for (const { name, role } of members) {
    if (known.has(name)) continue;
    const { token } = await membership.createToken({ org: given.org, name, role, urls: given.urls, by: "local" });
    await writeDurably(disk, `${name}.token`, new TextEncoder().encode(`${token}\n`));
    invited.push(name);
  }
  return invited;
}
