/**
 * Who counted, as it travels and as figures: a tree of inclusions. It comes from another company, so its depth, its size and every
 * number in it are checked before anything rests on it.
 */
import { fail } from "../core/errors.js";
import type { Inclusion } from "./node.js";

/** Bytes, entries and levels of the inclusions of one contribution. */
export const inclusionLimits = { bytes: 1 << 26, entries: 500_000, depth: 16, rounds: 1000 } as const;

type Rounds = readonly (readonly Inclusion[])[];

/** JSON in UTF-8. Errors: LIMIT_EXCEEDED. */
export function packInclusions(rounds: Rounds): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(rounds));
  if (bytes.length > inclusionLimits.bytes) tooMany(`${inclusionLimits.bytes} bytes`, String(bytes.length));
  return bytes;
}

/** The inverse of packInclusions. Errors: MESSAGE_INVALID, LIMIT_EXCEEDED. */
export function unpackInclusions(bytes: Uint8Array): Rounds {
  if (bytes.length > inclusionLimits.bytes) tooMany(`${inclusionLimits.bytes} bytes`, String(bytes.length));
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    fail("MESSAGE_INVALID", { where: "included", expected: "JSON in UTF-8", got: "something else", cause });
  }
  const left = { entries: inclusionLimits.entries };
  return readRounds(parsed, left, 0);
}

function readRounds(value: unknown, left: { entries: number }, depth: number): Rounds {
  if (depth >= inclusionLimits.depth) tooMany(`${inclusionLimits.depth} levels`, "more");
  if (!Array.isArray(value) || value.length === 0 || value.length > inclusionLimits.rounds)
    invalid("included", `a list of 1 to ${inclusionLimits.rounds} rounds`);
  return value.map((round) => {
    if (!Array.isArray(round) || round.length === 0) invalid("included", "a round with at least one member");
    const names = new Set<string>();
    return round.map((one) => {
      if (--left.entries < 0) tooMany(`${inclusionLimits.entries} entries`, "more");
      const read = readOne(one, left, depth);
      if (names.has(read.site)) invalid(`included.${read.site.slice(0, 80)}`, "every member once");
      names.add(read.site);
      return read;
    });
  });
}

function readOne(value: unknown, left: { entries: number }, depth: number): Inclusion {
  if (typeof value !== "object" || value === null || Array.isArray(value)) invalid("included", "an entry per member");
  const { site, weight, loss, members, rounds, ...rest } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0) invalid("included", "site, weight, loss, members and rounds only");
  if (typeof site !== "string" || site.length > 256) invalid("included.site", "text of at most 256 characters");
  if (!Number.isSafeInteger(weight) || (weight as number) < 1) invalid("included.weight", "a whole number of at least 1");
  if (!Number.isSafeInteger(members) || (members as number) < 1) invalid("included.members", "a whole number of at least 1");
  if (typeof loss !== "number" || !Number.isFinite(loss)) invalid("included.loss", "a finite number");
  const one = { site, weight: weight as number, loss, members: members as number };
  if (rounds === undefined) {
    if (one.members !== 1) invalid("included.members", "1 for a site");
    return one;
  }
  return { ...one, rounds: readRounds(rounds, left, depth + 1) };
}

function invalid(where: string, expected: string): never {
  fail("MESSAGE_INVALID", { where, expected, got: "something else" });
}

function tooMany(expected: string, got: string): never {
  fail("LIMIT_EXCEEDED", { where: "included", expected: `at most ${expected}`, got });
}

/**
 * What a contribution of several rounds stands for: every child with its latest inclusion. Losses are those of the last round, weighed
 * by examples in the order of the children.
 */
export function standingOf(rounds: Rounds): { readonly members: number; readonly weight: number; readonly loss: number } {
  const latest = new Map<string, Inclusion>();
  for (const round of rounds) for (const one of round) latest.set(one.site, one);
  let members = 0;
  let weight = 0;
  for (const one of latest.values()) {
    members += one.members;
    weight += one.weight;
  }
  return { members, weight, loss: meanLoss(rounds[rounds.length - 1]) };
}

/** Mean of the losses, weighed by examples, summed in the order given. */
export function meanLoss(included: readonly Inclusion[]): number {
  const total = included.reduce((sum, one) => sum + one.weight, 0);
  return included.reduce((sum, one) => sum + one.loss * one.weight, 0) / total;
}

/** The sites below, each once, with their examples; a site that several rounds included counts once. */
export function leavesOf(included: readonly Inclusion[]): Map<string, number> {
  const leaves = new Map<string, number>();
  const visit = (one: Inclusion): void => {
    if (one.rounds === undefined) leaves.set(one.site, one.weight);
    else for (const round of one.rounds) for (const below of round) visit(below);
  };
  for (const one of included) visit(one);
  return leaves;
}
