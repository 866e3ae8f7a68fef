/** The ways of dealing items (machines or rows) to sites. Each returns the site of every item. */
import { fail } from "../../core/errors.js";
import { exp, log } from "../../core/math.js";
import type { SeededRandom } from "../../core/random.js";

/** How often a draw with sites below the minimum is repeated before giving up. */
const attempts = 1000;

/** Shuffled, in equal numbers (sizes differ by at most one); with classes, each class is dealt on where the last one stopped. */
export function dealEqually(items: number, count: number, random: SeededRandom, classes?: Int32Array): Int32Array {
  const sites = new Int32Array(items);
  const order = random.permutation(items);
  if (classes !== undefined) {
    const rank = new Int32Array(items);
    order.forEach((item, i) => {
      rank[item] = i;
    });
    order.sort((a, b) => classes[a] - classes[b] || rank[a] - rank[b]);
    order.forEach((item, i) => {
      sites[item] = i % count;
    });
    return sites;
  }
  let next = 0;
  for (let site = 0; site < count; site++) {
    const size = Math.floor(items / count) + (site < items % count ? 1 : 0);
    for (let i = 0; i < size; i++) sites[order[next++]] = site;
  }
  return sites;
}

/** Shares of each class for each site: rows of Dirichlet(alpha) weights. */
export function drawShares(classes: number, count: number, alpha: number, random: SeededRandom): Float64Array[] {
  return Array.from({ length: classes }, () => dirichlet(count, alpha, random));
}

/** Deals the items of each class by given shares, in random order, rounding to whole items by largest remainder. */
export function dealByShares(classes: Int32Array, shares: readonly Float64Array[], random: SeededRandom): Int32Array {
  const sites = new Int32Array(classes.length);
  shares.forEach((share, label) => {
    const items: number[] = [];
    for (let i = 0; i < classes.length; i++) if (classes[i] === label) items.push(i);
    random.shuffle(items);
    let next = 0;
    wholeShares(items.length, share).forEach((size, site) => {
      for (let i = 0; i < size; i++) sites[items[next++]] = site;
    });
  });
  return sites;
}

/** Draws shares until every site gets the minimum of items. Errors: FILE_INVALID. */
export function sharesWithMinimum(
  classes: Int32Array,
  count: number,
  alpha: number,
  minimum: number,
  random: SeededRandom,
): readonly Float64Array[] {
  const kinds = classes.reduce((most, c) => Math.max(most, c + 1), 1);
  const sizes = new Int32Array(kinds);
  for (const c of classes) sizes[c]++;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const shares = drawShares(kinds, count, alpha, random.fork("attempt", attempt));
    const totals = new Int32Array(count);
    shares.forEach((share, label) => {
      wholeShares(sizes[label], share).forEach((size, site) => {
        totals[site] += size;
      });
    });
    if (totals.every((total) => total >= minimum)) return shares;
  }
  fail("FILE_INVALID", {
    where: "sites",
    expected: `a draw that gives each of ${count} sites at least ${minimum} machines or rows`,
    got: `none in ${attempts} draws from ${classes.length}`,
    remedy: "raise alpha, lower minimum, or use fewer sites",
  });
}

/** Sorted by class, cut into count * perSite runs, which are dealt at random. */
export function dealShards(classes: Int32Array, count: number, perSite: number, random: SeededRandom): Int32Array {
  const items = classes.length;
  const shards = count * perSite;
  if (items < shards)
    fail("FILE_INVALID", {
      where: "sites",
      expected: `at least ${shards} machines or rows for ${count} sites with ${perSite} shards`,
      got: String(items),
    });
  const shuffled = random.permutation(items);
  const rank = new Int32Array(items);
  shuffled.forEach((item, i) => {
    rank[item] = i;
  });
  const sorted = shuffled.sort((a, b) => classes[a] - classes[b] || rank[a] - rank[b]);
  const owner = random.permutation(shards);
  const sites = new Int32Array(items);
  sorted.forEach((item, i) => {
    sites[item] = owner[Math.floor((i * shards) / items)] % count;
  });
  return sites;
}

/** Whole numbers that add up to `total`, nearest to the shares (largest remainder, ties to the lower site). */
function wholeShares(total: number, share: Float64Array): Int32Array {
  const sizes = new Int32Array(share.length);
  let given = 0;
  for (let i = 0; i < share.length; i++) {
    sizes[i] = Math.floor(share[i] * total);
    given += sizes[i];
  }
  const byRemainder = Array.from(share, (s, i) => ({ i, rest: s * total - sizes[i] })).sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (let k = 0; given < total; k++, given++) sizes[byRemainder[k % share.length].i]++;
  return sizes;
}

function dirichlet(count: number, alpha: number, random: SeededRandom): Float64Array {
  // In logarithms, because for small alpha most gamma draws underflow.
  const logs = Float64Array.from({ length: count }, () => logGamma(alpha, random));
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    logs[i] = exp(logs[i] - most);
    sum += logs[i];
  }
  return logs.map((x) => x / sum);
}

/** Logarithm of a Gamma(alpha, 1) draw (Marsaglia and Tsang 2000; alpha < 1 by G(alpha + 1) * U^(1/alpha)). */
function logGamma(alpha: number, random: SeededRandom): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + log(1 - random.float()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) * (1 + c * x) * (1 + c * x);
    if (v <= 0) continue;
    const u = 1 - random.float();
    if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return log(d) + log(v);
  }
}
