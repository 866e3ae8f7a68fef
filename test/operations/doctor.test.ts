/**
 * The doctor, backups, fsck and metrics against a real coordinator, a process of its own: what is well is called well, and each thing that is
 * spoilt here is found by name.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Check, certificateCheck } from "../../src/cli/preflight/check.js";
import { clockCheck } from "../../src/cli/preflight/way.js";
import { run } from "../../src/cli/program.js";
import { systemClock } from "../../src/io/clock.js";
import { createAuthority, openAuthority } from "../../src/io/crypto/authority.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { contextIn, memory, millwright } from "../cli/harness.js";
import { type Running, start } from "./processes.js";
import { main, plantFolder, serveSmall } from "./small-federation.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "millwright-doctor-"));
const data = join(folder, "coordinator");
const running: Running[] = [];
let url: string;
let plant: string;

beforeAll(async () => {
  const coordinator = serveSmall(folder, ["plant-1", "plant-2"]);
  running.push(coordinator);
  url = await coordinator.firstLine();
  plant = plantFolder(folder, "plant-1");
  const enrolled = await millwright(["enroll", `@${join(data, "tokens/plant-1.token")}`], plant);
  expect(enrolled.code, enrolled.err).toBe(0);
});
afterAll(async () => {
  for (const one of running) await one.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function doctor(
  args: readonly string[],
  cwd = plant,
): Promise<{ code: number; of: (name: string) => Check | undefined; checks: Check[] }> {
  const ran = await millwright(["doctor", ...args, "--json"], cwd);
  const { checks } = JSON.parse(ran.out) as { checks: Check[] };
  return { code: ran.code, checks, of: (name) => checks.find((one) => one.name === name) };
}

describe("a plant", () => {
  it("that is well passes every step, from its disk to its rows", async () => {
    const { code, of, checks } = await doctor(["--site", "site.yaml", "--data", "plant", "--federation", "../federation.yaml"]);
    expect(checks.filter((one) => one.state === "fail")).toEqual([]);
    expect(code).toBe(0);
    for (const name of [
      "Disk space",
      "Durable write",
      "Identity",
      "Certificate",
      "Proxy",
      "Name",
      "Connection",
      "TLS",
      "Server's certificate",
      "Clock",
      "Membership",
      "Plan",
      "Policy",
      "Rows",
    ])
      expect(of(name)?.state, name).toBe("ok");
    expect(of("TLS")?.found).toContain("TLSv1.3");
    expect(of("Server's certificate")?.found).toBe("issued by the federation's authority");
  });

  it("leaves nothing behind in its folder", async () => {
    const before = readdirSync(join(plant, "plant"), { recursive: true }).map(String).sort();
    await doctor(["--site", "site.yaml", "--data", "plant"]);
    expect(readdirSync(join(plant, "plant"), { recursive: true }).map(String).sort()).toEqual(before);
  });

  it("is told that nothing listens, before anything that would need it", async () => {
    const { code, of } = await doctor(["https://127.0.0.1:1", "--data", "plant"]);
    expect(code).toBe(7);
    expect(of("Connection")).toMatchObject({ state: "fail", advice: expect.stringContaining("nothing listens there") });
    expect(of("Membership")).toBeUndefined();
  });

  it("is told that a name does not resolve", async () => {
    const { of } = await doctor(["https://no-such-name.invalid:8443", "--data", "plant"]);
    expect(of("Name")?.state).toBe("fail");
  });

  it("is told to sign where TLS is opened on the way", async () => {
    const made = createAuthority({ federation: "proxy", clock: systemClock, random: systemRandom });
    const { key, certificate } = openAuthority({ ...made, clock: systemClock, random: systemRandom }).issueServer({
      names: ["localhost"],
      addresses: ["127.0.0.1"],
    });
    const server = createServer({ key, cert: certificate, minVersion: "TLSv1.3" }, (_, answer) => answer.end());
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const plain = await doctor([address, "--data", "plant"]);
      expect(plain.of("Server's certificate")).toMatchObject({ state: "fail", advice: expect.stringContaining("--signed") });
      expect(plain.of("Membership")?.found).toContain("issued by");
      writeFileSync(join(plant, "proxy.pem"), made.certificate);
      const known = await doctor([address, "--data", "plant", "--proxy-authority", "proxy.pem"]);
      expect(known.of("Server's certificate")).toMatchObject({ state: "warn", advice: expect.stringContaining("--signed") });
    } finally {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  });

  it("is told that the site file is another site's, and that a proxy does not let it through", async () => {
    writeFileSync(join(plant, "other.yaml"), "site: plant-9\ndata: federation\nproxy: http://127.0.0.1:1\n");
    const { code, checks, of } = await doctor(["--site", "other.yaml", "--data", "plant"]);
    expect(code).toBe(7);
    expect(checks.find((one) => one.name === "Site file" && one.state === "fail")?.found).toBe("is for plant-9, this folder for plant-1");
    expect(of("Proxy")?.found).toBe("127.0.0.1:1, from the site file");
    expect(of("Connection")?.advice).toContain("check that the proxy runs");
  });

  it("is told what its owner's policy refuses", async () => {
    writeFileSync(
      join(plant, "strict.yaml"),
      "site: plant-1\ndata: federation\npolicy:\n  policy: strict\n  permission: [{ action: train }]\n",
    );
    const { of } = await doctor(["--site", "strict.yaml", "--data", "plant"]);
    expect(of("Policy")?.state).toBe("warn");
  });

  it("that is not enrolled is told so, and its token is read", async () => {
    const fresh = plantFolder(folder, "plant-2");
    const { of } = await doctor(["--site", "site.yaml", "--data", "plant", "--token", `@${join(data, "tokens/plant-2.token")}`], fresh);
    expect(of("Token")?.found).toBe("for plant-2 (site) of small");
    expect(of("Server's certificate")?.found).toContain("no authority to judge it by");
    expect(of("Clock")?.state).toBe("ok");
  });
});

describe("judgements", () => {
  it.each([
    [0, "ok"],
    [-20_000, "ok"],
    [60_000, "warn"],
    [-299_000, "warn"],
    [301_000, "fail"],
    [-86_400_000, "fail"],
  ])("a clock that is %i ms ahead: %s", (ahead, state) => expect(clockCheck(ahead).state).toBe(state));

  it("a certificate: good, due, ended, not yet", () => {
    const life = { notBefore: 0, notAfter: 30 * 86_400_000 };
    const at = (day: number): string => certificateCheck("c", life, day * 86_400_000, "renew").state;
    expect([at(1), at(19), at(21), at(31), at(-1)]).toEqual(["ok", "ok", "warn", "fail", "fail"]);
  });
});

describe("a coordinator's folder", () => {
  it("is well while its program runs", async () => {
    const { code, of } = await doctor(["--data", data], folder);
    expect(code).toBe(0);
    for (const name of [
      "Authority",
      "Authority's certificate",
      "Server's certificate",
      "Keys",
      "Blobs",
      "Record",
      "Record's blobs",
      "Members",
    ])
      expect(of(name)?.state, name).toBe("ok");
    expect(of("Data folder's lock")?.found).toContain(`process ${running[0].child.pid}`);
  });

  it("is copied while its program runs, restored whole, and serves its members on another machine's port", async () => {
    const made = await millwright(["backup", "copy", "--data", data, "--with-keys", "--json"], folder);
    expect(made.code, made.err).toBe(0);
    expect(JSON.parse(made.out)).toMatchObject({ record: true, keys: true });
    const again = await millwright(["backup", "copy", "--data", data], folder);
    expect(again.code).toBe(4);
    const back = await millwright(["restore", "copy", "--data", "restored", "--json"], folder);
    expect(back.code, back.err).toBe(0);
    expect(JSON.parse(back.out)).toMatchObject({ record: true, missing: [] });
    expect((await millwright(["fsck", "--data", "restored"], folder)).code).toBe(0);
    const second = start(
      process.execPath,
      [main, "serve", "federation.yaml", "--data", join(folder, "restored"), "--port", "0", "--sites", "plant-1,plant-2"],
      folder,
    );
    running.push(second);
    const { of } = await doctor([await second.firstLine(), "--data", "plant"]);
    expect(of("Membership")?.state).toBe("ok");
    expect(of("Plan")?.state).toBe("ok");
    await second.stop();
  });

  it("without its keys says which have to be put back", async () => {
    expect((await millwright(["backup", "open", "--data", data], folder)).code).toBe(0);
    const back = await millwright(["restore", "open", "--data", "keyless", "--json"], folder);
    expect(JSON.parse(back.out).missing).toEqual(["authority.key", "plan.key", "release.key"]);
    const { code, of } = await doctor(["--data", "keyless"], folder);
    expect(code).toBe(7);
    expect(of("Authority")).toMatchObject({ state: "fail", advice: expect.stringContaining("--with-keys") });
  });

  it("with a changed blob, a missing blob or a broken record is called so", async () => {
    const copy = (name: string): string => {
      cpSync(join(folder, "restored"), join(folder, name), { recursive: true });
      rmSync(join(folder, name, "lock"), { recursive: true, force: true });
      return join(folder, name);
    };
    const blobOf = (at: string): string =>
      join(at, "blobs/sha256", String(readdirSync(join(at, "blobs/sha256"), { recursive: true }).find((one) => String(one).length > 60)));
    const changed = copy("changed");
    appendFileSync(blobOf(changed), "x");
    const found = await millwright(["fsck", "--data", "changed"], folder);
    expect(found.code).toBe(4);
    expect(found.out).toContain("its content has the SHA-256");
    const missing = copy("missing");
    renameSync(blobOf(missing), join(folder, "elsewhere"));
    expect((await doctor(["--data", "missing"], folder)).of("Record's blobs")?.state).toBe("fail");
    const broken = copy("broken");
    for (const end of ["-wal", "-shm"]) rmSync(join(broken, `record.sqlite${end}`), { force: true });
    writeFileSync(join(broken, "record.sqlite"), Buffer.alloc(8192, 7));
    expect((await doctor(["--data", "broken"], folder)).of("Record")?.state).toBe("fail");
  });

  it("answers its container's health check, and a closed port does not", () => {
    const check = (port: string, path: string) => spawnSync(process.execPath, [join(root, "deploy/healthcheck.mjs"), port, path]).status;
    expect(check(new URL(url).port, "/healthz")).toBe(0);
    expect(check(new URL(url).port, "/nothing")).toBe(1);
    expect(check("1", "/healthz")).toBe(1);
  });

  it("tells its figures to its administrator, and to a Prometheus on this machine", async () => {
    const once = await millwright(["metrics"], folder);
    expect(once.code, once.err).toBe(0);
    expect(once.out).toContain('millwright_run_state{state="running"} 1');
    const [out, stop] = [memory(), new AbortController()];
    const bridge = run(["metrics", "--port", "0"], contextIn(folder, { out: out.stream, interrupt: stop.signal }));
    await expect.poll(() => out.text()).toMatch(/^http:.*\n/);
    const address = out.text().trim();
    expect(await (await fetch(address)).text()).toContain("# TYPE millwright_members gauge");
    expect((await fetch(address.replace("/metrics", "/v1/status"))).status).toBe(404);
    stop.abort();
    expect(await bridge).toBe(0);
  });
});

describe("zones and conduits", () => {
  it("are printed for a federation file: every node a zone, every link opened from below", async () => {
    const ran = await millwright(["doctor", "--zones", join(root, "examples/network/federation.yaml"), "--json"]);
    const { zones, conduits } = JSON.parse(ran.out) as {
      zones: { name: string; kind: string }[];
      conduits: { from: string; to: string }[];
    };
    expect(zones.filter((one) => one.kind === "plant")).toHaveLength(6);
    expect(zones.filter((one) => one.kind === "relay").map((one) => one.name)).toEqual(["facility-a", "facility-b"]);
    expect(conduits).toHaveLength(zones.length - 1);
    const depth = (name: string): number => {
      const up = conduits.find((one) => one.from === name);
      return up === undefined ? 0 : 1 + depth(up.to);
    };
    expect(Math.max(...zones.map((one) => depth(one.name)))).toBe(2);
    const page = readFileSync(join(root, "docs/security.md"), "utf8");
    const text = await millwright(["doctor", "--zones", join(root, "examples/network/federation.yaml")]);
    expect(page).toContain(text.out.trim());
  });
});
