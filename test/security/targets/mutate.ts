/** Changes of bytes and of JSON, drawn from a seed: a failing case is repeated by its number. */
import type { SeededRandom } from "../../../src/core/random.js";

const edges = [0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x30, 0x22, 0x7b, 0x5b];
const lengths = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x00100000, 0x10000000];

/** One to four changes: a bit, a byte, a length at its ends, a piece cut out, doubled, moved or taken from elsewhere. */
export function mutateBytes(original: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random.integer(4); changes > 0; changes--) {
    if (bytes.length === 0) bytes = Buffer.of(0);
    const at = random.integer(bytes.length);
    const length = Math.min(1 + random.integer(16), bytes.length - at);
    const piece = bytes.subarray(at, at + length);
    switch (random.integer(8)) {
      case 0:
        bytes[at] ^= 1 << random.integer(8);
        break;
      case 1:
        bytes[at] = edges[random.integer(edges.length)];
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
        break;
      case 4:
        bytes.set(piece, random.integer(bytes.length - length + 1));
        break;
      case 5:
        if (bytes.length >= at + 4) bytes.writeUInt32LE(lengths[random.integer(lengths.length)], at);
        break;
      case 6: {
        const from = other.length === 0 ? 0 : random.integer(other.length);
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + length), bytes.subarray(at)]);
        break;
      }
      default:
        bytes = Buffer.from(bytes.subarray(0, at + 1));
    }
  }
  return bytes;
}

/** JSON values that a hasty reader trips over. `toString` and `then` are keys like any other. */
const odd: readonly string[] = [
  ...["null", "true", "-0", "1e308", "1e999", "-1", "0.5", "9007199254740993", '""', "[]", "{}", "[[]]", '"\\u0000"', '"\\ud800"'],
  ...['{"__proto__":{"a":1}}', '{"constructor":{"prototype":{}}}', '{"toString":1,"valueOf":1}', '{"then":1}', '{"length":1e9}'],
  ...[`"${"x".repeat(3000)}"`, `${"[".repeat(200)}${"]".repeat(200)}`, '"NaN"', '"../../etc/passwd"', '{"use":"./x.mjs"}', '{"a":1,"a":2}'],
];

/** The text of a JSON value in which one place is another, gone, or there twice. */
export function mutateJson(text: string, random: SeededRandom): string {
  let places = 0;
  const count = (value: unknown): void => {
    places++;
    if (typeof value === "object" && value !== null) for (const one of Object.values(value)) count(one);
  };
  const value: unknown = JSON.parse(text);
  count(value);
  const chosen = random.integer(places);
  const how = random.integer(4);
  let at = -1;
  const write = (one: unknown): string | undefined => {
    at++;
    if (at === chosen && how > 0) return how === 1 ? undefined : odd[random.integer(odd.length)];
    if (Array.isArray(one)) return `[${one.flatMap((item) => write(item) ?? []).join(",")}]`;
    if (typeof one !== "object" || one === null) return at === chosen && typeof one === "number" ? String(-one * 1e6) : JSON.stringify(one);
    const here = at === chosen;
    const fields = Object.entries(one).flatMap(([key, item]) => {
      const said = write(item);
      return said === undefined ? [] : [`${JSON.stringify(key)}:${said}`];
    });
    if (here)
      fields.push(`${JSON.stringify(["__proto__", "extra", "toString", "use"][random.integer(4)])}:${odd[random.integer(odd.length)]}`);
    return `{${fields.join(",")}}`;
  };
  return write(value) ?? "null";
}
