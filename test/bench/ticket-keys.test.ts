/** The keys that seal TLS sessions: kept over a restart, not over another authority or another certificate of the server. */
import { expect, test } from "vitest";
import { openHome } from "../../src/coordinator/home.js";
import { systemClock } from "../../src/io/clock.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { memoryDisk } from "../../src/io/disk/memory.js";

const options = { federation: "line-7", names: ["localhost"], addresses: [], clock: systemClock, random: systemRandom };

test("ticket keys are 48 bytes and the same after a restart", async () => {
  const disk = memoryDisk();
  await disk.makeFolder("");
  const first = (await openHome({ ...options, disk })).ticketKeys;
  expect(first.length).toBe(48);
  expect((await openHome({ ...options, disk })).ticketKeys).toEqual(first);
});

test("another certificate of the server, another authority or a spoiled file bring other keys", async () => {
  const disk = memoryDisk();
  await disk.makeFolder("");
  const first = (await openHome({ ...options, disk })).ticketKeys;
  const renamed = (await openHome({ ...options, disk, names: ["localhost", "region"] })).ticketKeys;
  expect(renamed).not.toEqual(first);
  for (const name of ["authority.pem", "authority.key"]) await disk.remove(name);
  const other = (await openHome({ ...options, disk, names: ["localhost", "region"] })).ticketKeys;
  expect(other).not.toEqual(renamed);
  await disk.remove("tls.tickets");
  const file = await disk.open("tls.tickets", "new");
  await file.write(new TextEncoder().encode("half a fi"));
  await file.close();
  const mended = (await openHome({ ...options, disk, names: ["localhost", "region"] })).ticketKeys;
  expect(mended.length).toBe(48);
  expect(mended).not.toEqual(other);
});
