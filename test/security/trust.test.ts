/** Keys of a federation that are replaced while members are away: over the wire, through a relay, and not by a coordinator that was taken over. */
import { afterEach, describe, expect, it } from "vitest";
import type { MillwrightError } from "../../src/core/errors.js";
import { enrolHere, memberClient, renewHere } from "../../src/edge/enrolment.js";
import { loadIdentity } from "../../src/edge/identity.js";
import { systemClock } from "../../src/io/clock.js";
import { generateKey, publicPem } from "../../src/io/crypto/keys.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { endorseTrust, type Trust } from "../../src/io/crypto/trust.js";
import { memoryDisk } from "../../src/io/disk/memory.js";
import { loadStoreKey } from "../../src/io/store/key.js";
import { type World, world } from "./world.js";

const open: World[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const [first, second, foreign] = [generateKey("ed25519"), generateKey("ed25519"), generateKey("ed25519")];
const release = [publicPem(generateKey("p256"))];
const before: Trust = { plan: [publicPem(first)], release };
const after = endorseTrust("small", before, { plan: [publicPem(second)], release }, first);

/** A member whose folder was enrolled when `trust` said what it says then. */
async function enrolled(there: World, name: string) {
  const disk = memoryDisk();
  const storeKey = await loadStoreKey({ disk, random: systemRandom });
  const door = { clock: systemClock, env: {} };
  const { url, membership } = there.coordinator;
  const { token } = await membership.createToken({ org: "acme", name, role: "site", urls: [url], by: "local" });
  const identity = await enrolHere(disk, storeKey, token, door);
  return {
    identity,
    now: () => loadIdentity(disk, storeKey),
    async renew() {
      const client = memberClient(identity, door);
      try {
        return await renewHere(disk, storeKey, client, systemClock);
      } finally {
        client.close();
      }
    },
  };
}

async function started(trust: () => Trust): Promise<World> {
  const there = await world({ trust });
  open.push(there);
  return there;
}

describe("keys that were replaced", () => {
  it("reach a member at its renewal with the endorsement of the old ones, and its folder can be read afterwards", async () => {
    let told = before;
    const plant = await enrolled(await started(() => told), "plant-9");
    expect(plant.identity.trust).toEqual(before);
    told = after;
    expect((await plant.renew()).trust).toEqual(after);
    expect((await plant.now())?.trust).toEqual(after);
  });

  it("are handed on by a relay that learnt them itself, to members that still have the first", async () => {
    let told = before;
    const relayAbove = await enrolled(await started(() => told), "facility");
    let handed: Trust = relayAbove.identity.trust;
    const below = await enrolled(await started(() => handed), "plant-9");
    told = after;
    handed = (await relayAbove.renew()).trust;
    expect((await below.renew()).trust).toEqual(after);
  });

  it("that nobody endorsed are not believed, and the member keeps what it had", async () => {
    let told = before;
    const plant = await enrolled(await started(() => told), "plant-9");
    for (const lie of [
      { plan: [publicPem(foreign)], release },
      { ...before, release: [publicPem(generateKey("p256"))] },
      endorseTrust("small", before, { plan: [publicPem(foreign)], release }, foreign),
      endorseTrust("other", before, { plan: [publicPem(foreign)], release }, first),
    ]) {
      told = lie;
      const error = await plant.renew().then(
        () => undefined,
        (found: unknown) => found,
      );
      expect((error as MillwrightError).code).toBe("SIGNATURE_REFUSED");
      expect((await plant.now())?.trust).toEqual(before);
    }
  });
});
