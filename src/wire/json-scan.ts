/**
 * What JSON.parse does not tell of a text that it has accepted: how deep it nests, whether an object says a key twice (the last one counts,
 * and another reader may take the first: RFC 8259, section 4), and keys that reach a prototype. One pass, no recursion.
 */

export interface ScanLimits {
  readonly depth: number;
  readonly forbidden: ReadonlySet<string>;
}

/** What is wrong with a valid JSON text, in words; undefined where nothing is. */
export function jsonFault(text: string, { depth, forbidden }: ScanLimits): string | undefined {
  /** Keys of the objects that are open; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let key = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === quote) {
      const end = endOfString(text, i);
      if (key) {
        const fault = keyFault(text.slice(i, end + 1), open[open.length - 1] as Set<string>, forbidden);
        if (fault !== undefined) return fault;
        key = false;
      }
      i = end;
    } else if (c === openObject || c === openArray) {
      if (open.length >= depth) return `deeper nesting than ${depth} levels`;
      open.push(c === openObject ? new Set() : undefined);
      key = c === openObject;
    } else if (c === closeObject || c === closeArray) {
      open.pop();
      key = false;
    } else if (c === comma) key = open[open.length - 1] !== undefined;
  }
  return undefined;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Where the string that begins at `from` ends. */
function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === backslash) i++;
    else if (c === quote) return i;
  }
  return text.length;
}

function keyFault(written: string, said: Set<string>, forbidden: ReadonlySet<string>): string | undefined {
  // The same key can be written in several ways: "a" and "\u0061".
  const name = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
  if (forbidden.has(name)) return `the key ${name}`;
  if (said.has(name)) return `the key ${JSON.stringify(name.slice(0, 40))} twice`;
  said.add(name);
  return undefined;
}
