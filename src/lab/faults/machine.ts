/**
 * A machine of a simulated world: a disk, a clock that may be wrong, and a process that is started again whenever it ended. What a process
 * held in memory is gone when it dies; nothing it awaited ever comes.
 */
import type { Clock, Disk, SecretRandom } from "../../core/ports.js";
import type { SeededRandom } from "../../core/random.js";
import { machineClock, type Simulator } from "./clock.js";
import { type DiskLies, type SimulatedDisk, simulatedDisk } from "./disk.js";

/** One life of a process. */
export interface Life {
  /** Its machine. */
  readonly name: string;
  readonly number: number;
  readonly alive: () => boolean;
  /** Resolves when it died. */
  readonly ended: Promise<void>;
  readonly clock: Clock & { readonly alarms: () => number };
  readonly disk: Disk;
  readonly random: SeededRandom;
  readonly secret: SecretRandom;
  /** Cut off from everybody although it runs: a process that another one took over from. */
  readonly isolated: () => boolean;
  /** The process ends itself: it cannot go on. */
  readonly halt: (error: unknown) => void;
}

export type Death = "power" | "process";

export interface Machine {
  readonly name: string;
  readonly disk: SimulatedDisk;
  readonly life: () => Life | undefined;
  readonly start: () => void;
  /** Ends the process; `back` is when the next one starts, in ms. */
  readonly die: (how: Death, back: number) => void;
  /** As `die`, at the nth operation on the disk from now: in the middle of what the process does then. */
  readonly dieAt: (operation: number, how: Death, back: number) => void;
  /** Another process takes over while this one still runs, without network and disk, but with its hold on the record. */
  readonly takeOver: (back: number) => void;
  /** The time of day jumps. */
  readonly jump: (by: number) => void;
  readonly setTime: (offset: number) => void;
  /** Until further notice, and for the life that sees it, a process here may end by itself: its disk was given a fault. */
  readonly excuse: (reason: string, lasting?: boolean) => void;
  readonly pardon: () => void;
}

export interface MachineOptions {
  readonly name: string;
  readonly simulator: Simulator;
  readonly random: SeededRandom;
  readonly lies: DiskLies | undefined;
  /** Starts the program. Rejects where it cannot start. */
  readonly boot: (life: Life) => Promise<void>;
  /** Called when a process died, before the next may start; what has to be decided about half-done things is decided then. */
  readonly died: (life: Life) => Promise<void>;
  /** A process ended itself, for this reason where it had one. */
  readonly halted: (life: Life, error: unknown, excuse: string | undefined) => void;
}

/** Milliseconds until a process that ended itself is started again. */
const restart = 2000;

export function machine(options: MachineOptions): Machine {
  const { name, simulator, random } = options;
  // Where a disk takes time, a crash can come between two of its operations.
  const slow = random.fork("latency");
  let dying: { operation: number; readonly how: Death; readonly back: number } | undefined;
  const latency = async (): Promise<void> => {
    if (dying !== undefined && --dying.operation <= 0) die(dying.how, dying.back);
    if (slow.integer(8) === 0) await simulator.sleep(1 + slow.integer(4));
  };
  const disk = simulatedDisk(random.fork("disk"), { latency, ...(options.lies === undefined ? {} : { lies: options.lies }) });
  let current: { readonly life: Life; readonly end: () => void; readonly isolate: () => void } | undefined;
  let offset = 0;
  let lives = 0;
  let excuse: string | undefined;
  let lasting: string | undefined;
  const zombies = new Set<() => void>();

  function born(): void {
    const number = ++lives;
    let alive = true;
    let isolated = false;
    excuse = lasting;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = () => {
        alive = false;
        resolve();
      };
    });
    const own = random.fork("life", number);
    const secret = random.fork("secret", number);
    const life: Life = {
      name,
      number,
      alive: () => alive,
      ended,
      isolated: () => isolated,
      clock: machineClock(
        simulator,
        () => offset,
        () => alive,
      ),
      disk: mortal(disk.mount(), () => alive),
      random: own,
      secret: { bytes: (length) => Uint8Array.from({ length }, () => secret.integer(256)) },
      halt(error) {
        if (!alive) return;
        if (isolated) return end();
        options.halted(life, error, excuse);
        die("process", restart + own.integer(restart));
      },
    };
    current = {
      life,
      end,
      isolate: () => {
        isolated = true;
        zombies.add(end);
      },
    };
    options.boot(life).catch((error) => life.halt(error));
  }

  function die(how: Death, back: number): void {
    const dead = current;
    dying = undefined;
    if (dead === undefined) return;
    current = undefined;
    dead.end();
    if (how === "power") disk.crash();
    else disk.kill();
    const due = simulator.now() + back;
    options.died(dead.life).then(() => again(due - simulator.now()));
  }

  function again(delay: number): void {
    simulator.after(delay, () => {
      if (current === undefined) born();
    });
  }

  function takeOver(back: number): void {
    const old = current;
    if (old === undefined) return;
    current = undefined;
    old.isolate();
    disk.kill();
    again(back);
  }

  return {
    name,
    disk,
    life: () => current?.life,
    start: born,
    die,
    dieAt(operation, how, back) {
      if (current !== undefined) dying = { operation, how, back };
    },
    takeOver,
    jump(by) {
      offset += by;
    },
    setTime(to) {
      offset = to;
    },
    excuse(reason, stays = false) {
      // A life that took over can be fenced by what its predecessor had under way, whatever befalls it besides.
      const kept = lasting === "take-over" ? lasting : reason;
      excuse = kept;
      if (stays) lasting = kept;
    },
    pardon() {
      lasting = undefined;
      dying = undefined;
      for (const end of zombies) end();
      zombies.clear();
    },
  };
}

/** A disk as a process sees it that may die: whoever waits for it then waits for ever. */
function mortal(disk: Disk, alive: () => boolean): Disk {
  const never = new Promise<never>(() => undefined);
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const value = await work;
      return alive() ? value : await never;
    } catch (error) {
      if (!alive()) return never;
      throw error;
    }
  };
  return {
    read: (path, limit) => guard(disk.read(path, limit)),
    size: (path) => guard(disk.size(path)),
    list: (folder) => guard(disk.list(folder)),
    makeFolder: (path) => guard(disk.makeFolder(path)),
    rename: (from, to) => guard(disk.rename(from, to)),
    remove: (path) => guard(disk.remove(path)),
    syncFolder: (path) => guard(disk.syncFolder(path)),
    open: async (path, how) => {
      const file = await guard(disk.open(path, how));
      return {
        size: () => file.size(),
        read: (offset, length) => guard(file.read(offset, length)),
        write: (bytes) => guard(file.write(bytes)),
        truncate: (size) => guard(file.truncate(size)),
        sync: () => guard(file.sync()),
        close: () => guard(file.close()),
      };
    },
  };
}
