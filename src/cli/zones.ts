/**
 * Zones and conduits (IEC 62443-3-2) of a deployment, from the tree of a federation file. Each data folder is a zone: a plant, a relay, the
 * root. Each link is a conduit that its lower end opens; nothing is ever dialled into a plant. Which assets share a plant's zone, and the
 * security level wanted for each, is for the asset owner to say: this table is where that work starts, not its result.
 */
import type { Tier } from "../round/tiers.js";

export interface Zone {
  readonly name: string;
  readonly kind: "root" | "relay" | "plant";
  /** What lies in it and nowhere else. */
  readonly holds: string;
}

export interface Conduit {
  readonly from: string;
  readonly to: string;
  /** What goes to the upper zone, and what comes back. */
  readonly up: string;
  readonly down: string;
  readonly bandwidth?: string;
}

export interface Zones {
  readonly zones: readonly Zone[];
  readonly conduits: readonly Conduit[];
}

const holds = {
  root: "the federation's authority and keys, the record, models, signed plans and releases",
  relay: "its members' sums of the open round, its record, its own key",
  plant: "rows, scaled examples, the owner's policy, an encrypted journal, its own key",
} as const;

/** The zones and conduits of a tree, from the root down. `bandwidth` is what the file grants a tier's link. */
export function zonesOf(root: Tier, bandwidth: (tier: string) => string | undefined = () => undefined): Zones {
  const zones: Zone[] = [];
  const conduits: Conduit[] = [];
  const walk = (tier: Tier, parent: string | undefined): void => {
    zones.push({ name: tier.name, kind: parent === undefined ? "root" : "relay", holds: holds[parent === undefined ? "root" : "relay"] });
    if (parent !== undefined) conduits.push(conduit(tier.name, parent, "sums of updates, counts, how many members", bandwidth(tier.name)));
    for (const child of tier.children) {
      if (typeof child !== "string") {
        walk(child, tier.name);
        continue;
      }
      zones.push({ name: child, kind: "plant", holds: holds.plant });
      conduits.push(conduit(child, tier.name, "sums over columns, updates, counts", undefined));
    }
  };
  walk(root, undefined);
  return { zones, conduits };
}

function conduit(from: string, to: string, up: string, bandwidth: string | undefined): Conduit {
  return { from, to, up, down: "signed plan, questions, models", ...(bandwidth === undefined ? {} : { bandwidth }) };
}

/** As two tables in Markdown. */
export function zonesText({ zones, conduits }: Zones): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    row(["zone", "kind", "holds"]),
    "|---|---|---|",
    ...zones.map(({ name, kind, holds: what }) => row([name, kind, what])),
    "",
    row(["conduit", "opened by", "protocol", "up", "down", "share of the link"]),
    "|---|---|---|---|---|---|",
    ...conduits.map(({ from, to, up, down, bandwidth }) =>
      row([`${from} -> ${to}`, from, "HTTP/1.1 over mutual TLS 1.3, one TCP port of the upper end", up, down, bandwidth ?? "unlimited"]),
    ),
    "",
  ].join("\n");
}
