/**
 * A coordinator and its plants in one process, over mutual TLS on loopback, with clocks that can be moved. For what real processes cannot
 * be made to do: a clock that jumps, a certificate that ends in a few seconds.
 */

import { nodeOf } from "../../src/coordinator/node.js";
import { membersOf, rootName } from "../../src/coordinator/plan-members.js";
import { startCoordinator } from "../../src/coordinator/program.js";
import { storedRunRecord } from "../../src/coordinator/run-record.js";
import type { Clock, Disk } from "../../src/core/ports.js";
import { type Millis, millis } from "../../src/core/quantities.js";
import { identityHere, memberClient } from "../../src/edge/enrolment.js";
import { httpsLink } from "../../src/edge/https-link.js";
import type { Link } from "../../src/edge/link.js";
import type { MemberEvent } from "../../src/edge/member.js";
import { createPlant, type PlantOptions } from "../../src/edge/plant.js";
import { defaultPolicy } from "../../src/edge/policy.js";
import { federationPart } from "../../src/edge/site-file-data.js";
import { sha256 } from "../../src/io/crypto/keys.js";
import { signPlan } from "../../src/io/crypto/plan-envelope.js";
import { systemRandom } from "../../src/io/crypto/system-random.js";
import { memoryDisk } from "../../src/io/disk/memory.js";
import { memoryRecord } from "../../src/io/record/memory.js";
import { memoryBlobs } from "../../src/io/store/blobs-memory.js";
import { openJournal } from "../../src/io/store/journal.js";
import { loadStoreKey } from "../../src/io/store/key.js";
import { inlineExecutor } from "../../src/io/workers/inline.js";
import { kernelVersion } from "../../src/kernels/instance.js";
import { readRecord, replay } from "../../src/lab/replay.js";
import { parseFederation } from "../../src/round/file.js";

/** The time of day of this machine, moved by an offset; what has passed since a moment is not moved. */
export interface MovedClock extends Clock {
  /** Moves the time of day, forward or back. */
  readonly move: (ms: number) => void;
}

export function movedClock(offset = 0): MovedClock {
  let moved = offset;
  const now = (): Millis => millis(Date.now() + moved);
  return {
    now,
    uptime: () => millis(performance.now()),
    at(moment, ring) {
      const timer = setTimeout(ring, Math.max(0, moment - now()));
      return () => clearTimeout(timer);
    },
    move(ms) {
      moved += ms;
    },
  };
}

export interface InsidePlant {
  readonly name: string;
  readonly disk: Disk;
  readonly events: MemberEvent[];
  /** With a new token of the coordinator that runs now, as `join --token` does: where it is enrolled and its certificate is good, nothing changes. */
  readonly enrol: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function openInside(names: readonly string[], content: Record<string, unknown>, clock: MovedClock, paceMs: number) {
  const file = parseFederation(content);
  const disk = memoryDisk();
  const memory = memoryRecord();
  const record = memory.open();
  const blobs = memoryBlobs();
  const rounds: { round: number; included: readonly string[] }[] = [];
  const halts: unknown[] = [];
  let state: "running" | "finished" | "failed" = "running";
  let open: Awaited<ReturnType<typeof startCoordinator>> | undefined;

  /** Starts the coordinator, again too: everything it needs is on its disk and in its record. */
  async function start(with_: Clock = clock): Promise<void> {
    open = await startCoordinator({
      disk,
      record,
      blobs,
      clock: with_,
      random: systemRandom,
      log: (_, event, fields) => {
        if (event === "round.closed") rounds.push({ round: Number(fields.round), included: [] });
      },
      host: "127.0.0.1",
      port: 0,
      names: ["localhost"],
      addresses: ["127.0.0.1"],
      federation: file.federation,
      name: rootName,
      async plan(home) {
        const known = await record.setting("plan");
        const kept = known === undefined ? undefined : await blobs.get(known);
        const plan = {
          format: "millwright-plan/1" as const,
          federation: file.federation,
          file: JSON.parse(JSON.stringify(file)) as Record<string, unknown>,
          kernels: kernelVersion,
          plugins: {},
          members: membersOf(file, { org: "members", sites: names }),
          sequence: 1,
          notBefore: millis(1),
        };
        const text = kept === undefined ? signPlan(plan, [home.planKey]) : new TextDecoder().decode(kept);
        const { sha256: digest } = await blobs.put(new TextEncoder().encode(text));
        await record.putSetting("plan", digest);
        return { text, sha256: digest, plan };
      },
      node: (plan) => nodeOf(plan, rootName, "."),
      automaticRelease: true,
      halted: (error) => void halts.push(error),
      ended: (how) => {
        state = how;
      },
      memory: () => process.memoryUsage.rss(),
      processorSeconds: () => 0,
    });
  }

  function plant(name: string): InsidePlant {
    const own = memoryDisk();
    const kept = memoryBlobs();
    const events: MemberEvent[] = [];
    let stop: AbortController | undefined;
    let running: Promise<unknown> | undefined;
    let close: () => Promise<void> = async () => {};
    const key = () => loadStoreKey({ disk: own, random: systemRandom });
    const door = { clock, env: {} };
    const coordinator = () => {
      if (open === undefined) throw new Error("no coordinator runs");
      return open;
    };
    let identity: Awaited<ReturnType<typeof identityHere>>;
    return {
      name,
      disk: own,
      events,
      async enrol() {
        const { token } = await coordinator().membership.createToken({
          org: "members",
          name,
          role: "site",
          urls: [`https://127.0.0.1:${coordinator().port}`],
          by: "local",
        });
        identity = await identityHere(own, await key(), token, door);
      },
      async start() {
        if (identity === undefined) throw new Error(`${name} is not enrolled`);
        const client = memberClient(identity, door, `https://127.0.0.1:${coordinator().port}`);
        const journal = await openJournal({ disk: own, key: await key(), random: systemRandom });
        const executor = inlineExecutor();
        stop = new AbortController();
        const made = await createPlant({
          identity,
          link: paced(httpsLink(client), paceMs),
          journal,
          blobs: kept,
          clock,
          random: () => 0.5,
          executor,
          policy: async () => ({ policy: defaultPolicy, paused: false }),
          part: (of) => federationPart(name, of, { folder: "." }),
          once: true,
          signal: stop.signal,
          log: (event) => void events.push(event as MemberEvent),
          halted: (error) => void halts.push(error),
        } satisfies PlantOptions);
        running = made.run();
        running.catch((error) => halts.push(error));
        close = async () => {
          client.close();
          await journal.close();
          await executor.close();
        };
      },
      async stop() {
        stop?.abort();
        await running?.catch(() => {});
        await close();
        close = async () => {};
      },
    };
  }

  return {
    start,
    stop: async () => {
      await open?.close();
      open = undefined;
    },
    plants: names.map(plant),
    state: () => state,
    halts,
    rounds: () => rounds.length,
    blobs: async () => (await blobs.list()).length,
    async included(): Promise<readonly (readonly string[])[]> {
      return (await storedRunRecord(record, blobs)).rounds.map((one) => one.included.map(({ site }) => site).sort());
    },
    replayed: async () => replay(undefined, readRecord(await storedRunRecord(record, blobs)), { folder: ".", executor: inlineExecutor() }),
    digest: sha256,
  };
}

/** A link whose every question takes so long: a round has a length, and things happen in its middle. */
function paced(link: Link, ms: number): Link {
  return {
    ...link,
    async next(asked, signal) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return link.next(asked, signal);
    },
  };
}
