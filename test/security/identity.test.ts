/** Who somebody is comes from the certificate and the member table; what a body, a header or an address says of it changes nothing. */
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/io/clock.js";
import { sha256 } from "../../src/io/crypto/keys.js";
import { httpsClient } from "../../src/io/transport/client.js";
import { encodeMessage, type Message } from "../../src/round/messages.js";
import { asked, type Member, type World, world } from "./world.js";

const open: World[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function started(): Promise<World & { readonly members: readonly Member[] }> {
  const there = await world();
  open.push(there);
  const members: Member[] = [];
  for (const site of there.sites) members.push(await there.join(site));
  return { ...there, members };
}

const missing = (there: World): readonly string[] => there.coordinator.driver.waiting().missing;
const answerOf = (from: string, exchange: number, body: unknown = {}): Message => ({ type: "answer", exchange, from, body });

describe("a site", () => {
  it("that answers in another's name is refused, and the other is still waited for", async () => {
    const there = await started();
    const [mallory, alice] = there.members;
    const before = missing(there);
    expect(await mallory.reply(answerOf(alice.identity.name, 1), "exchange 1")).toBe("AUTH_FORBIDDEN");
    expect(missing(there)).toEqual(before);
    expect(await alice.work()).toBe("counts: true");
    expect(missing(there)).toEqual(before.filter((name) => name !== alice.identity.name));
  });

  it("that answers another question than it says, or one that nobody asked, changes nothing", async () => {
    const there = await started();
    const [mallory] = there.members;
    const { name } = mallory.identity;
    const before = missing(there);
    expect(await mallory.reply(answerOf(name, 1), "exchange 2")).toBe("MESSAGE_INVALID");
    expect(await mallory.reply(answerOf(name, 99), "exchange 99")).toBe("counts: false");
    expect(
      await mallory.reply({ type: "refuse", answers: "round 7 attempt 1", from: name, code: "X", text: "y" }, "round 7 attempt 1"),
    ).toBe("counts: false");
    for (const message of [
      { type: "order", order: "stop" },
      { type: "ask", exchange: 1, topic: "statistics", body: {} },
      { type: "train", round: 1, attempt: 1, learningRate: 1, values: new Float32Array(1) },
    ] as const)
      expect(await mallory.reply(message, "exchange 1")).toBe("MESSAGE_INVALID");
    expect(missing(there)).toEqual(before);
    // Nothing of it is kept either.
    expect(await there.blobs.list()).toEqual([there.plan.sha256]);
  });

  it("reads the frame of its own open task and no other blob", async () => {
    const there = await started();
    const [alice, bob] = there.members;
    const { task } = await alice.next();
    const frame = `/v1/blobs/${task?.sha256}`;
    expect((await alice.ask({ method: "GET", path: frame })).code).toBe("answered");
    await alice.work();
    expect((await alice.ask({ method: "GET", path: frame })).code).toBe("BLOB_MISSING");
    for (const other of [there.plan.sha256, sha256("nothing")]) {
      expect((await bob.ask({ method: "GET", path: `/v1/blobs/${other}` })).code).toBe("BLOB_MISSING");
    }
  });

  it("neither reads what another uploaded nor answers with it", async () => {
    const there = await started();
    const [alice, mallory] = there.members;
    const bytes = encodeMessage(answerOf(alice.identity.name, 1, { pad: "x".repeat(1000) }));
    const digest = sha256(bytes);
    const path = `/v1/uploads/${digest}?offset=0&size=${bytes.length}`;
    expect((await alice.ask({ method: "PUT", path, bytes })).code).toBe("answered");
    expect((await mallory.ask({ method: "GET", path: `/v1/blobs/${digest}` })).code).toBe("BLOB_MISSING");
    const stolen = `/v1/replies?key=exchange%201&sha256=${digest}`;
    expect((await mallory.ask({ method: "POST", path: stolen, bytes: new Uint8Array(0) })).code).toBe("AUTH_FORBIDDEN");
    expect(await there.blobs.has(digest)).toBe(true);
  });

  it("cannot fill the disk with replies that it never makes", async () => {
    const there = await started();
    const [mallory] = there.members;
    const codes: string[] = [];
    for (let i = 0; i < 6; i++) {
      const bytes = new Uint8Array(100).fill(i);
      const path = `/v1/uploads/${sha256(bytes)}?offset=0&size=100`;
      codes.push((await mallory.ask({ method: "PUT", path, bytes })).code);
    }
    expect(codes).toEqual([...Array(4).fill("answered"), "BLOB_MISSING", "BLOB_MISSING"]);
    const huge = `/v1/uploads/${sha256("x")}?offset=0&size=1000000000`;
    expect((await mallory.ask({ method: "PUT", path: huge, bytes: new Uint8Array(1) })).code).toBe("BLOB_MISSING");
  });

  it("that is a member, and not of this plan, has nothing to do, to read or to say", async () => {
    const there = await started();
    const outsider = await there.join("outsider");
    expect((await outsider.next()).task).toBeUndefined();
    const { task } = await there.members[0].next();
    expect((await outsider.ask({ method: "GET", path: `/v1/blobs/${task?.sha256}` })).code).toBe("BLOB_MISSING");
    const bytes = new Uint8Array(10);
    expect((await outsider.ask({ method: "PUT", path: `/v1/uploads/${sha256(bytes)}?offset=0&size=10`, bytes })).code).toBe("BLOB_MISSING");
    expect(await outsider.reply(answerOf("outsider", 1), "exchange 1")).toBe("counts: false");
  });

  it("is told how many others there are, and not who", async () => {
    const there = await started();
    const status = JSON.stringify((await there.members[0].ask({ method: "GET", path: "/v1/status" })).json);
    for (const site of there.sites) expect(status).not.toContain(site);
    const auditor = await there.join("auditor", "auditor");
    expect(JSON.stringify((await auditor.ask({ method: "GET", path: "/v1/status" })).json)).toContain(there.sites[1]);
  });
});

describe("a relay", () => {
  it("that poses as a site, or a site that poses as a relay, is not believed", async () => {
    const there = await started();
    const relay = await there.join("facility", "aggregator");
    const [alice] = there.members;
    expect(await relay.reply(answerOf(alice.identity.name, 1), "exchange 1")).toBe("AUTH_FORBIDDEN");
    expect(await relay.reply(answerOf("facility", 1), "exchange 1")).toBe("counts: false");
    // A site stands for one: as a relay of three it is refused by name, and asked again.
    for (const member of there.members) await member.work();
    const { exchange } = (await alice.fetch()) as { exchange: number };
    const facts = { members: 3, train: 10, validation: 0, test: 0, inputs: { features: [3] }, outputs: { kind: "binary", width: 1 } };
    await alice.reply(answerOf(alice.identity.name, exchange, facts), `exchange ${exchange}`);
    const { refused } = there.coordinator.driver.waiting();
    expect(refused).toEqual([{ site: alice.identity.name, reason: expect.stringContaining("expected up to 1 members, got 3") }]);
  });
});

describe("a certificate", () => {
  it("that is revoked by its serial ends its connections; the member's other one goes on", async () => {
    const there = await started();
    const [alice] = there.members;
    const { createRequest } = await import("../../src/io/crypto/request.js");
    const { exportPrivateKey, generateKey } = await import("../../src/io/crypto/keys.js");
    const key = generateKey("p256");
    const renewed = (await alice.ask({ method: "POST", path: "/v1/renew", json: { request: createRequest(key, "x") } })).json as {
      certificate: string;
    };
    const tls = { key: exportPrivateKey(key), cert: renewed.certificate, ca: alice.identity.authority };
    const second = httpsClient({ url: there.coordinator.url, tls, clock: systemClock, env: {} });
    expect((await asked(second.request({ method: "GET", path: "/v1/status" }))).code).toBe("answered");
    const admin = await there.join("admin", "admin");
    const { task } = await alice.next();
    const poll = asked(alice.client.request({ method: "GET", path: `/v1/next?wait=30000&have=${encodeURIComponent(task?.key ?? "")}` }));
    const other = asked(second.request({ method: "GET", path: `/v1/next?wait=30000&have=${encodeURIComponent(task?.key ?? "")}` }));
    await until(() =>
      there.coordinator.status().then(({ members }) => members.some(({ name, here }) => name === alice.identity.name && here)),
    );
    const json = { serial: alice.identity.facts.serial, reason: "laptop lost" };
    expect((await admin.ask({ method: "POST", path: "/v1/revoke", json })).code).toBe("answered");
    // Cut; the client asks once more over a fresh connection, and is told why.
    expect((await poll).code).toBe("AUTH_REVOKED");
    expect((await alice.ask({ method: "GET", path: "/v1/status" })).code).toBe("AUTH_REVOKED");
    expect((await asked(second.request({ method: "GET", path: "/v1/status" }))).code).toBe("answered");
    // The member itself is still in the run.
    expect(missing(there)).toContain(alice.identity.name);
    second.close();
    expect((await other).code).toBe("ABORTED");
  });

  it("of a member that is revoked ends at once, the open poll too, and the run goes on without it", async () => {
    const there = await started();
    const [alice, bob] = there.members;
    const admin = await there.join("admin", "admin");
    const { task } = await alice.next();
    const poll = asked(alice.client.request({ method: "GET", path: `/v1/next?wait=30000&have=${encodeURIComponent(task?.key ?? "")}` }));
    await until(() =>
      there.coordinator.status().then(({ members }) => members.some(({ name, here }) => name === alice.identity.name && here)),
    );
    const json = { name: alice.identity.name, reason: "sold" };
    expect((await admin.ask({ method: "POST", path: "/v1/revoke", json })).code).toBe("answered");
    // Cut; the client asks once more over a fresh connection, and is told why.
    expect((await poll).code).toBe("AUTH_REVOKED");
    expect((await alice.ask({ method: "GET", path: "/v1/status" })).code).toBe("AUTH_REVOKED");
    expect((await bob.ask({ method: "GET", path: "/v1/status" })).code).toBe("answered");
    await until(async () => !missing(there).includes(alice.identity.name));
  });

  it("that names another role than the table is refused, and so is one of another federation", async () => {
    const there = await started();
    const sly = await there.join("sly", "scientist");
    const row = (await there.record.members()).find(({ name }) => name === "sly");
    await there.record.putMember({ ...row, role: "auditor" } as never);
    expect((await sly.ask({ method: "GET", path: "/v1/status" })).code).toBe("AUTH_ROLE");
    const elsewhere = await world({ file: { federation: "elsewhere" } });
    open.push(elsewhere);
    const { keyPem: key, certificate: cert } = there.members[0].identity;
    const tls = { key, cert, ca: (await elsewhere.join("one")).identity.authority };
    const client = httpsClient({ url: elsewhere.coordinator.url, tls, clock: systemClock, env: {} });
    expect((await asked(client.request({ method: "GET", path: "/v1/status" }))).code).toBe("AUTH_REQUIRED");
    client.close();
  });

  it("is not replaced by a header in which a proxy would put one", async () => {
    const there = await started();
    const { certificate, authority, name } = there.members[0].identity;
    const client = httpsClient({ url: there.coordinator.url, tls: { ca: authority }, clock: systemClock, env: {} });
    const pretended: Record<string, string>[] = [
      { "x-forwarded-client-cert": encodeURIComponent(certificate) },
      { "x-ssl-client-cert": encodeURIComponent(certificate), "x-ssl-client-verify": "SUCCESS" },
      { "x-forwarded-for": "127.0.0.1", "x-remote-user": name, authorization: `Bearer ${name}` },
    ];
    for (const headers of pretended) {
      expect((await asked(client.request({ method: "GET", path: "/v1/members", headers }))).code).toBe("AUTH_REQUIRED");
    }
    client.close();
  });
});

describe("an invitation", () => {
  it("is good for one key, its own name and role, and not for somebody else's organisation", async () => {
    const there = await started();
    const operator = await there.join("op", "operator", "acme");
    const invite = (json: object) => operator.ask({ method: "POST", path: "/v1/tokens", json });
    expect((await invite({ name: "plant-9", org: "acme", role: "site" })).code).toBe("answered");
    expect((await invite({ name: "plant-8", org: "rival", role: "site" })).code).toBe("AUTH_FORBIDDEN");
    expect((await invite({ name: "boss", org: "acme", role: "admin" })).code).toBe("AUTH_FORBIDDEN");
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
