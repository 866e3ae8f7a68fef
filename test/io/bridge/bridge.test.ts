/** Readings of thin devices: what is taken, what is refused, that a row is written once and is durable before it is acknowledged. */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { dayFiles } from "../../../src/io/bridge/day-files.js";
import { type CollectOptions, type Collector, collect } from "../../../src/io/bridge/mqtt.js";
import { deviceOf, readRows, subscription } from "../../../src/io/bridge/rows.js";
import { systemClock } from "../../../src/io/clock.js";
import { folderDisk } from "../../../src/io/disk/folder.js";
import { temporaryFolder } from "../../support/folder.js";
import { until } from "../engine/until.js";
import { codeOf } from "../store/parts.js";
import { hasMosquitto, needsMosquitto, type Publisher, publisher, startMosquitto } from "./mosquitto.js";

const form = { topic: "plant/{device}/readings", columns: ["pressure", "mode"] };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const root = await temporaryFolder();
let folders = 0;
const disk = () => folderDisk(`${root}/${folders++}`);
const noon = Date.UTC(2026, 10, 22, 12);
const text = async (on: ReturnType<typeof disk>, path: string) => new TextDecoder().decode(await on.read(path));

describe("rows of a message", () => {
  it("come as JSON or lines, of a device that the topic names", () => {
    expect(subscription(form.topic)).toBe("plant/+/readings");
    expect(deviceOf(form.topic, "plant/pump-1/readings")).toBe("pump-1");
    for (const topic of ["plant/pump-1", "plant/pump-1/readings/x", "plant/../readings", "plant/a,b/readings", "x/pump/readings"])
      expect(deviceOf(form.topic, topic)).toBeUndefined();
    const one = { device: "p", time: noon, values: ["3.5", "on"] };
    expect(readRows(form, "p", bytes('{"time":"2026-11-22T12:00:00Z","pressure":3.5,"mode":"on","more":1}'))).toEqual([one]);
    expect(readRows(form, "p", bytes(`[{"time":${noon},"pressure":3.5,"mode":"on"},{"time":${noon + 1}}]`))).toEqual([
      one,
      { ...one, time: noon + 1, values: ["", ""] },
    ]);
    expect(readRows(form, "p", bytes(`${noon},3.5,on\n${noon + 1}, ,off\n`))[1]).toEqual({ ...one, time: noon + 1, values: ["", "off"] });
  });
  it.each([
    '{"time":"2026-11-22T12:00:00","pressure":1}',
    '{"time":"yesterday"}',
    '{"time":1700000000}',
    '{"pressure":1}',
    `{"time":${noon},"pressure":{"a":1}}`,
    `{"time":${noon},"mode":"${"x".repeat(201)}"}`,
    `{"time":${noon},"mode":"a\\nb"}`,
    `${noon},1`,
    "[1]",
    "{",
  ])("refuse %s", (message) => {
    expect(() => readRows(form, "p", bytes(message))).toThrow("DATA_INVALID");
  });
  it("refuse any other bytes by code, and bound what they take", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (some) => {
        try {
          readRows(form, "p", some);
        } catch (error) {
          expect(["DATA_INVALID", "LIMIT_EXCEEDED"]).toContain((error as { code: string }).code);
        }
      }),
    );
    expect(() => readRows(form, "p", bytes("\n".repeat(20_000).replaceAll("\n", "1\n")))).toThrow("LIMIT_EXCEEDED");
    expect(() => readRows(form, "p", new Uint8Array(2 << 20))).toThrow("LIMIT_EXCEEDED");
  });
});

describe("day files", () => {
  const row = (time: number, value: string, device = "p") => ({ device, time, values: [value, ""] });
  it("hold a row once, by the day of the reading, over restarts and a torn tail", async () => {
    const on = disk();
    const files = await dayFiles(on, "in", form.columns);
    expect(await files.add([row(noon, "1"), row(noon, "2"), row(noon, "1", "q"), row(noon + 86_400_000, "3")])).toBe(3);
    expect(await files.add([row(noon, "9")])).toBe(0);
    const file = await on.open("in/readings-2026-11-22.csv", "append");
    await file.write(bytes("2026-11-22T13:00:00.000Z,p,4"));
    await file.close();
    const after = await dayFiles(on, "in", form.columns, { keys: 1, bytes: 1 << 20 });
    expect(await after.add([row(noon, "9"), row(noon + 3_600_000, "5"), row(noon + 86_400_000, "3")])).toBe(1);
    expect(await text(on, "in/readings-2026-11-22.csv")).toBe(
      "time,device,pressure,mode\n2026-11-22T12:00:00.000Z,p,1,\n2026-11-22T12:00:00.000Z,q,1,\n2026-11-22T13:00:00.000Z,p,5,\n",
    );
    await after.join("table.csv", 2);
    expect((await text(on, "table.csv")).split("\n")).toHaveLength(6);
    await after.join("table.csv", 1);
    expect(await text(on, "table.csv")).toBe("time,device,pressure,mode\n2026-11-23T12:00:00.000Z,p,3,\n");
  });
  it("refuse other columns and a day that is full", async () => {
    const on = disk();
    await (await dayFiles(on, "in", form.columns)).add([row(noon, "1")]);
    expect(await codeOf((await dayFiles(on, "in", ["other"])).add([row(noon, "1")]))).toBe("STORE_DAMAGED");
    const small = await dayFiles(on, "small", form.columns, { keys: 100, bytes: 100 });
    expect(await codeOf(small.add(Array.from({ length: 9 }, (_, i) => row(noon + i, "1"))))).toBe("LIMIT_EXCEEDED");
    expect(await small.add([row(noon, "1")])).toBe(1);
  });
});

describe.skipIf(!hasMosquitto)(`readings from a broker${hasMosquitto ? "" : ` ${needsMosquitto}`}`, async () => {
  const broker = hasMosquitto ? await startMosquitto() : undefined;
  const open: { close?: () => Promise<void>; endAsync?: () => Promise<void> }[] = [];
  afterAll(async () => {
    for (const one of open) await (one.close?.() ?? one.endAsync?.());
    await broker?.stop();
  });
  const start = async (on: CollectOptions["disk"], client: string, more: Partial<CollectOptions> = {}): Promise<Collector> => {
    const options = { ...form, url: broker?.url ?? "", client, disk: on, folder: "in", clock: systemClock, log: () => {}, ...more };
    const collector = await collect(options);
    open.push(collector);
    return collector;
  };
  const send = (to: Publisher, minute: number) =>
    to.publishAsync("plant/pump-1/readings", JSON.stringify({ time: noon + minute * 60_000, pressure: minute }), { qos: 1 });
  const minutes = async (on: CollectOptions["disk"]) =>
    (await text(on, "in/readings-2026-11-22.csv"))
      .split("\n")
      .slice(1, -1)
      .map((line) => Number(line.split(",")[2]));

  it("keeps what came while nobody collected, and each row once", { timeout: 30_000 }, async () => {
    const on = disk();
    const device = await publisher(broker?.url ?? "");
    open.push(device);
    const first = await start(on, "gateway-1", { table: { path: "table.csv", days: 30, every: 60_000 } });
    await until("the broker", () => first.waiting() === "readings");
    for (let i = 0; i < 20; i++) await send(device, i);
    await device.publishAsync("plant/pump-1/readings", "{ no row", { qos: 1 });
    await until("rows and a refusal", () => first.counts().rows === 20 && first.counts().refused === 1);
    await first.close();
    expect((await text(on, "table.csv")).split("\n")).toHaveLength(22);
    for (let i = 15; i < 40; i++) await send(device, i);
    const second = await start(on, "gateway-1");
    await until("what came meanwhile", () => second.counts().rows + second.counts().repeated === 25);
    expect(second.counts()).toMatchObject({ rows: 20, repeated: 5, refused: 0 });
    expect(await minutes(on)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it("acknowledges nothing that it could not write", { timeout: 30_000 }, async () => {
    const on = disk();
    const device = await publisher(broker?.url ?? "");
    open.push(device);
    let full = true;
    const failing: CollectOptions["disk"] = {
      ...on,
      open: async (path, how) => {
        const file = await on.open(path, how);
        return { ...file, sync: () => (full ? Promise.reject(new Error("no space left on device")) : file.sync()) };
      },
    };
    const collector = await start(failing, "gateway-2");
    await until("the broker", () => collector.waiting() === "readings");
    await send(device, 1);
    await until("the disk to be full", () => collector.waiting().includes("no space"));
    expect(collector.counts().rows).toBe(0);
    full = false;
    await until("the row to come again", () => collector.counts().rows + collector.counts().repeated === 1);
    expect(await minutes(on)).toEqual([1]);
  });

  it("goes on after the broker was away", { timeout: 30_000 }, async () => {
    const on = disk();
    const collector = await start(on, "gateway-3");
    await until("the broker", () => collector.waiting() === "readings");
    await broker?.kill();
    await until("to say that it is away", () => collector.waiting().startsWith("the broker"));
    await broker?.start();
    await until("the broker", () => collector.waiting() === "readings");
    const device = await publisher(broker?.url ?? "");
    open.push(device);
    await send(device, 7);
    await until("a row", () => collector.counts().rows === 1);
  });
});
