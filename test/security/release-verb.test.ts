/** `millwright release` as people type it: a member's folder, a coordinator, a file that `predict` can read. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Role } from "../../src/core/route.js";
import { enrolHere } from "../../src/edge/enrolment.js";
import { systemClock } from "../../src/io/clock.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { folderDisk } from "../../src/io/disk/folder.js";
import { loadStoreKey } from "../../src/io/store/key.js";
import { decodeBundle } from "../../src/round/bundle.js";
import { millwright } from "../cli/harness.js";
import { temporaryFolder } from "../support/folder.js";
import { world } from "./world.js";

it("lists, publishes, fetches and withdraws, and refuses an older version and whoever may not decide", async () => {
  const there = await world({ automaticRelease: false });
  const folder = await temporaryFolder();
  const enrolled = async (name: string, role: Role) => {
    const disk = folderDisk(join(folder, name));
    await disk.makeFolder("");
    const storeKey = await loadStoreKey({ disk, random: systemRandom });
    const { url, membership } = there.coordinator;
    const { token } = await membership.createToken({ org: "acme", name, role, urls: [url], by: "local" });
    await enrolHere(disk, storeKey, token, { clock: systemClock, env: {} });
    return name;
  };
  const sites = [];
  for (const site of there.sites) sites.push(await there.join(site));
  while ((await there.record.run(there.coordinator.run.id))?.state === "running") {
    const { missing } = there.coordinator.driver.waiting();
    for (const site of sites) if (missing.includes(site.identity.name)) await site.work();
  }
  const [ada, plant] = [await enrolled("ada", "scientist"), await enrolled("plant", "site")];
  const release = (...args: string[]) => millwright(["release", ...args], folder);
  expect((await release("list", "--as", plant)).out).toContain("nothing was released yet");
  expect((await release("fetch", "--as", plant, "--out", "m.safetensors")).code).not.toBe(0);
  expect((await release("publish", "1", "--as", plant, "--reason", "mine")).err).toContain("AUTH_FORBIDDEN");
  const published = await release("publish", "1", "--as", ada, "--reason", "judged on line 7");
  expect([published.out.trim(), published.err]).toEqual(["version 1 is released", ""]);
  expect((await release("list", "--as", plant)).out).toContain("released");
  const fetched = await release("fetch", "--as", plant, "--version", "1", "--out", "m.safetensors", "--json");
  expect([fetched.code, JSON.parse(fetched.out)]).toMatchObject([0, { version: 1, federation: "small", members: 3 }]);
  expect(decodeBundle(readFileSync(join(folder, "m.safetensors"))).federation).toBe("small");
  const newer = JSON.stringify({ version: 2, root: "ab".repeat(32) });
  await import("node:fs").then(({ writeFileSync }) => writeFileSync(join(folder, plant, "releases.json"), newer));
  const older = await release("fetch", "--as", plant, "--out", "older.safetensors");
  expect([older.code === 0, older.err.includes("ROLLBACK_REFUSED"), existsSync(join(folder, "older.safetensors"))]).toEqual([
    false,
    true,
    false,
  ]);
  expect((await release("withdraw", "1", "--as", ada, "--reason", "wrong sensor")).out).toContain("withdrawn");
  await there.close();
}, 60_000);
