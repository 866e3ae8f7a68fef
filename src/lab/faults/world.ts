/**
 * One simulated world: a root, its relays and its plants run the product's own code through crashes, disk faults, a bad network, wrong clocks
 * and an operator's orders, all drawn from one seed. Every promise is looked at on the way (watch.ts); when the faults are over, the run has
 * to come to its end. The same seed gives the same history, event for event.
 *
 * What it does not show: that the operating system's disk and network behave no worse than the simulated ones.
 */
import { fail } from "../../core/errors.js";
import { seeded } from "../../core/random.js";
import type { RecordStore } from "../../core/record.js";
import { sha256 } from "../../io/crypto/keys.js";
import { type MemoryRecord, memoryRecord } from "../../io/record/memory.js";
import { simulator } from "./clock.js";
import { bootCoordinator, type RunningCoordinator } from "./coordinator.js";
import { federationOf, type Shape, shapes, workOf } from "./federation.js";
import { type Life, type Machine, machine } from "./machine.js";
import { calm, network } from "./network.js";
import { plansOf } from "./plans.js";
import { runPlant } from "./plant.js";
import type { Routes } from "./routes.js";
import { type Fault, scheduleOf } from "./schedule.js";
import type { Variant } from "./variant.js";
import { watchOver } from "./watch.js";

export interface WorldOptions {
  readonly variant?: Variant;
  /** Called with every line of the history. */
  readonly trace?: (line: string) => void;
  readonly shape?: Shape;
}

export interface WorldResult {
  readonly seed: number;
  readonly shape: Shape;
  /** What did not hold; undefined where everything did. */
  readonly fault?: string;
  readonly simulatedMs: number;
  readonly events: number;
  /** Faults that were injected, by kind. */
  readonly injected: Readonly<Record<string, number>>;
  /** Digest over the history: equal for equal seeds. */
  readonly history: string;
  readonly released?: string;
}

/** After the faults are over, the run ends within this. */
const patience = 3 * 3_600_000;
/** More events than any world needs. */
const mostEvents = 400_000;
const sampling = 5000;

/** Halts that a fault of a disk, or another process that took over, explains. */
const explained: Readonly<Record<string, RegExp>> = {
  disk: /FILE_UNWRITABLE|FILE_UNREADABLE|STORE_CLOSED/,
  "take-over": /RECORD_FENCED|FILE_UNWRITABLE|FILE_UNREADABLE|STORE_CLOSED/,
};

export async function runWorld(seed: number, options: WorldOptions = {}): Promise<WorldResult> {
  const random = seeded("faults", seed);
  const shape = options.shape ?? shapes[random.integer(shapes.length)];
  const federation = federationOf(shape);
  const plans = plansOf(federation);
  const variant = options.variant ?? {};
  const sim = simulator();
  const net = network<Routes>(sim, random.fork("network"));
  const watch = watchOver(federation);
  const schedule = scheduleOf(federation, random.fork("schedule"));
  const machines = new Map<string, Machine>();
  const records = new Map<string, { readonly memory: MemoryRecord; readonly look: () => RecordStore }>();
  const running = new Map<string, { readonly life: Life; readonly program: RunningCoordinator }>();
  /** Machines that die at a commit to come. */
  const commits = new Map<string, { operation: number; readonly back: number }>();
  const injected: Record<string, number> = {};
  const root = federation.tree.name;
  const runId = `${federation.file.federation}-2`;
  let history = "";
  let finished = false;
  let healed = false;

  const count = (kind: string): void => {
    injected[kind] = (injected[kind] ?? 0) + 1;
  };
  const say = (who: string, what: string): void => {
    const line = `${(sim.now() / 1000).toFixed(3).padStart(9)} s  ${who.padEnd(10)} ${what}`;
    history = sha256(history + line);
    options.trace?.(line);
  };

  function halted(life: Life, error: unknown, excuse: string | undefined): void {
    const text = error instanceof Error ? error.message : String(error);
    const code = (error as { code?: string } | undefined)?.code ?? "";
    say(life.name, `ended itself: ${text}`);
    if (explained[excuse ?? ""]?.test(code) !== true)
      watch.blame(`${life.name} could not go on: ${error instanceof Error && code === "" ? error.stack : text}`);
  }

  for (const tier of federation.tiers) {
    const { name } = tier;
    const pauses = random.fork("record", name);
    let looking = false;
    const memory = memoryRecord({
      pause: async (what) => {
        const due = what === "write" ? commits.get(name) : undefined;
        if (due !== undefined && --due.operation <= 0) {
          commits.delete(name);
          sim.after(pauses.integer(5), () => machines.get(name)?.die("process", due.back));
          await sim.sleep(5);
        }
        if (!looking && pauses.integer(3) === 0) await sim.sleep(1 + pauses.integer(10));
      },
      coin: () => pauses.integer(2) === 0,
    });
    // A look from outside takes no time and no chance.
    const look = (): RecordStore => {
      const store = memory.open();
      return {
        ...store,
        rounds: (...asked) => {
          looking = true;
          const found = store.rounds(...asked);
          looking = false;
          return found;
        },
      };
    };
    records.set(name, { memory, look });
    const boot = async (life: Life): Promise<void> => {
      say(name, `starts (life ${life.number})`);
      const acknowledge = (member: string, key: string, counts: boolean, digest: string): void => {
        say(name, `acknowledges ${member}, ${key}${counts ? "" : ": changes nothing"}`);
        if (counts) watch.acknowledged(name, member, key, digest);
      };
      const program = await bootCoordinator({
        life,
        tier,
        federation,
        record: memory.open(),
        network: net,
        plans,
        variant,
        events: {
          state: (protocol, state) => {
            if (!life.isolated()) watch.state(name, protocol, state);
          },
          closed(round) {
            say(name, `closed round ${round.round}, attempt ${round.attempt}: ${round.included.map(({ site }) => site).join(", ")}`);
            lookAtRecord(name).catch((error) => watch.blame(`the record of ${name} cannot be read: ${error}`));
          },
          released(release, version) {
            say(name, `released version ${version}`);
            watch.released(release, version);
          },
          ended(state, reason) {
            say(name, `${state}${reason === undefined ? "" : `: ${reason}`}`);
            if (state === "failed") watch.blame(`${name}: the run failed: ${reason}`);
            if (name === root) finished = true;
          },
          gave(member, key) {
            say(name, `gives ${key} to ${member}`);
            watch.gave(name, member, key);
          },
          answered: acknowledge,
          left: (key, frame) => {
            say(name, `sends ${key}`);
            watch.left(name, key, frame);
          },
          log: (text) => say(name, text),
        },
      });
      if (life.alive() && !life.isolated()) running.set(name, { life, program });
      await lookAtRecord(name);
    };
    machines.set(
      name,
      machine({
        name,
        simulator: sim,
        random: random.fork("machine", name),
        lies: variant.coordinatorDisk,
        boot,
        async died() {
          running.delete(name);
          net.serve(name, undefined);
          await memory.crash();
        },
        halted,
      }),
    );
  }

  for (const site of federation.sites) {
    const takes = random.fork("work", site);
    machines.set(
      site,
      machine({
        name: site,
        simulator: sim,
        random: random.fork("machine", site),
        lies: variant.plantDisk,
        boot(life) {
          say(site, `starts (life ${life.number})`);
          return runPlant({
            life,
            parent: federation.parents.get(site) as string,
            network: net,
            plans,
            variant,
            work: workOf(site, life.number),
            takes: ({ type }) => takes.integer(type === "train" && !healed ? schedule.slowest : 1000),
            sleep: sim.sleep,
            events: {
              opened: (keep) => watch.opened(site, keep),
              written: (line) => watch.written(site, line),
              left(key, frame) {
                say(site, `sends ${key}`);
                watch.left(site, key, frame);
              },
              planned: (sequence) => watch.planned(site, sequence),
              event(event) {
                say(site, `${event.kind}${"key" in event ? ` ${event.key}` : ""}`);
                if (event.kind === "sent") watch.told(site, event.key);
              },
              size(journal) {
                if (journal > 1 << 20) watch.blame(`${site}: its journal grew to ${journal} bytes`);
              },
            },
          });
        },
        died: async () => {},
        halted,
      }),
    );
  }

  async function lookAtRecord(name: string): Promise<void> {
    const { look } = records.get(name) as { look: () => RecordStore };
    watch.record(name, await look().rounds(runId, { limit: 1000 }));
  }

  function inject(fault: Fault): void {
    const node = "node" in fault ? (machines.get(fault.node) as Machine) : undefined;
    say("world", `${fault.kind} ${JSON.stringify({ ...fault, kind: undefined })}`);
    count(fault.kind);
    switch (fault.kind) {
      case "crash":
        node?.die(fault.how, fault.back);
        return;
      case "crash-at":
        node?.dieAt(fault.operation, fault.how, fault.back);
        return;
      case "crash-at-commit":
        commits.set(fault.node, { operation: fault.operation, back: fault.back });
        return;
      case "take-over": {
        const old = node?.life();
        if (old === undefined) return;
        net.serve(fault.node, undefined);
        running.delete(fault.node);
        node?.takeOver(fault.back);
        node?.excuse("take-over", true);
        return;
      }
      case "disk-error":
        if (node?.life() === undefined) return;
        node.excuse("disk");
        node.disk.failAt(fault.operation);
        return;
      case "disk-full": {
        node?.excuse("disk", true);
        const huge = 1_000_000_000_000;
        node?.disk.setCapacity(huge);
        node?.disk.free?.().then((free) => {
          if (!healed) node.disk.setCapacity(huge - free + fault.room);
        });
        sim.after(fault.lasts, () => node?.disk.setCapacity(undefined));
        return;
      }
      case "partition":
        for (const [a, b] of fault.links) net.cut(a, b, true);
        sim.after(fault.lasts, () => {
          for (const [a, b] of fault.links) net.cut(a, b, false);
        });
        return;
      case "clog": {
        // One after the other, and opened in another order.
        const { links, lasts } = fault;
        for (const [i, [a, b]] of links.entries()) sim.after((i * lasts) / links.length / 2, () => net.clog(a, b, !healed));
        const opening = random.fork("swizzle", sim.now()).shuffle([...links]);
        for (const [i, [a, b]] of opening.entries()) sim.after(lasts / 2 + (i * lasts) / links.length / 2, () => net.clog(a, b, false));
        return;
      }
      case "clock":
        node?.jump(fault.by);
        return;
      case "order": {
        const at = running.get(fault.node);
        const { order, site } = fault;
        at?.program.order({ type: "order", order, ...(site === undefined ? {} : { site }) }).catch(() => {});
      }
    }
  }

  function heal(): void {
    healed = true;
    say("world", "everything is in order from here on");
    net.setFaults(calm);
    commits.clear();
    for (const [a, b] of federation.parents) {
      net.cut(a, b, false);
      net.clog(a, b, false);
    }
    for (const one of machines.values()) {
      one.disk.setCapacity(undefined);
      one.disk.failAt(undefined);
      one.pardon();
    }
    operate();
  }

  /** The operator sees to it that nothing is paused and nobody left out, until it is so. */
  function operate(): void {
    for (const [name, { program }] of running) {
      const orders = [program.order({ type: "order", order: "resume" })];
      for (const { site, members } of childrenOf(name)) orders.push(program.order({ type: "order", order: "include", site, members }));
      for (const one of orders) one.catch(() => {});
    }
    if (sim.now() < schedule.heals + 900_000) sim.after(60_000, operate);
  }

  const childrenOf = (name: string): readonly { site: string; members: number }[] =>
    (federation.tiers.find((tier) => tier.name === name) ?? federation.tree).children.map((child) =>
      typeof child === "string" ? { site: child, members: 1 } : { site: child.name, members: child.sites.length },
    );

  function sample(): void {
    for (const [name, { life, program }] of running) watch.sample(name, life.number, program, sim.now(), life.clock.alarms());
    sim.after(sampling, sample);
  }

  net.setFaults(schedule.network);
  for (const one of machines.values()) one.start();
  for (const { at, fault } of schedule.faults) sim.after(at, () => inject(fault));
  sim.after(schedule.heals, heal);
  sim.after(sampling, sample);
  const end = schedule.heals + patience;
  await sim.run(end, () => finished || watch.fault() !== undefined || sim.events() > mostEvents);
  if (watch.fault() === undefined && !finished) watch.blame(`no end ${why()}`);
  for (const name of records.keys()) await lookAtRecord(name);
  watch.ended();
  for (const kind of ["lost", "doubled", "late", "damaged", "stale"] as const) if (net.counts[kind] > 0) injected[kind] = net.counts[kind];
  const fault = watch.fault();
  if (fault !== undefined) say("world", `DOES NOT HOLD: ${fault}`);
  return {
    seed,
    shape,
    ...(fault === undefined ? {} : { fault }),
    simulatedMs: sim.now(),
    events: sim.events(),
    injected,
    history,
    ...(watch.releasedModel() === undefined ? {} : { released: watch.releasedModel() }),
  };

  function why(): string {
    const at = running.get(root)?.program;
    const waits = at === undefined ? "the root does not run" : JSON.stringify(at.driver.waiting());
    return `within ${((sim.now() - schedule.heals) / 60_000).toFixed(0)} min of order (${sim.events()} events); ${waits}`;
  }
}

/** Throws where something did not hold, with the command that shows it again. Errors: INTERNAL. */
export async function checkWorld(seed: number, options: WorldOptions = {}): Promise<WorldResult> {
  const result = await runWorld(seed, options);
  if (result.fault === undefined) return result;
  return fail("INTERNAL", {
    where: `fault seed ${seed}`,
    expected: "every promise to hold",
    got: result.fault,
    remedy: replayCommand(seed),
  });
}

export const replayCommand = (seed: number): string => `node scripts/replay-fault.mjs ${seed}`;
