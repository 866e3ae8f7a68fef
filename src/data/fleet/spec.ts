/** The fleet as a federation file asks for it: `data: { use: fleet }`. */
import { z } from "zod";

export const fleetSchema = z.strictObject({
  use: z.literal("fleet"),
  /** `standard`: federation helps. `hard`: sites contradict each other, and it does not. */
  preset: z.enum(["standard", "hard"]).default("standard"),
  machines: z.int().min(2).max(2000).default(100),
  days: z.int().min(5).max(1100).default(180),
  sites: z.int().min(1).max(200).default(10),
  /** What the sites are called, one name each; default site-01, site-02 and so on. */
  siteNames: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "a name of lower-case letters, digits, dots, dashes and underscores"))
    .refine((names) => new Set(names).size === names.length, "every name once")
    .optional(),
  /** Which plant: the same number is the same plant, whatever the seed of the federation. */
  seed: z.int().min(0).max(4294967295).default(1),
});

export type FleetSpec = z.infer<typeof fleetSchema>;
export type FleetPreset = FleetSpec["preset"];
/** What a caller has to say; everything has a default. */
export type FleetOptions = Partial<Omit<FleetSpec, "use">>;

export function fleetSpec(options: FleetOptions = {}): FleetSpec {
  return fleetSchema.parse({ use: "fleet", ...options });
}
