/** `doctor --zones FILE`: the table of zones and conduits of a federation file, as Markdown or JSON. */
import { membersOf, tierOf } from "../coordinator/plan-members.js";
import { readText } from "../io/read-text.js";
import { readFederationFile } from "../round/file.js";
import type { TierSpec } from "../round/tiers.js";
import { type Context, writeJson } from "./context.js";
import { type Zones, zonesOf, zonesText } from "./zones.js";

/** Errors: FILE_*, PLAN_REFUSED where the file leaves it open who takes part. */
export function zonesOfFile(text: string, where: string, sites: readonly string[] | undefined): Zones {
  const file = readFederationFile(text, where);
  const members = membersOf(file, { org: "members", ...(sites === undefined ? {} : { sites }) });
  const root = members.find((one) => one.under === undefined)?.name ?? "";
  const shares = new Map<string, string>();
  const collect = (tiers: Readonly<Record<string, TierSpec>>): void => {
    for (const [name, { bandwidth, children }] of Object.entries(tiers)) {
      if (bandwidth !== undefined) shares.set(name, bandwidth);
      for (const child of children) if (typeof child !== "string") collect(child);
    }
  };
  collect(file.tiers ?? {});
  return zonesOf(tierOf(file, members, root), (tier) => shares.get(tier));
}

export async function showZones(context: Context, path: string, sites: readonly string[] | undefined, json: boolean): Promise<void> {
  const zones = zonesOfFile(readText(path, "a federation file"), path, sites);
  if (json) writeJson(context, zones);
  else context.out.write(zonesText(zones));
}
