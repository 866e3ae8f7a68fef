/**
 * Where activations lie. A storage holds `rows` of `run` slots for one octet (a slot is 32 bytes: one scalar of eight
 * examples), with a border of zeros where a convolution reads beyond the edge. Octets in flight at the same time have
 * an arena each (`persistent`); what is used within one phase lies in one arena that all octets share and so stays in
 * the cache. Whatever is dead by then is overwritten: addresses are given out by lifetime, first fit.
 */
export const slotBytes = 32;

export interface Storage {
  readonly what: string;
  readonly rows: number;
  readonly run: number;
  /** Border, in rows and in slots. */
  top: number;
  bottom: number;
  left: number;
  right: number;
  /** First and last operation that uses it, and the phases it is used in. */
  first: number;
  last: number;
  readonly phases: Set<number>;
  /** Given out by `place`: the first value of octet 0, and the bytes from one octet to the next (0 where shared). */
  base: number;
  stride: number;
}

export function storage(what: string, rows: number, run: number): Storage {
  const none = { top: 0, bottom: 0, left: 0, right: 0, base: -1, stride: 0 };
  return { what, rows, run, ...none, first: Number.POSITIVE_INFINITY, last: -1, phases: new Set() };
}

/** Asks for a border of zeros at least this wide. */
export function border(of: Storage, top: number, bottom: number, left: number, right: number): void {
  of.top = Math.max(of.top, top);
  of.bottom = Math.max(of.bottom, bottom);
  of.left = Math.max(of.left, left);
  of.right = Math.max(of.right, right);
}

/** Bytes from one row to the next. */
export function pitchOf(of: Storage): number {
  return (of.left + of.run + of.right) * slotBytes;
}

/** Values seen as an image [h, w, c]; a sequence is [T, 1, C], a vector [1, 1, C]. h*w*c = rows*run with w*c = run. */
export interface View {
  readonly on: Storage;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

export function address(of: Storage, octet: number): number {
  return of.base + octet * of.stride;
}

/** rows and run as one row where no border lies between them. */
export function flat(...all: readonly Storage[]): boolean {
  return all.every((one) => one.left + one.right === 0);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Gives every storage its address; storages with a border keep theirs alone, because nothing else may write zeros'
 * place. Returns the end of the region for `octets` octets. Persistent arenas are an odd number of cache lines apart, or
 * the same value of all octets would fall into few cache sets.
 */
export function place(all: readonly Storage[], isShared: (one: Storage) => boolean, start: number, octets: number): number {
  const align = (value: number) => Math.ceil(value / 64) * 64;
  const arena = (members: readonly Storage[]): { offsets: number[]; size: number } => {
    const placed: { span: Span; first: number; last: number }[] = [];
    let size = 0;
    const offsets = members.map((one) => {
      const bytes = align((one.top + one.rows + one.bottom) * pitchOf(one) + slotBytes);
      const bordered = one.top + one.bottom + one.left + one.right > 0;
      const [first, last] = bordered ? [-1, Number.POSITIVE_INFINITY] : [one.first, one.last];
      const taken = placed.filter((p) => p.first <= last && first <= p.last).sort((a, b) => a.span.start - b.span.start);
      let at = 0;
      for (const { span } of taken) {
        if (at + bytes <= span.start) break;
        at = Math.max(at, span.end);
      }
      placed.push({ span: { start: at, end: at + bytes }, first, last });
      size = Math.max(size, at + bytes);
      return at + one.top * pitchOf(one) + one.left * slotBytes;
    });
    return { offsets, size };
  };
  const shared = all.filter(isShared);
  const persistent = all.filter((one) => !isShared(one));
  const one = arena(shared);
  shared.forEach((member, i) => {
    member.base = start + one.offsets[i];
    member.stride = 0;
  });
  const many = arena(persistent);
  const stride = many.size % 128 === 0 && many.size > 0 ? many.size + 64 : many.size;
  const base = start + align(one.size);
  persistent.forEach((member, i) => {
    member.base = base + many.offsets[i];
    member.stride = stride;
  });
  return base + stride * octets;
}
