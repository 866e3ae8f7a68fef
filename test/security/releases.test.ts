/** From a finished run to a model on a member's disk: signed, published by somebody who let nobody in, verified, and never an older one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { fetchRelease } from "../../src/edge/releases.js";
import { generateKey, publicPem, sha256 } from "../../src/io/crypto/keys.js";
import { signPlan } from "../../src/io/crypto/plan-envelope.js";
import { recordFile, signRelease } from "../../src/io/crypto/release.js";
import { memoryDisk } from "../../src/io/disk/memory.js";
import type { Ask, HttpsClient } from "../../src/io/transport/client.js";
import { decodeBundle } from "../../src/round/bundle.js";
import { type Member, type World, world } from "./world.js";

let there: World;
let sites: Member[];
beforeAll(async () => {
  there = await world({ automaticRelease: false });
  sites = [];
  for (const site of there.sites) sites.push(await there.join(site));
  while ((await there.record.run(there.coordinator.run.id))?.state === "running") {
    const { missing } = there.coordinator.driver.waiting();
    for (const site of sites) if (missing.includes(site.identity.name)) await site.work();
  }
  expect(await there.ended).toBe("finished");
}, 60_000);
afterAll(() => there.close());

const decide = (member: Member, action: string, version = 1) =>
  member.ask({ method: "POST", path: `/v1/releases/${version}`, json: { action, reason: "tests" } });

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    return error instanceof MillwrightError ? error.code : String(error);
  }
  return "believed";
}

/** A coordinator that was taken over: it answers with other bytes for some parts. */
function lying(client: Pick<HttpsClient, "request">, lies: Readonly<Record<string, Uint8Array | ((bytes: Uint8Array) => Uint8Array)>>) {
  return {
    request: async (ask: Ask) => {
      const part = ask.path.split("/").at(-1) ?? "";
      const lie = lies[part];
      if (lie === undefined || ask.onChunk === undefined) return client.request(ask);
      const { onChunk, ...plain } = ask;
      const { bytes = new Uint8Array(0), ...answer } = await client.request(plain);
      const told = typeof lie === "function" ? lie(bytes) : lie;
      if (told.length > 0) await onChunk(told, answer);
      return answer;
    },
  };
}

describe("a model", () => {
  it("that waits for its release is seen by those who decide, and by no plant", async () => {
    const scientist = await there.join("looker", "scientist");
    expect((await scientist.ask({ method: "GET", path: "/v1/releases/1/bundle" })).code).toBe("answered");
    expect((await sites[0].ask({ method: "GET", path: "/v1/releases/1/bundle" })).code).toBe("BLOB_MISSING");
    expect((await sites[0].ask({ method: "GET", path: "/v1/releases" })).json).toMatchObject({ releases: [] });
    expect(await codeOf(() => fetchRelease({ client: sites[0].client, identity: sites[0].identity, disk: memoryDisk() }))).toBe(
      "RECORD_MISSING",
    );
  });

  it("is not published by whoever ever let a node in, under whatever role, nor by a role that does not publish", async () => {
    const admin = await there.join("boss", "admin");
    expect((await admin.ask({ method: "POST", path: "/v1/tokens", json: { name: "x", org: "acme", role: "site" } })).code).toBe("answered");
    expect((await decide(admin, "publish")).code).toBe("AUTH_FORBIDDEN");
    await there.coordinator.membership.revoke({ name: "boss" }, "new role", "local");
    const again = await there.join("boss", "scientist");
    expect((await decide(again, "publish")).code).toBe("AUTH_FORBIDDEN");
    expect((await decide(sites[0], "publish")).code).toBe("AUTH_FORBIDDEN");
    expect((await there.record.release("small", 1))?.state).toBe("candidate");
    const scientist = await there.join("ada", "scientist");
    expect((await decide(scientist, "publish", 9)).code).toBe("RECORD_MISSING");
    expect((await decide(scientist, "approve")).code).toBe("REQUEST_INVALID");
    expect((await decide(scientist, "publish")).code).toBe("answered");
    expect((await there.record.release("small", 1))?.releasedBy).toBe("ada");
  });

  it("that is published is fetched and believed by a plant, which remembers its version", async () => {
    const disk = memoryDisk();
    const { client, identity } = sites[0];
    const { origin, bundle } = await fetchRelease({ client, identity, disk });
    expect(origin).toMatchObject({ federation: "small", version: 1, plan: there.plan.sha256, rounds: 2, members: 3 });
    expect(decodeBundle(bundle).federation).toBe("small");
    expect(JSON.parse(Buffer.from((await disk.read("releases.json")) ?? "").toString())).toMatchObject({ version: 1 });
    expect((await fetchRelease({ client, identity, disk })).origin).toEqual(origin);
  });

  it("is refused unsigned, signed by another, altered in any part, unproven, or older than what one has", async () => {
    const { client, identity } = sites[0];
    const get = async (part: string) => (await sites[0].ask({ method: "GET", path: `/v1/releases/1/${part}` })).bytes ?? new Uint8Array(0);
    const fetch = (lies: Parameters<typeof lying>[1], disk = memoryDisk()) =>
      codeOf(() => fetchRelease({ client: lying(client, lies), identity, disk }));
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte));
    expect(await fetch({})).toBe("believed");
    expect(await fetch({ envelope: new Uint8Array(0) })).toBe("SIGNATURE_MISSING");
    expect(await fetch({ bundle: flip })).toBe("RELEASE_ALTERED");
    expect(await fetch({ record: flip })).toBe("RELEASE_ALTERED");
    expect(await fetch({ plan: flip })).toBe("RELEASE_UNPROVEN");
    const [bundle, record] = [await get("bundle"), await get("record")];
    const files = { "model.safetensors": sha256(bundle), [recordFile]: sha256(record) };
    const { origin } = await fetchRelease({ client, identity, disk: memoryDisk() });
    const signed = (key: Parameters<typeof signRelease>[2], change: object = {}) =>
      new TextEncoder().encode(signRelease(files, { ...origin, ...change }, key));
    const { releaseKey } = there.coordinator.home;
    expect(await fetch({ envelope: signed(generateKey("p256")) })).toBe("SIGNATURE_REFUSED");
    // With the right key and the wrong story: another plan, another number of rounds, other weights.
    expect(await fetch({ envelope: signed(releaseKey, { plan: sha256("another") }) })).toBe("RELEASE_UNPROVEN");
    expect(await fetch({ envelope: signed(releaseKey, { rounds: 9 }) })).toBe("RELEASE_UNPROVEN");
    expect(await fetch({ envelope: signed(releaseKey, { weights: sha256("w") }) })).toBe("RELEASE_UNPROVEN");
    expect(await fetch({ envelope: signed(releaseKey, { version: 7 }) })).toBe("RELEASE_ALTERED");
    // A plan that this federation never signed, though the release names it.
    const foreign = signPlan(there.plan.plan, [generateKey("ed25519")]);
    const lies = { plan: new TextEncoder().encode(foreign), envelope: signed(releaseKey, { plan: sha256(foreign) }) };
    expect(await fetch(lies)).toBe("SIGNATURE_REFUSED");
    // A member that has a newer one, or another one under this number, keeps it.
    for (const seen of [
      { version: 2, root: sha256("a") },
      { version: 1, root: sha256("a") },
    ]) {
      const disk = memoryDisk(new Map([["releases.json", new TextEncoder().encode(JSON.stringify(seen))]]));
      expect(await fetch({}, disk)).toBe("ROLLBACK_REFUSED");
      expect(JSON.parse(Buffer.from((await disk.read("releases.json")) ?? "").toString())).toEqual(seen);
    }
    const damaged = memoryDisk(new Map([["releases.json", new TextEncoder().encode("{}")]]));
    expect(await fetch({}, damaged)).toBe("STORE_DAMAGED");
    const stranger = { ...identity, trust: { plan: identity.trust.plan, release: [publicPem(generateKey("p256"))] } };
    expect(await codeOf(() => fetchRelease({ client, identity: stranger, disk: memoryDisk() }))).toBe("SIGNATURE_REFUSED");
  });

  it("that is withdrawn is given to nobody who uses models, and does not come back", async () => {
    const scientist = await there.join("eve", "scientist");
    expect((await decide(scientist, "withdraw")).code).toBe("answered");
    expect((await decide(scientist, "publish")).code).toBe("RECORD_CONFLICT");
    expect((await sites[0].ask({ method: "GET", path: "/v1/releases/1/bundle" })).code).toBe("BLOB_MISSING");
    expect(await codeOf(() => fetchRelease({ client: sites[0].client, identity: sites[0].identity, disk: memoryDisk() }))).toBe(
      "RECORD_MISSING",
    );
  });
});

describe("the audit log", () => {
  it("has every act of everybody who decides something, in order, with who and what, and no secret", async () => {
    const admin = await there.join("root", "admin");
    await admin.ask({ method: "POST", path: "/v1/control", json: { order: "pause" } });
    const victim = await there.join("gone");
    await admin.ask({ method: "POST", path: "/v1/revoke", json: { serial: victim.identity.facts.serial, reason: "lost" } });
    await admin.ask({ method: "POST", path: "/v1/revoke", json: { name: "gone", reason: "sold" } });
    const { createRequest } = await import("../../src/io/crypto/request.js");
    const request = createRequest(generateKey("p256"), "root");
    expect((await admin.ask({ method: "POST", path: "/v1/renew", json: { request } })).code).toBe("answered");
    const { audit } = (await admin.ask({ method: "GET", path: "/v1/audit" })).json as {
      readonly audit: readonly {
        readonly action: string;
        readonly actor: string;
        readonly seq: number;
        readonly at: number;
        readonly target: string;
      }[];
    };
    const acts = new Set(audit.map(({ action }) => action));
    for (const act of [
      "invite",
      "enrol",
      "renew",
      "revoke certificate",
      "run.start",
      "run.pause",
      "release.candidate",
      "release.publish",
      "release.withdraw",
    ])
      expect(acts).toContain(act);
    expect([...acts].some((act) => act.startsWith("revoke"))).toBe(true);
    expect(audit.find(({ action }) => action === "release.publish")).toMatchObject({ actor: "ada", target: "1" });
    expect(audit.map(({ seq }) => seq)).toEqual(audit.map((_, i) => i + 1));
    expect(audit.every(({ at }, i) => i === 0 || at >= audit[i - 1].at)).toBe(true);
    const said = JSON.stringify([audit, there.logged]);
    expect(said).not.toContain("PRIVATE KEY");
    for (const { token, identity } of [...sites, admin, victim]) {
      const secret = JSON.parse(Buffer.from(token.slice(4), "base64url").toString()).secret as string;
      expect(said).not.toContain(secret);
      expect(said).not.toContain(identity.keyPem.split("\n")[1]);
    }
  });
});
