/**
 * A network between simulated machines that loses, delays, doubles and reorders requests and answers, damages what it carries and is cut.
 * A request is carried out by whatever process answers under the name when it arrives; who asked may be dead by then.
 *
 * A cut link drops; a clogged one holds everything back until it is opened, and then lets it go at once (FoundationDB's "swizzle" clogs
 * several links one after the other and opens them in another order). Connections are not modelled: each request stands alone.
 */
import { MillwrightError } from "../../core/errors.js";
import type { SeededRandom } from "../../core/random.js";
import type { Simulator } from "./clock.js";
import type { Life } from "./machine.js";

/** Probabilities per message, and delays in ms. */
export interface NetworkFaults {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  /** Most of the messages arrive within this. */
  readonly delay: number;
  /** Of those that do not: the longest delay. */
  readonly longest: number;
  /** An old answer comes from a cache. */
  readonly stale: number;
}

export const calm: NetworkFaults = { loss: 0, duplication: 0, corruption: 0, delay: 5, longest: 5, stale: 0 };

export interface Call<S, T> {
  readonly from: Life;
  readonly to: string;
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** What the server does. Its signal ends when the caller has given up. */
  readonly handle: (server: S, signal: AbortSignal) => Promise<T>;
}

export interface Network<S> {
  readonly call: <T>(call: Call<S, T>) => Promise<T>;
  /** The process that answers under a name; undefined while none does. */
  readonly serve: (name: string, server: { readonly life: Life; readonly routes: S } | undefined) => void;
  readonly cut: (a: string, b: string, cut: boolean) => void;
  readonly clog: (a: string, b: string, clogged: boolean) => void;
  readonly setFaults: (faults: NetworkFaults) => void;
  /** Whether to damage bytes that are on their way. */
  readonly damages: () => boolean;
  readonly stale: () => boolean;
  readonly counts: { lost: number; doubled: number; late: number; damaged: number; stale: number; calls: number };
}

const gone = new Error("the caller has gone");
const unreachable = (what: string): MillwrightError =>
  new MillwrightError("TRANSPORT_UNREACHABLE", { where: "network", expected: "an answer", got: what, remedy: "wait; it is asked again" });

export function network<S>(simulator: Simulator, random: SeededRandom): Network<S> {
  const servers = new Map<string, { readonly life: Life; readonly routes: S }>();
  const cuts = new Set<string>();
  const clogs = new Map<string, (() => void)[]>();
  const counts = { lost: 0, doubled: 0, late: 0, damaged: 0, stale: 0, calls: 0 };
  let faults = calm;
  const pair = (a: string, b: string): string => (a < b ? `${a}|${b}` : `${b}|${a}`);
  const happens = (probability: number): boolean => probability > 0 && random.float() < probability;

  function delay(): number {
    if (faults.longest > faults.delay && happens(0.05)) {
      counts.late++;
      return random.integer(faults.longest);
    }
    return 1 + random.integer(faults.delay);
  }

  /** Carries something over a link, or loses it. */
  function carry(link: string, arrive: () => void): void {
    if (cuts.has(link)) return;
    if (happens(faults.loss)) {
      counts.lost++;
      return;
    }
    simulator.after(delay(), () => {
      if (cuts.has(link)) return;
      const held = clogs.get(link);
      if (held === undefined) arrive();
      else held.push(arrive);
    });
  }

  return {
    counts,
    serve(name, server) {
      if (server === undefined) servers.delete(name);
      else servers.set(name, server);
    },
    cut(a, b, cut) {
      if (cut) cuts.add(pair(a, b));
      else cuts.delete(pair(a, b));
    },
    clog(a, b, clogged) {
      const link = pair(a, b);
      const held = clogs.get(link);
      if (clogged) clogs.set(link, held ?? []);
      else {
        clogs.delete(link);
        for (const arrive of held ?? []) simulator.after(1, arrive);
      }
    },
    setFaults(next) {
      faults = next;
    },
    damages() {
      if (!happens(faults.corruption)) return false;
      counts.damaged++;
      return true;
    },
    stale() {
      if (!happens(faults.stale)) return false;
      counts.stale++;
      return true;
    },
    call: ({ from, to, timeout, signal, handle }) =>
      new Promise((resolve, reject) => {
        counts.calls++;
        const link = pair(from.name, to);
        const given = new AbortController();
        let open = true;
        const end = (how: () => void): void => {
          if (!open) return;
          open = false;
          cancel();
          signal.removeEventListener("abort", abort);
          // Nobody is there any more to hear it.
          if (from.alive()) how();
          given.abort(gone);
        };
        const abort = (): void => end(() => reject(unreachable("a request that was given up")));
        const cancel = simulator.after(timeout, () => end(() => reject(unreachable(`none within ${timeout} ms`))));
        signal.addEventListener("abort", abort);
        const answer = (how: () => void): void => carry(link, () => end(how));
        const arrive = (): void => {
          const server = servers.get(to);
          if (server === undefined || !server.life.alive()) {
            answer(() => reject(unreachable("a refused connection")));
            return;
          }
          const ifAlive = (how: () => void): void => answer(server.life.alive() ? how : () => reject(unreachable("a closed connection")));
          handle(server.routes, given.signal).then(
            (value) => ifAlive(() => resolve(value)),
            (error) => ifAlive(() => reject(error)),
          );
          server.life.ended.then(() => answer(() => reject(unreachable("a closed connection"))));
        };
        if (from.isolated()) return;
        carry(link, arrive);
        if (happens(faults.duplication)) {
          counts.doubled++;
          carry(link, arrive);
        }
      }),
  };
}
