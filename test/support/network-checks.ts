/**
 * What has to be true of a federation after whatever was done to it: its model follows from the record of who was included, nothing that a
 * plant was told had counted is missing from its coordinator's record, nothing counts that did not leave, nothing counts twice.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Network } from "./network.js";

export interface KitInclusion {
  readonly site: string;
  readonly weight: number;
  readonly rounds?: readonly (readonly KitInclusion[])[];
}

export interface KitRecord {
  readonly rounds: readonly {
    readonly round: number;
    readonly attempt: number;
    readonly included: readonly KitInclusion[];
    readonly excluded: readonly { readonly site: string; readonly reason: string }[];
    readonly model: string;
  }[];
  readonly model: string;
}

export interface KitOutboxEntry {
  readonly key: string;
  readonly sha256: string;
  readonly plan: string;
  readonly action: string;
  readonly sentAt?: number;
  readonly counts?: boolean;
}

export async function recordOf(network: Network, node: string): Promise<KitRecord> {
  const out = join(network.folder, `${node}-record.json`);
  const { code, err } = await network.run("record", "--data", network.node(node).data, "--out", out);
  if (code !== 0) throw new Error(`record of ${node}: ${err}`);
  const { readFileSync } = await import("node:fs");
  return JSON.parse(readFileSync(out, "utf8")) as KitRecord;
}

export async function outboxOf(network: Network, plant: string): Promise<readonly KitOutboxEntry[]> {
  const { code, out, err } = await network.run("outbox", "--data", network.node(plant).data, "--json");
  if (code !== 0) throw new Error(`outbox of ${plant}: ${err}`);
  return (JSON.parse(out) as { outbox: readonly KitOutboxEntry[] }).outbox;
}

/** Whether the model follows from the region's record. */
export async function replays(
  network: Network,
): Promise<{ readonly same: boolean; readonly rounds: number; readonly model: string; readonly said: string }> {
  const record = await recordOf(network, "region");
  const path = join(network.folder, "replay.json");
  writeFileSync(path, JSON.stringify(record));
  const { code, out, err } = await network.run("simulate", network.file, "--replay", path, "--json");
  const same = code === 0 && record.model !== "" && (JSON.parse(out) as { same: boolean }).same;
  return { same, rounds: record.rounds.length, model: record.model, said: err };
}

/** Everything that is wrong between plants, facilities and the region; nothing where all is well. */
export async function faultsOf(network: Network): Promise<readonly string[]> {
  const faults: string[] = [];
  const region = await recordOf(network, "region");
  const facilities = [...network.nodes.values()].filter((node) => node.kind === "facility");
  for (const facility of facilities) {
    const record = await recordOf(network, facility.name);
    const byRound = new Map(record.rounds.map((one) => [one.round, one]));
    for (const { round, included } of record.rounds) {
      const names = included.map(({ site }) => site);
      if (new Set(names).size !== names.length)
        faults.push(`${facility.name}, round ${round}: somebody counts twice in ${names.join(", ")}`);
    }
    for (const { round, included } of region.rounds) {
      const there = included.find(({ site }) => site === facility.name);
      if (there === undefined) continue;
      const told = JSON.stringify(there.rounds?.flat().map(({ site }) => site));
      const own = JSON.stringify(byRound.get(round)?.included.map(({ site }) => site));
      if (told !== own) faults.push(`round ${round}: the region has ${told} of ${facility.name}, which has ${own}`);
    }
    const plants = [...network.nodes.values()].filter((node) => node.parent === facility.name);
    for (const plant of plants) faults.push(...plantFaults(plant.name, await outboxOf(network, plant.name), facility.name, byRound));
  }
  return faults;
}

function plantFaults(
  plant: string,
  outbox: readonly KitOutboxEntry[],
  facility: string,
  byRound: ReadonlyMap<number, KitRecord["rounds"][number]>,
): string[] {
  const faults: string[] = [];
  const bytes = new Map<string, string>();
  const left = new Set<string>();
  for (const one of outbox) {
    const before = bytes.get(`${one.plan} ${one.key}`);
    if (before !== undefined && before !== one.sha256) faults.push(`${plant}: two answers to ${one.key}`);
    bytes.set(`${one.plan} ${one.key}`, one.sha256);
    if (one.action !== "train") continue;
    left.add(one.key);
    const [, round, attempt] = /^round (\d+) attempt (\d+)$/.exec(one.key) ?? [];
    const closed = byRound.get(Number(round));
    // An attempt that was abandoned by its rule, or a run that ended before the round closed, took back what counted in it.
    if (one.counts !== true || closed === undefined || closed.attempt !== Number(attempt)) continue;
    if (!closed.included.some(({ site }) => site === plant))
      faults.push(`${plant}: ${one.key} was acknowledged by ${facility} and is not in its record`);
  }
  for (const { round, attempt, included } of byRound.values()) {
    if (included.some(({ site }) => site === plant) && !left.has(`round ${round} attempt ${attempt}`))
      faults.push(`${plant} counts in round ${round} of ${facility}, attempt ${attempt}, which never left it`);
  }
  return faults;
}
