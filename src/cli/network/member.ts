/** Verbs that speak to a coordinator as a member: the identity in a folder, and a client that shows its certificate. */
import { fail } from "../../core/errors.js";
import type { Door } from "../../edge/enrolment.js";
import type { Identity } from "../../edge/identity.js";
import type { HttpsClient } from "../../io/transport/client.js";
import type { Context } from "../context.js";
import { resolvePath } from "../verbs/numbers.js";

export interface Session {
  readonly identity: Identity;
  readonly client: HttpsClient;
  readonly door: Door;
}

/** Errors: AUTH_REQUIRED where the folder holds no identity. */
export async function openSession(context: Context, folder: string): Promise<Session> {
  const [
    { folderDisk },
    { loadStoreKey, keyVariable },
    { systemRandom },
    { loadIdentity, renewalDue },
    { memberClient, renewHere },
    { systemClock },
  ] = await Promise.all([
    import("../../io/disk/folder.js"),
    import("../../io/store/key.js"),
    import("../../io/crypto/system-random.js"),
    import("../../edge/identity.js"),
    import("../../edge/enrolment.js"),
    import("../../io/clock.js"),
  ]);
  const path = resolvePath(context, folder);
  const disk = folderDisk(path);
  const there = (await disk.size("identity/member.json")) !== undefined;
  const identity = there
    ? await loadIdentity(disk, await loadStoreKey({ disk, random: systemRandom, passphrase: context.env[keyVariable], create: false }))
    : undefined;
  if (identity === undefined) {
    return fail("AUTH_REQUIRED", {
      where: path,
      expected: "a folder with a member's identity",
      got: "none",
      remedy: "use the admin folder that `millwright serve` made, or enroll with a token",
    });
  }
  const door: Door = { clock: systemClock, env: context.env };
  const client = memberClient(identity, door);
  const runs = identity.role === "site" || identity.role === "aggregator";
  if (runs || !renewalDue(identity.facts, systemClock)) return { identity, client, door };
  // Nobody runs for an administrator: its certificate is renewed when it is used. A plant's program renews its own.
  try {
    const renewed = await renewHere(
      disk,
      await loadStoreKey({ disk, random: systemRandom, passphrase: context.env[keyVariable] }),
      client,
      systemClock,
    );
    client.close();
    return { identity: renewed, client: memberClient(renewed, door), door };
  } catch {
    return { identity, client, door };
  }
}

/** One request, and the connection closed. */
export async function ask(context: Context, folder: string, request: Parameters<HttpsClient["request"]>[0]): Promise<unknown> {
  const { client } = await openSession(context, folder);
  try {
    return (await client.request(request)).json;
  } finally {
    client.close();
  }
}
