/** What lies on disks: no private key in clear outside the files that are keys, no token anywhere, nothing readable by others. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openHome } from "../../src/coordinator/home.js";
import { createMembership } from "../../src/coordinator/membership.js";
import { enrolHere } from "../../src/edge/enrolment.js";
import { systemClock } from "../../src/io/clock.js";
import { exportPrivateKey } from "../../src/io/crypto/keys.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { readToken } from "../../src/io/crypto/token.js";
import { folderDisk } from "../../src/io/disk/folder.js";
import { openRecord } from "../../src/io/record/open.js";
import { loadStoreKey } from "../../src/io/store/key.js";
import { temporaryFolder } from "../support/folder.js";
import { world } from "./world.js";

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((one) => (one.isFile() ? [join(one.parentPath, one.name)] : []));

it("a plant's folder holds its key encrypted, and neither its token nor anything that others can read", async () => {
  const there = await world();
  const folder = await temporaryFolder();
  const disk = folderDisk(folder);
  const storeKey = await loadStoreKey({ disk, random: systemRandom, passphrase: "a long passphrase" });
  const { token } = await there.coordinator.membership.createToken({
    ...{ org: "acme", name: "plant-9", role: "site", urls: [there.coordinator.url], by: "local" },
  });
  const { key } = await enrolHere(disk, storeKey, token, { clock: systemClock, env: {} });
  await there.close();
  const body = exportPrivateKey(key).split("\n")[1];
  for (const file of filesIn(folder)) {
    const text = readFileSync(file, "latin1");
    for (const secret of ["BEGIN PRIVATE KEY", body, readToken(token).secret])
      expect(`${file}: ${text.includes(secret)}`).toBe(`${file}: false`);
    if (/key|\.pem$/.test(file)) expect(statSync(file).mode & 0o077).toBe(0);
  }
});

it("a coordinator's record holds neither keys nor tokens, and its key files are its owner's", async () => {
  const folder = await temporaryFolder();
  const disk = folderDisk(folder);
  const home = await openHome({
    ...{ disk, federation: "f", names: ["localhost"], addresses: [], clock: systemClock, random: systemRandom },
  });
  const record = await openRecord({ url: `sqlite:${join(folder, "record.sqlite")}` });
  const membership = createMembership({
    ...{ store: record, authority: home.authority, clock: systemClock, random: systemRandom, trust: { plan: [], release: [] } },
  });
  const tokens: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { token } = await membership.createToken({ org: "acme", name: `p-${i}`, role: "site", urls: ["https://a:1"], by: "local" });
    tokens.push(token);
  }
  await record.close();
  for (const file of filesIn(folder)) {
    const text = readFileSync(file, "latin1");
    for (const token of tokens) expect(text.includes(readToken(token).secret)).toBe(false);
    if (!/\.key$/.test(file)) expect(`${file}: ${text.includes("PRIVATE KEY")}`).toBe(`${file}: false`);
    else expect(statSync(file).mode & 0o077).toBe(0);
  }
});
