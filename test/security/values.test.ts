/** What a member that went bad sends as its numbers: each is refused by name, the round closes without it, and the coordinator goes on. */
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeMessage, type Message, type Request } from "../../src/round/messages.js";
import type { Inclusion } from "../../src/round/node.js";
import { encodeFrame } from "../../src/wire/frame.js";
import { type Member, post, type World, world } from "./world.js";

type Update = Extract<Message, { type: "update" }>;
type Train = Extract<Request, { type: "train" }>;

/** Changes of an honest update, and the reason under which the round leaves it out. */
const lies: readonly (readonly [string, (update: Update, size: number) => Message, RegExp])[] = [
  ["too few values", (u) => ({ ...u, update: u.update.slice(1) }), /expected \d+ values/],
  ["a hundred times as many values", (u, n) => ({ ...u, update: new Int32Array(100 * n) }), /expected \d+ values/],
  ["no values", (u) => ({ ...u, update: new Int32Array(0) }), /expected \d+ values/],
  ["a coordinate beyond the range", (u, n) => ({ ...u, update: new Int32Array(n).fill(2147483647) }), /expected coordinates up to/],
  ["more weight than it told", (u) => ({ ...u, weight: u.weight + 1 }), /expected a weight from 1 to/],
  ["all the weight there is", (u) => ({ ...u, weight: Number.MAX_SAFE_INTEGER }), /expected a weight from 1 to/],
  ["no weight", (u) => ({ ...u, weight: 0 }), /expected a weight from 1 to/],
  ["three members", (u) => ({ ...u, members: 3 }), /expected one member/],
  ["no members", (u) => ({ ...u, members: 0 }), /expected one member/],
  [
    "members of its own making",
    (u) => ({ ...u, members: 2, rounds: [["a", "b"].map((site) => ({ site, weight: 1, loss: 0, members: 1 }))] }),
    /expected up to 1 members/,
  ],
  [
    "a sum, as a relay would",
    ({ update: _, rounds: __, ...u }, n) => ({
      ...{ ...u, type: "partial", sums: new Float64Array(n), members: 2 },
      included: ["a", "b"].map((site) => ({ site, weight: 1, loss: 0, members: 1 })),
    }),
    /expected up to 1 members/,
  ],
];

let there: World;
let members: Member[];
beforeAll(async () => {
  there = await world({ file: { rounds: lies.length + 1 } });
  members = [];
  for (const site of there.sites) members.push(await there.join(site));
  for (let i = 0; i < 2; i++) for (const member of members) expect(await member.work()).toBe("counts: true");
}, 30_000);
afterAll(() => there.close());

const keyOf = ({ round, attempt }: Train): string => `round ${round} attempt ${attempt}`;
const reply = (key: string): string => `/v1/replies?key=${encodeURIComponent(key)}`;

describe("bytes that are no update", () => {
  const honest = (train: Train, from: string): Update => ({
    ...{ type: "update", round: train.round, attempt: train.attempt, from, members: 1, weight: 1, loss: 0.5 },
    update: new Int32Array(train.values.length),
  });
  it("are refused with their code, count for nothing, and leave the question open", async () => {
    const [mallory] = members;
    const { name } = mallory.identity;
    const train = (await mallory.fetch()) as Train;
    const key = keyOf(train);
    const bytes = encodeMessage(honest(train, name));
    const frame = (header: object, payload: Uint8Array = new Uint8Array(0)) => encodeFrame(header as never, payload);
    const head = { type: "update", round: train.round, attempt: train.attempt, from: name, members: 1, weight: 1, loss: 0.5 };
    const raw = (text: string): Uint8Array => {
      const out = Buffer.alloc(8 + text.length, text.length);
      out.set(frame({}).subarray(0, 4));
      out.writeUInt32LE(text.length, 4);
      out.write(text, 8);
      return out;
    };
    const cases: readonly (readonly [string, Uint8Array, string])[] = [
      ["nothing", new Uint8Array(0), "MESSAGE_INVALID"],
      ["half of it", bytes.subarray(0, bytes.length - 3), "MESSAGE_INVALID"],
      ["more than it", Buffer.concat([bytes, new Uint8Array(4)]), "MESSAGE_INVALID"],
      [
        "a header that says it is longer than all",
        Buffer.concat([bytes.subarray(0, 4), Buffer.from([255, 255, 255, 255]), bytes.subarray(8)]),
        "LIMIT_EXCEEDED",
      ],
      ["a count that is not there", frame({ ...head, count: 1e9 }), "MESSAGE_INVALID"],
      ["a count beyond numbers", frame({ ...head, count: 2 ** 53 }), "MESSAGE_INVALID"],
      ["a negative count", frame({ ...head, count: -1 }), "MESSAGE_INVALID"],
      [
        "a loss that is no number",
        raw(`{"type":"update","round":1,"attempt":1,"from":"${name}","members":1,"weight":1,"loss":1e999,"count":0}`),
        "MESSAGE_INVALID",
      ],
      ["a loss that is a text", frame({ ...head, loss: "0.5", count: 0 }), "MESSAGE_INVALID"],
      ["a weight of a half", frame({ ...head, weight: 0.5, count: 0 }), "MESSAGE_INVALID"],
      ["a prototype", raw(`{"__proto__":{"type":"update"},"round":1}`), "MESSAGE_INVALID"],
      ["a key twice", raw(`{"type":"refuse","type":"update"}`), "MESSAGE_INVALID"],
      [
        "depth",
        raw(`{"type":"answer","exchange":1,"from":"${name}","body":${"[".repeat(10_000)}${"]".repeat(10_000)}}`),
        "MESSAGE_INVALID",
      ],
      ["inclusions that are none", frame({ ...head, count: 0, rounds: true }, Buffer.alloc(64, 255)), "MESSAGE_INVALID"],
      ["another round", encodeMessage({ ...honest(train, name), round: train.round + 1 }), "MESSAGE_INVALID"],
      ["another attempt", encodeMessage({ ...honest(train, name), attempt: train.attempt + 1 }), "MESSAGE_INVALID"],
      ["gzip", gzipSync(bytes), "MESSAGE_INVALID"],
      ["brotli", brotliCompressSync(bytes), "MESSAGE_INVALID"],
      ["a zip", Buffer.from("PK\u0003\u0004 and so on"), "MESSAGE_INVALID"],
    ];
    for (const [what, body, code] of cases) {
      const said = await mallory.ask({ method: "POST", path: reply(key), bytes: body });
      expect(`${what}: ${said.code}`).toBe(`${what}: ${code}`);
    }
    expect(there.coordinator.driver.waiting().missing).toContain(name);
    const { url } = there.coordinator;
    const encoded = await post(mallory, url, reply(key), gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" });
    expect(encoded).toEqual({ status: 400, code: "REQUEST_INVALID" });
    const many = await mallory.ask({ method: "POST", path: reply(key), bytes: new Uint8Array((8 << 20) + 1) });
    expect(many.code).toBe("LIMIT_EXCEEDED");
    expect(there.halted).toEqual([]);
    expect(there.logged.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("an update that lies", () => {
  it.each(lies)("with %s does not count, and the round closes without it", async (_, change, reason) => {
    const [mallory, ...others] = members;
    const { name } = mallory.identity;
    const train = (await mallory.fetch()) as Train;
    const weight = mallory.examples();
    const size = train.values.length;
    const honest: Update = {
      ...{ type: "update", round: train.round, attempt: train.attempt, from: name, members: 1, weight, loss: 0.5 },
      update: new Int32Array(size),
    };
    await mallory.reply(change(honest, size), keyOf(train));
    for (const other of others) expect(await other.work()).toBe("counts: true");
    const [row] = await there.record.rounds(there.coordinator.run.id, { after: train.round - 1, limit: 1 });
    expect((row.included as readonly Inclusion[]).map(({ site }) => site)).toEqual(others.map(({ identity }) => identity.name));
    expect(row.excluded).toEqual([{ site: name, reason: expect.stringMatching(reason) }]);
    expect(there.halted).toEqual([]);
  });

  it("twice counts once, and the second one changes nothing", async () => {
    const [alice, ...others] = members;
    const train = (await alice.fetch()) as Train;
    const update: Update = {
      ...{ type: "update", round: train.round, attempt: train.attempt, from: alice.identity.name, members: 1, loss: 0.5 },
      ...{ weight: alice.examples(), update: new Int32Array(train.values.length).fill(5) },
    };
    expect(await alice.reply(update, keyOf(train))).toBe("counts: true");
    expect(await alice.reply(update, keyOf(train))).toBe("counts: false");
    expect(await alice.reply({ ...update, update: update.update.map((x) => x * 2) }, keyOf(train))).toBe("counts: false");
    for (const other of others) await other.work();
    const [row] = await there.record.rounds(there.coordinator.run.id, { after: train.round - 1, limit: 1 });
    expect(row.included.length).toBe(3);
  });
});

describe("a lie before round 1", () => {
  it("about members or examples is refused by name, and the question stays open for the truth", async () => {
    const fresh = await world();
    const [mallory, ...others] = await Promise.all(fresh.sites.map((site) => fresh.join(site)));
    const { name } = mallory.identity;
    const refused = (): string => JSON.stringify(fresh.coordinator.driver.waiting().refused);
    await mallory.reply({ type: "answer", exchange: 1, from: name, body: { schema: {}, moments: {} } }, "exchange 1");
    expect(refused()).toContain("MESSAGE_INVALID");
    await fresh.close();
    expect(others.length).toBe(2);
    for (const lie of [
      { members: 10_000_000 },
      { train: Number.MAX_SAFE_INTEGER },
      { train: -1 },
      { inputs: { x: [1e9, 1e9] } },
      { test: 0.5 },
      { extra: 1 },
    ]) {
      const again = await world();
      const all = [];
      for (const site of again.sites) all.push(await again.join(site));
      for (const one of all) await one.work();
      const [bad, ...good] = all;
      const ask = (await bad.fetch()) as { exchange: number };
      for (const one of good) await one.work();
      const honest = {
        members: 1,
        train: 10,
        validation: 0,
        test: 5,
        positives: 1,
        inputs: { features: [4] },
        outputs: { kind: "binary", width: 1 },
      };
      await bad.reply(
        { type: "answer", exchange: ask.exchange, from: bad.identity.name, body: { ...honest, ...lie } },
        `exchange ${ask.exchange}`,
      );
      const { refused: named, what } = again.coordinator.driver.waiting();
      expect([what, named.map(({ site }) => site)]).toEqual(["prepare", [bad.identity.name]]);
      expect(again.halted).toEqual([]);
      await again.close();
    }
  }, 30_000);
});
